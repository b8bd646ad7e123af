"""Accounts that a backend brings: made at the first right password, with the groups that it knows."""

from __future__ import annotations

import pytest

from radius_mfa.auth.asks import Brought, Checked, CheckPassword, Commit, RecordAccount
from radius_mfa.auth.model import (
    Accept,
    Account,
    Challenge,
    ClientPolicy,
    FirstFactor,
    Mfa,
    OpenedState,
    Reject,
    ReplyRule,
    Stage,
    Verdict,
)
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import APPEND, NOW, PBX, World, alice, code, opened, request, totp

STAFF = frozenset({"staff"})
ADMINS = ClientPolicy("admins", groups=frozenset({"admins"}))


def world(*accounts: Account, groups: frozenset[str] | None = STAFF, rules: Rules | None = None) -> World:
    """A host that knows alice."""
    made = World(*accounts, rules=rules or Rules(newcomers=True, mails=True))
    made.host["alice"] = Checked(passed=True, brought=Brought("alice", "pam", groups, "alice@example.com"))
    return made


def pam(*tokens: object, groups: frozenset[str] | None = STAFF, **facts: object) -> Account:
    return alice(*tokens, backend="pam", groups=groups, **facts)  # type: ignore[arg-type]


def recorded(world: World) -> list[str]:
    return [ask.brought.name for ask in world.asked if isinstance(ask, RecordAccount)]


def test_the_first_right_password_makes_the_account() -> None:
    """It is there before anything rests on it, with groups and address, and is invited like any other."""
    w = world()
    verdict = w.login(request())
    assert isinstance(verdict, Challenge)
    assert (Stage.ENROLMENT, Reason.INVITED) == (verdict.stage, verdict.reason)
    made = w.accounts["alice"]
    assert ("pam", STAFF, "alice@example.com", verdict.account_id) == (made.backend, made.groups, made.mail, made.id)
    kinds = [type(ask) for ask in w.asked]
    assert kinds.index(RecordAccount) < kinds.index(Commit)


@pytest.mark.parametrize("name", [b"alice", b"mallory"])
def test_a_wrong_password_makes_nothing(name: bytes) -> None:
    """A user of the host and nobody get the same Reject, for one question to the backend."""
    w = world()
    verdict = w.login(request(b"wrong", name=name))
    assert (Reason.UNKNOWN_ACCOUNT, [], 1) == (verdict.reason, recorded(w), w.count(CheckPassword))


def test_an_account_that_may_not_be_used_is_not_made() -> None:
    """The right password of one that has expired: not-allowed."""
    w = world()
    w.host["alice"] = Checked(passed=True, allowed=False)
    assert (Reason.NOT_ALLOWED, []) == (w.login(request()).reason, recorded(w))


def test_whom_the_client_does_not_admit_is_not_made() -> None:
    """The groups are looked at before anything is written."""
    w = world()
    assert (Reason.NOT_ALLOWED, []) == (w.login(request(client=ADMINS)).reason, recorded(w))


def test_groups_that_are_others_are_written_and_end_states() -> None:
    """Who leaves the group of the admins at the host is out at the next password, and so is a State from before."""
    w = world(pam(totp(), groups=frozenset({"admins", "staff"})), groups=frozenset({"admins"}))
    before = OpenedState(Stage.CODE, 1, 1, int(NOW) + 60, b"before")
    w.login(request(client=ADMINS))
    assert (frozenset({"admins"}), 2) == (w.accounts["alice"].groups, w.accounts["alice"].epoch)
    assert Reason.STATE_OUTDATED is w.login(request(code(), state=before)).reason


def test_the_same_groups_are_not_written_again() -> None:
    """An ordinary login of an account of the host writes what any login writes."""
    w = world(pam(totp()))
    assert isinstance(w.answered(code()), Accept)
    assert ([], 1) == (recorded(w), w.accounts["alice"].epoch)


def test_the_state_is_of_the_epoch_that_the_groups_made() -> None:
    """New groups do not end the very login that brings them."""
    w = world(pam(totp(), groups=frozenset()))
    assert isinstance(w.answered(code()), Accept)
    assert 2 == w.accounts["alice"].epoch


@pytest.mark.parametrize("required", [True, frozenset({"admins"})])
def test_unreadable_groups_owe_a_code(required: bool | frozenset[str]) -> None:
    """Nobody can tell that they are not the ones that owe it."""
    w = world(pam(totp()), groups=None, rules=Rules(required=required, newcomers=True))
    assert isinstance(w.login(request()), Challenge)
    assert w.accounts["alice"].groups is None


def test_unreadable_groups_match_no_rule() -> None:
    """Neither `groups` of a client nor those of a reply; a client without them admits."""
    replies = (ReplyRule(frozenset({"admins"}), b"all rights"), ReplyRule(None, b"few"))
    w = world(pam(totp(), groups=frozenset({"admins"})), groups=None)
    assert Reason.NOT_ALLOWED is w.login(request(client=ADMINS)).reason
    verdict = w.answered(code(), ClientPolicy("pbx", replies=replies))
    assert isinstance(verdict, Accept)
    assert b"few" == verdict.attributes


def test_a_name_that_was_taken_meanwhile_is_not_let_in() -> None:
    """An admin makes a local account of that name at the same moment: it is not the host's."""
    w = world()
    w.meanwhile = lambda: w.accounts.update(alice=alice(mfa=Mfa.OFF))
    assert Reason.NOT_ALLOWED is w.login(request()).reason


def test_an_account_that_was_disabled_meanwhile_is_not_let_in() -> None:
    """Between the password and the groups an admin disables it."""
    w = world(pam(totp(), groups=frozenset()))
    w.meanwhile = lambda: w.change(disabled=True)
    assert Reason.NOT_ALLOWED is w.login(request()).reason


@pytest.mark.parametrize("account", [pam(totp(), disabled=True), alice(totp(), disabled=True)])
def test_a_disabled_account_is_refused_first(account: Account) -> None:
    """Neither groups nor anything else is written for it."""
    w = world(account, groups=frozenset({"other"}))
    assert (Reason.DISABLED, []) == (w.login(request()).reason, recorded(w))


def test_a_local_account_is_none_of_the_host() -> None:
    """Only the backend that an account was made with is asked: a local one of the same name keeps its password."""
    w = world(alice(totp()))
    w.passwords[1] = b"another"
    assert Reason.WRONG_PASSWORD is w.login(request()).reason
    assert isinstance(w.login(request(b"another")), Challenge)
    assert [] == recorded(w)


def test_in_append_a_newcomer_has_no_code_yet() -> None:
    """The whole field is the password, also when it ends in digits: else its owner could never enrol."""
    w = world()
    field = b"horse123456"
    w.login(request(field, APPEND))
    assert [field] == [ask.password for ask in w.asked if isinstance(ask, CheckPassword)]
    assert isinstance(verdict := w.login(request(client=APPEND)), Reject)
    assert Reason.INVITED is verdict.reason


def test_a_stack_that_has_proven_brings_no_account() -> None:
    """A code-only service lets in those who are known, and makes nobody."""
    w = world()
    assert Reason.UNKNOWN_ACCOUNT is proven(w).reason
    known = world(pam(totp()))
    assert isinstance(proven(known), Challenge)
    assert [] == [ask for ask in known.asked if isinstance(ask, CheckPassword)]


def test_a_code_only_service_does_not_know_the_groups() -> None:
    """Those of the last password may be long gone: where a group owes a code, everybody of the host does."""
    rules = Rules(required=frozenset({"admins"}), newcomers=True)
    assert isinstance(proven(world(pam(totp()), rules=rules)), Challenge)
    assert isinstance(proven(world(pam(totp(), mfa=Mfa.OFF), rules=rules)), Accept)
    assert isinstance(proven(world(alice(totp(), groups=STAFF), rules=rules)), Accept)


def proven(w: World) -> Verdict:
    return w.login(request(None, PBX, first_factor=FirstFactor.PROVEN_BY_STACK))


def test_the_backend_is_told_where_the_person_sits() -> None:
    """The station, else the remote host, else who asked."""

    def told(**facts: object) -> str:
        w = world()
        w.login(request(**facts))  # type: ignore[arg-type]
        (ask,) = [ask for ask in w.asked if isinstance(ask, CheckPassword)]
        return ask.rhost

    station = {"calling_station": "+49 30"}
    assert ("192.0.2.10", "gate", "+49 30") == (told(), told(rhost="gate"), told(rhost="gate", **station))


def test_a_newcomer_is_made_once() -> None:
    """A second login asks for the first code again, and makes nothing twice."""
    w = world()
    first = w.login(request())
    assert isinstance(w.login(request()), Challenge)
    assert (1, ["alice"]) == (len(w.accounts), recorded(w))
    assert opened(first).account_id == w.accounts["alice"].id
