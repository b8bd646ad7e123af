"""Every reason of the rules happens, and none of them can be told from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from radius_mfa.auth import policy
from radius_mfa.auth.model import (
    INVALID_STATE,
    Challenge,
    ClientPolicy,
    CodeHistory,
    DeviceKind,
    OpenedState,
    Reject,
    Stage,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import Enrolment, NotEnrolled, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.throttle import Lockout
from tests.unit.driving import (
    APPEND,
    BOTH,
    NOW,
    PASSWORD,
    PBX,
    RECOVERY,
    SHY,
    World,
    alice,
    code,
    opened,
    pending,
    request,
    totp,
    wrong,
)

OUTSIDE = {Reason.UNAVAILABLE, Reason.INTERNAL}
"""What whoever drives a flow says when it cannot end."""


def state(**facts: object) -> OpenedState:
    """A State for alice's code, as any client could hold it."""
    return replace(opened(Challenge(Stage.CODE, "", 1, 1, 120.0)), **facts)  # type: ignore[arg-type]


def answer(client: ClientPolicy, given: bytes, world: World | None = None, **facts: object) -> Verdict:
    """The verdict on an answer to a challenge."""
    return (world or World(alice(totp()))).login(request(given, client, state=state(**facts)))


def repeated(client: ClientPolicy) -> Verdict:
    world, datagram = World(alice(totp())), request(code(), client, state=state())
    return [world.login(datagram), world.login(datagram)][1]


def spent(client: ClientPolicy) -> Verdict:
    world, one = World(alice(totp())), state()
    return [world.login(request(given, client, state=one)) for given in (wrong(), code())][1]


def used(client: ClientPolicy) -> Verdict:
    world = World(alice(totp()), codes=[RECOVERY])
    return [answer(client, RECOVERY.encode(), world) for _ in range(2)][1]


def changed(client: ClientPolicy) -> Verdict:
    world = World(alice(totp()))
    world.meanwhile = lambda: world.change(disabled=True)
    return answer(client, code(), world)


def locking(client: ClientPolicy, limits: Lockout) -> Verdict:
    """The wrong code that is one too many."""
    return answer(client, wrong(), World(alice(totp()), rules=Rules(lockout=limits)))


def throttled(client: ClientPolicy) -> Verdict:
    world = World(alice(totp()))
    world.tries = lambda ask: None
    return world.login(request(client=client))


def invited(per_day: int = 5) -> World:
    """A world in which alice has an address and no token."""
    return World(alice(mail="alice@example.com"), rules=Rules(mails=True, enrolment=Enrolment(per_day=per_day)))


def typed_mail(at: float, client: ClientPolicy) -> Verdict:
    """`mail` at the prompt of an invitation, asked where there are prompts."""
    world, asking = invited(), PBX if client in (APPEND, SHY) else client
    world.login(request(client=asking))
    again = world.login(request(client=asking, at=at - 1))
    return world.login(request(b"mail", asking, at=at, state=opened(again, at - 1)))


STORIES: dict[Reason, Callable[[ClientPolicy], Verdict]] = {
    Reason.OK: lambda client: answer(client, code()),
    Reason.TRUSTED: lambda client: answer(replace(client, trusted_devices=DeviceKind.TOKEN), code() + b"+"),
    Reason.REPEATED: repeated,
    Reason.NOT_ENROLLED_ACCEPTED: lambda client: World(alice(), rules=Rules(not_enrolled=NotEnrolled.ACCEPT)).login(
        request(client=client)
    ),
    Reason.INVITED: lambda client: invited().login(request(client=client)),
    Reason.INVITED_AGAIN: lambda client: typed_mail(NOW + 600, client),
    Reason.INVITATION_WAITS: lambda client: typed_mail(NOW + 599, client),
    Reason.UNSUPPORTED_METHOD: lambda client: World(alice(totp())).login(request(client=client, unsupported=True)),
    Reason.BAD_NAME: lambda client: World().login(request(client=client, name=b"\0")),
    Reason.NO_PASSWORD: lambda client: World(alice(totp())).login(request(b"", client)),
    Reason.UNKNOWN_ACCOUNT: lambda client: World().login(request(client=client)),
    Reason.WRONG_PASSWORD: lambda client: World(alice(totp())).login(request(b"wrong", client)),
    Reason.DISABLED: lambda client: (
        World(alice(totp(), disabled=True)).login(request(PASSWORD + code(), client))
        if client is APPEND
        else World(alice(totp(), disabled=True)).login(request(client=client))
    ),
    Reason.NOT_ALLOWED: lambda client: World(alice()).login(
        request(client=replace(client, groups=frozenset({"admins"})))
    ),
    Reason.NOT_ENROLLED: lambda client: World(alice()).login(request(client=client)),
    Reason.NO_ADDRESS: lambda client: World(alice(), rules=Rules(mails=True)).login(request(client=client)),
    Reason.MAIL_LIMIT: lambda client: invited(per_day=0).login(request(client=client)),
    Reason.INVITATION_ENDED: lambda client: answer(
        client, code(), World(alice(pending(expires=NOW))), stage=Stage.ENROLMENT
    ),
    Reason.TOKEN_DISABLED: lambda client: World(alice(totp(status=TokenStatus.DISABLED))).login(request(client=client)),
    Reason.TOKEN_UNREADABLE: lambda client: World(alice(totp(secret=None))).login(request(client=client)),
    Reason.LOCKED: lambda client: answer(
        client, code(), World(alice(totp(), history=CodeHistory(locked_until=NOW + 1)))
    ),
    Reason.CODE_MISSING: lambda client: World(alice(totp())).login(
        request(client=ClientPolicy(client.shortname, APPEND.dialogue))
    ),
    Reason.NOT_A_CODE: lambda client: answer(client, b"12345"),
    Reason.WRONG_CODE: lambda client: answer(client, wrong()),
    Reason.WRONG_CODE_LOCKS: lambda client: locking(client, Lockout(after=1)),
    Reason.WRONG_CODE_DISABLES: lambda client: locking(client, Lockout(disable_after=1)),
    Reason.THROTTLED: throttled,
    Reason.STALE_CODE: lambda client: answer(client, code(), World(alice(totp(last_step=int(NOW // 30))))),
    Reason.SKEWED_CODE: lambda client: answer(client, code(off=5)),
    Reason.USED_CODE: used,
    Reason.STATE_INVALID: lambda client: World(alice(totp())).login(request(code(), client, state=INVALID_STATE)),
    Reason.STATE_EXPIRED: lambda client: answer(client, code(), expires=int(NOW)),
    Reason.STATE_SPENT: spent,
    Reason.STATE_OUTDATED: lambda client: answer(client, code(), epoch=2),
    Reason.ACCOUNT_CHANGED: changed,
}


def test_every_reason_has_its_story() -> None:
    """No reason of the rules is unheard of, and none is missing here."""
    assert set(Reason) - OUTSIDE == set(STORIES)


@pytest.mark.parametrize("reason", STORIES)
@pytest.mark.parametrize("client", [PBX, APPEND, BOTH, SHY], ids=lambda client: client.shortname)
def test_a_reason_is_reached(reason: Reason, client: ClientPolicy) -> None:
    """The story of a reason ends with it, at a client of every kind."""
    assert reason is STORIES[reason](client).reason


@pytest.mark.parametrize("client", [PBX, APPEND, BOTH], ids=lambda client: client.shortname)
def test_a_reject_says_the_same_whatever_the_reason(client: ClientPolicy) -> None:
    """The text of a Reject depends on client and dialogue alone; only a method without room for a code is told so."""
    verdicts = {
        reason: story(client)
        for reason, story in STORIES.items()
        if reason not in {Reason.UNSUPPORTED_METHOD, Reason.CODE_MISSING} or client is APPEND
    }
    verdicts.pop(Reason.UNSUPPORTED_METHOD, None)
    verdicts.pop(Reason.INVITED)  # with `append` it tells the owner of the password where the mail is
    texts = {verdict.text for verdict in verdicts.values() if isinstance(verdict, Reject)}
    assert {policy.denial(client)} == texts
    assert 19 <= sum(isinstance(verdict, Reject) for verdict in verdicts.values())


def test_with_always_challenge_a_reject_says_the_same_too() -> None:
    """Decoys are told like real ones, and what follows either is the one Reject."""
    elsewhere = {Reason.UNSUPPORTED_METHOD, Reason.INVITED_AGAIN, Reason.INVITATION_WAITS}
    verdicts = [story(SHY) for reason, story in STORIES.items() if reason not in elsewhere]
    rejects = {
        verdict.text for verdict in verdicts if isinstance(verdict, Reject) if verdict.reason is not Reason.CODE_MISSING
    }
    challenges = {verdict.text for verdict in verdicts if isinstance(verdict, Challenge)}
    assert ({policy.denial(SHY)}, 1) == (rejects, len(challenges))


def test_a_verdict_shows_no_secret() -> None:
    """What is printed of requests, verdicts and accounts holds no password, code, secret or stored reply."""
    world = World(alice(totp(), password_hash="$argon2id$hash"), codes=[RECOVERY])
    datagram = request(PASSWORD + code(), APPEND)
    reading = policy.read(PASSWORD + code(), replace(datagram, client=BOTH), world.accounts["alice"], Rules())
    shown = repr([world.login(datagram), world.login(datagram), datagram, reading, world.accounts, world.asked])
    for secret in (PASSWORD.decode(), code().decode(), "12345678901234567890", "argon2id", "stored="):
        assert secret not in shown
