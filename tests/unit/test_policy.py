"""Names, who may log in, who owes a code, and what an Accept brings."""

# ruff: noqa: RUF001 - letters that look like others are what this is about

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from radius_mfa.auth import policy
from radius_mfa.auth.model import Account, ClientPolicy, Door, Mfa, ReplyRule, TokenStatus
from radius_mfa.auth.policy import Enrolment, Names, Owes, Rules, canonical_name
from radius_mfa.auth.texts import Text, masked, say
from tests.unit.driving import NOW, PBX, SHY, alice, pending, request, totp

NAMES = Names(realms=frozenset({"example.com"}), domains=frozenset({"corp"}))


@pytest.mark.parametrize(
    "raw",
    [
        b"alice",
        b"Alice",
        b"ALICE",
        b"alice@example.com",
        b"Alice@EXAMPLE.com",
        b"corp\\alice",
        b"CORP\\Alice@Example.Com",
    ],
)
def test_aliases_of_one_account_are_one_name(raw: bytes) -> None:
    """Case, a listed realm and a listed domain lead to the same account."""
    assert canonical_name(raw, NAMES) == "alice"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"alice@elsewhere.com", "alice@elsewhere.com"),
        (b"other\\alice", "other\\alice"),
        (b"alice@example.com@example.com", "alice@example.com"),
        (b"corp\\corp\\alice", "corp\\alice"),
        (b"alice@corp", "alice@corp"),
        (b"example.com\\alice", "example.com\\alice"),
        (b"corp", "corp"),
        (b"example.com", "example.com"),
        (b"alice ", "alice "),
        (b" alice", " alice"),
        (b" ", " "),
        (b"alice.", "alice."),
        ("аlice".encode(), "аlice"),
        ("ａlice".encode(), "ａlice"),
        ("alıce".encode(), "alıce"),
        ("ALİCE".encode(), "alİce"),
        ("ali\u0301ce".encode(), "ali\u0301ce"),
        ("Ärger".encode(), "Ärger"),
        ("\u212a".encode(), "\u212a"),  # the Kelvin sign is not a k
        (b"alice' OR 1=1 --", "alice' or 1=1 --"),
        (b"a" * 253, "a" * 253),
    ],
)
def test_what_is_not_listed_stays_part_of_the_name(raw: bytes, expected: str) -> None:
    """Another realm, another domain, a space, another script: another account."""
    assert expected == canonical_name(raw, NAMES)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"@example.com",
        b"corp\\",
        b"corp\\@example.com",
        b"a" * 254,
        b"alice\0",
        b"alice\0x",
        b"alice\n",
        b"al\tice",
        b"\x1b]0;alice",
        b"alice\xff",
        b"\xed\xa0\x80",  # half of a surrogate pair
        "alice\u200d".encode(),
        "alice\u200b".encode(),
        "\u202ealice".encode(),
        "alice\u2028".encode(),
        "alice\u00a0".encode(),
        "alice\x85".encode(),
    ],
)
def test_some_octets_are_no_name(raw: bytes | None) -> None:
    """Nothing, too much, broken UTF-8 and invisible characters are refused, not cleaned."""
    assert canonical_name(raw, NAMES) is None


def test_case_is_kept_where_it_counts() -> None:
    """With `case: keep` Alice and alice are two accounts; realms and domains are still found in any case."""
    names = replace(NAMES, fold=False)
    assert canonical_name(b"CORP\\Alice@Example.COM", names) == "Alice"


@given(place=st.integers(0, 5), cut=st.integers(0, 1), letter=st.characters())
@example(place=0, cut=1, letter="\u0430")
@example(place=5, cut=0, letter="\u200d")
@example(place=5, cut=0, letter=" ")
@example(place=2, cut=1, letter="\u0130")
def test_no_other_letter_leads_to_alice(place: int, cut: int, letter: str) -> None:
    """One character more or another one in its place, from all of Unicode, never maps onto alice."""
    name = "alice"[:place] + letter + "alice"[place + cut :]
    if name.encode(errors="replace").lower() != b"alice":
        assert canonical_name(name.encode(errors="surrogatepass"), NAMES) != "alice"


@given(raw=st.binary(max_size=300))
def test_a_canonical_name_stays_what_it_is(raw: bytes) -> None:
    """Any octets are a name or none; a name without realm or domain is its own canonical form."""
    name = canonical_name(raw, Names())
    assert name is None or name == canonical_name(name.encode(), Names())


@pytest.mark.parametrize(
    ("groups", "admitted"),
    [
        (None, True),
        (frozenset[str](), False),
        (frozenset({"staff"}), True),
        (frozenset({"x", "staff"}), True),
        (frozenset({"x"}), False),
    ],
)
def test_a_client_admits_its_groups(groups: frozenset[str] | None, admitted: bool) -> None:
    """Without `groups` everyone may; with them, members of one of them."""
    member = alice(groups=frozenset({"staff", "night"}))
    assert admitted is policy.admits(member, request(client=ClientPolicy("pbx", groups=groups)))


@pytest.mark.parametrize("door", list(Door))
def test_root_never_comes_over_the_network(door: Door) -> None:
    """root may log in on the host's own door alone; anyone else through each."""
    assert (door is Door.PAM) is policy.admits(alice(name="root"), request(door=door))
    assert policy.admits(alice(name="rooty"), request(door=door))


@pytest.mark.parametrize(("account", "client"), list(product(Mfa, Mfa)))
@pytest.mark.parametrize(
    ("required", "by_rule"),
    [(True, True), (False, False), (frozenset({"staff"}), True), (frozenset({"admins"}), False)],
)
def test_who_owes_a_code(account: Mfa, client: Mfa, required: bool | frozenset[str], by_rule: bool) -> None:
    """The account's own setting decides, then the client's, then `mfa.required`."""
    owner = alice(mfa=account, groups=frozenset({"staff"}))
    settings = [mfa is Mfa.REQUIRED for mfa in (account, client) if mfa is not Mfa.INHERIT]
    expected = settings[0] if settings else by_rule
    assert expected is policy.owes_code(owner, ClientPolicy("pbx", mfa=client), Rules(required=required))


DISABLED = totp(status=TokenStatus.DISABLED)
UNREADABLE = totp(secret=None)
LATE = pending(expires=NOW)


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (alice(), Owes.ENROLMENT),
        (alice(recovery_left=1), Owes.CODE),
        (alice(recovery_issued=True), Owes.ENROLMENT),
        (alice(totp()), Owes.CODE),
        (alice(pending()), Owes.FIRST_CODE),
        (alice(pending(), recovery_left=1), Owes.FIRST_CODE),
        (alice(totp(), pending()), Owes.CODE),
        (alice(LATE), Owes.ENROLMENT),
        (alice(pending(expires=None)), Owes.ENROLMENT),
        (alice(LATE, recovery_left=1), Owes.CODE),
        (alice(DISABLED), Owes.TOKEN_DISABLED),
        (alice(DISABLED, recovery_left=1), Owes.TOKEN_DISABLED),
        (alice(DISABLED, totp()), Owes.CODE),
        (alice(DISABLED, LATE), Owes.TOKEN_DISABLED),
        (alice(UNREADABLE), Owes.TOKEN_UNREADABLE),
        (alice(UNREADABLE, recovery_left=1), Owes.TOKEN_UNREADABLE),
        (alice(UNREADABLE, totp()), Owes.CODE),
        (alice(UNREADABLE, DISABLED), Owes.TOKEN_UNREADABLE),
        (alice(pending(secret=None)), Owes.TOKEN_UNREADABLE),
        (alice(pending(secret=None, expires=NOW)), Owes.ENROLMENT),
        (alice(replace(DISABLED, secret=None)), Owes.TOKEN_DISABLED),
        (alice(totp(), mfa=Mfa.OFF), Owes.NOTHING),
        (alice(UNREADABLE, mfa=Mfa.OFF), Owes.NOTHING),
    ],
)
def test_what_an_account_owes(account: Account, expected: Owes) -> None:
    """Only who never had a working token enrols; a token that is broken or disabled is a refusal of its own."""
    assert expected is policy.owes(account, PBX, Rules(), NOW)


def test_codes_are_as_long_as_those_of_the_accounts_tokens() -> None:
    """An unknown account and one without tokens are read like `mfa.totp.digits`."""
    assert 6 == policy.code_digits(None, Rules())
    rules = Rules(enrolment=Enrolment(digits=7))
    assert [7, 7, 8] == [policy.code_digits(one, rules) for one in (None, alice(), alice(totp(digits=8)))]


@pytest.mark.parametrize(
    ("address", "mails", "client", "expected"),
    [
        ("a@example.com", True, PBX, say(Text.ASK_MAILED_CODE, address="a***@example.com", trust="")),
        ("a@example.com", False, PBX, say(Text.ASK_FIRST_CODE, trust="")),
        (None, True, PBX, say(Text.ASK_FIRST_CODE, trust="")),
        ("", True, PBX, say(Text.ASK_FIRST_CODE, trust="")),
        ("a@example.com", True, SHY, say(Text.ASK_CODE, trust="")),
    ],
)
def test_the_prompt_for_a_first_code(address: str | None, mails: bool, client: ClientPolicy, expected: str) -> None:
    """It names the mail where there is one; with `always_challenge` it is the prompt of everybody."""
    rules = Rules(mails=mails)
    round_ = request(client=client)
    assert expected == policy.prompt(round_, Owes.FIRST_CODE, alice(mail=address), rules)
    assert say(Text.ASK_CODE, trust="") == policy.prompt(round_, Owes.CODE, alice(mail=address), rules)
    assert say(Text.ASK_CODE, trust="") == policy.prompt(round_, Owes.FIRST_CODE, None, rules)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("alice@example.com", "a***@example.com"),
        ("a@example.com", "a***@example.com"),
        ("alice@" + "d" * 64, "a***@" + "d" * 64),
        ("alice@" + "d" * 65, "a***@" + "d" * 64 + "..."),
        ("no address", "***@no address"),
    ],
)
def test_a_masked_address_shows_one_letter_and_the_domain(address: str, shown: str) -> None:
    """However short the name is, and never more of a domain than a reply has room for."""
    assert shown == masked(address)


def test_the_first_rule_that_matches_brings_the_attributes() -> None:
    """Of the reply rules the first whose groups match counts, and none of the others."""
    rules = (
        ReplyRule(frozenset({"admins"}), b"admin"),
        ReplyRule(frozenset({"staff", "night"}), b"staff"),
        ReplyRule(None, b"all"),
    )
    client = ClientPolicy("pbx", replies=rules)
    groups = ({"admins", "staff"}, {"night"}, {"guests"})
    assert [b"admin", b"staff", b"all"] == [policy.attributes(alice(groups=frozenset(one)), client) for one in groups]
    assert b"" == policy.attributes(alice(), ClientPolicy("pbx", replies=rules[:2]))


@pytest.mark.parametrize("name", [b"ALICE", b"Alice", b"alice@example.com", b"EXAMPLE\\alice"])
def test_over_pam_a_name_is_only_itself(name: bytes) -> None:
    """`ALICE` is another Linux user than alice, and `alice@example.com` a third: over RADIUS they may all be alice."""
    names = Names(realms=frozenset({"example.com"}), domains=frozenset({"example"}))
    assert policy.account_name(request(name=name), names) == "alice"
    assert policy.account_name(request(name=name, door=Door.PAM), names) is None
    assert policy.account_name(request(name=b"alice", door=Door.PAM), names) == "alice"
