"""A code once more, of somebody who is signed in to the portal."""

from __future__ import annotations

import pytest

from radius_mfa.auth.asks import Commit
from radius_mfa.auth.model import (
    Accept,
    Account,
    ClientPolicy,
    CodeHistory,
    DeviceKind,
    Door,
    FirstFactor,
    Mfa,
    Reject,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import Names, Rules
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import (
    NOW,
    PASSWORD,
    RECOVERY,
    World,
    alice,
    code,
    dashed,
    opened,
    pending,
    request,
    totp,
    wrong,
)

PORTAL = ClientPolicy("portal", mfa=Mfa.REQUIRED, trusted_devices=DeviceKind.TOKEN)


def once_more(world: World, answer: bytes, **facts: object) -> Verdict:
    """The verdict on a code that somebody who is signed in has typed."""
    asked = {"door": Door.PORTAL, "first_factor": FirstFactor.SESSION, **facts}
    return world.login(request(answer, PORTAL, **asked))  # type: ignore[arg-type]


def reason(verdict: Verdict) -> Reason:
    assert isinstance(verdict, Reject)
    return verdict.reason


def test_a_code_is_taken_once() -> None:
    """It is used up like in any login, here and everywhere."""
    world = World(alice(totp()))
    assert isinstance(once_more(world, code()), Accept)
    assert Reason.STALE_CODE is reason(once_more(world, code()))
    challenge = world.login(request(PASSWORD))
    assert Reason.STALE_CODE is reason(world.login(request(code(), state=opened(challenge))))


def test_the_code_of_the_sign_in_does_not_serve_twice() -> None:
    """Nor does one that was used at another door."""
    world = World(alice(totp()))
    challenge = world.login(request(PASSWORD, PORTAL, door=Door.PORTAL))
    assert isinstance(world.login(request(code(), PORTAL, state=opened(challenge), door=Door.PORTAL)), Accept)
    assert Reason.STALE_CODE is reason(once_more(world, code()))


def test_the_session_stands_for_no_code() -> None:
    """Neither nothing nor the password is an answer, and neither is counted."""
    world = World(alice(totp()))
    for answer in (b"", PASSWORD, b"+", code() + b"+"):
        assert Reason.NOT_A_CODE is reason(once_more(world, answer))
    assert 0 == world.accounts["alice"].history.failures


@pytest.mark.parametrize("mfa", Mfa)
def test_whoever_owes_no_code_gives_one_all_the_same(mfa: Mfa) -> None:
    """What an account owes at a login is another question."""
    world = World(alice(totp(), mfa=mfa))
    assert Reason.WRONG_CODE is reason(once_more(world, wrong()))
    assert isinstance(once_more(world, code()), Accept)


def test_wrong_codes_count_with_those_of_logins() -> None:
    """Four over RADIUS and one here lock the account, and then the right one is refused too."""
    world = World(alice(totp()))
    for _ in range(4):
        world.login(request(wrong(), state=opened(world.login(request(PASSWORD)))))
    assert Reason.WRONG_CODE_LOCKS is reason(once_more(world, wrong()))
    assert Reason.LOCKED is reason(once_more(world, code()))


def test_a_recovery_code_is_a_code() -> None:
    """For whoever has lost the phone and wants to add another one; it is used up."""
    world = World(alice(totp(), recovery_left=1, recovery_issued=True), codes=[RECOVERY])
    assert isinstance(once_more(world, dashed()), Accept)
    assert Reason.USED_CODE is reason(once_more(world, dashed()))


def test_the_first_code_of_another_phone_makes_it_active() -> None:
    """One of the phone that is there already leaves it pending."""
    other = pending(id=2, secret=b"another secret 12345")
    world = World(alice(totp(), other))
    seen = []
    for answer in (code(), code(token=other)):
        assert isinstance(once_more(world, answer), Accept)
        seen.append(world.accounts["alice"].tokens[1].status)
    assert [TokenStatus.PENDING, TokenStatus.ACTIVE] == seen


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (alice(), Reason.NOT_ENROLLED),
        (alice(totp(status=TokenStatus.DISABLED)), Reason.TOKEN_DISABLED),
        (alice(totp(secret=None)), Reason.TOKEN_UNREADABLE),
        (alice(totp(), disabled=True), Reason.STATE_OUTDATED),
        (alice(totp(), history=CodeHistory(locked_until=NOW + 1)), Reason.LOCKED),
    ],
    ids=["nothing", "disabled token", "unreadable token", "disabled account", "locked"],
)
def test_without_a_factor_there_is_no_way(account: Account, expected: Reason) -> None:
    """What cannot be checked is refused, and nobody is enrolled."""
    world = World(account)
    assert expected is reason(once_more(world, code()))
    assert not [ask for ask in world.asked if isinstance(ask, Commit) and ask.mails]


@pytest.mark.parametrize("name", [b"nobody", b"root", b"", None])
def test_nobody_else_is_signed_in(name: bytes | None) -> None:
    """An account that is not there, and root, who never comes over the network."""
    world = World(alice(totp()), alice(totp(), id=2, name="root"))
    assert Reason.STATE_OUTDATED is reason(once_more(world, code(), name=name))


def test_the_name_of_a_session_is_taken_as_it_is() -> None:
    """An account made before its realm was cut off is not judged as the one without it."""
    rules = Rules(names=Names(realms=frozenset({"example.com"})))
    other = totp(id=2, secret=b"another secret 12345")
    world = World(alice(totp()), alice(other, id=2, name="alice@example.com"), rules=rules)
    assert Reason.WRONG_CODE is reason(once_more(world, code(), name=b"alice@example.com"))
    verdict = once_more(world, code(token=other), name=b"alice@example.com")
    assert isinstance(verdict, Accept)
    assert 2 == verdict.account_id


def test_an_accept_says_whose_it_is() -> None:
    """Account and epoch, on which a session of the portal rests."""
    for_alice = alice(totp(), epoch=7)
    verdict = once_more(World(for_alice), code())
    assert isinstance(verdict, Accept)
    assert (for_alice.id, 7) == (verdict.account_id, verdict.epoch)
