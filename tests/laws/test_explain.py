"""What `explain` says is what a login gets: compared over accounts, clients and rules of any kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from radius_mfa.auth.asks import Brought, Checked, FindDevice, KnowsPlace, LoadAccount
from radius_mfa.auth.model import (
    Account,
    Challenge,
    Claim,
    ClientPolicy,
    CodeHistory,
    Device,
    DeviceKind,
    Dialogue,
    Door,
    FirstFactor,
    LoginRequest,
    Mfa,
    Reject,
    ReplyRule,
    Stage,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import NotEnrolled, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.cli.decision import Decision
from tests.unit.driving import (
    NOW,
    PASSWORD,
    RECOVERY,
    SECRET,
    STEP,
    World,
    alice,
    code,
    dashed,
    hotp,
    opened,
    pending,
    request,
    totp,
)
from tests.unit.memory import Trusted

T = TypeVar("T")
STATION = "192.0.2.77"


def mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """The usual one in most examples: what refuses early hides what comes later."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


GROUPS = mostly(frozenset({"ops"}), frozenset({"staff", "ops"}), frozenset[str](), None)
TOKENS = st.lists(
    st.one_of(
        st.builds(
            totp,
            status=mostly(TokenStatus.ACTIVE, TokenStatus.DISABLED),
            last_step=st.sampled_from([-1, STEP - 1, STEP, STEP + 1]),
            secret=mostly(SECRET, None),
        ),
        st.builds(hotp, last_step=st.sampled_from([-1, 7])),
        st.builds(pending, expires=mostly(NOW + 3600, NOW - 1)),
    ),
    max_size=2,
)
ACCOUNTS = st.builds(
    lambda tokens, **facts: alice(*(replace(token, id=number) for number, token in enumerate(tokens, 1)), **facts),
    TOKENS,
    backend=st.sampled_from(["local"] * 4 + ["pam"] * 4 + ["ldap"]),
    password_hash=st.just("$"),
    mail=mostly("alice@example.com", None),
    groups=GROUPS,
    mfa=mostly(Mfa.INHERIT, Mfa.REQUIRED, Mfa.OFF),
    disabled=mostly(False, True),
    history=mostly(CodeHistory(), CodeHistory(failures=5, locked_until=NOW + 10)),
)
REPLIES = (ReplyRule(frozenset({"ops"}), b"ops", {"A": "ops"}), ReplyRule(None, b"all", {"A": "all"}))
CLIENTS = st.builds(
    ClientPolicy,
    st.just("pbx"),
    st.sampled_from(Dialogue),
    always_challenge=mostly(False, True),
    mfa=mostly(Mfa.INHERIT, Mfa.REQUIRED, Mfa.OFF),
    groups=mostly(None, frozenset({"ops"})),
    replies=st.just(REPLIES),
    trusted_devices=mostly(DeviceKind.CALLING_STATION, None, *DeviceKind),
).map(
    lambda client: replace(client, always_challenge=client.always_challenge and client.dialogue is Dialogue.CHALLENGE)
)
RULES = st.builds(
    Rules,
    required=mostly(True, False, frozenset({"ops"})),
    not_enrolled=mostly(NotEnrolled.ENROLL, NotEnrolled.REJECT, NotEnrolled.ACCEPT),
    window=st.sampled_from([0, 1]),
    mails=mostly(True, False),
    newcomers=st.just(True),
)
PAM: dict[str, object] = {"door": Door.PAM, "rhost": STATION}
REQUESTS = mostly(
    {"calling_station": STATION},
    {},
    {"name": b"ALICE"},
    {**PAM, "service": "sshd"},
    {**PAM, "service": "sshd", "name": b"ALICE"},
    {**PAM, "service": "sudo"},
    {**PAM, "service": "sudo", "first_factor": FirstFactor.PROVEN_BY_STACK},
)


class Looking:
    """ports.Store over a World, for who may only look."""

    def __init__(self, world: World) -> None:
        self._world = world

    def load(self, name: str) -> Account | None:
        found = self._world.answer(LoadAccount(name))
        assert found is None or isinstance(found, Account)
        return found

    def find_device(self, account_id: int, claim: Claim, digest: bytes) -> Device | None:
        found = self._world.answer(FindDevice(self._world.accounts["alice"], claim, digest))
        assert found is None or isinstance(found, Device)
        return found

    def knows(self, account: Account, place: str) -> bool:
        return bool(self._world.answer(KnowsPlace(account, place)))

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} of the store was asked for")


def world_of(account: Account, rules: Rules, recovery: int, trusted: str) -> World:
    """alice, and a device that is trusted, has expired or is not there."""
    world = World(account, rules=rules, codes=[RECOVERY, "QRSTUVWXYZ234567"][:recovery])
    world.host["alice"] = Checked(passed=True, brought=Brought("alice", "pam", account.groups, account.mail))
    if account.backend == "ldap":  # made with a backend that is not configured any more
        world.passwords[account.id] = b"nobody's"
    if trusted:
        tag = None if account.backend == "local" else PASSWORD[:2]
        expires = NOW + 60 if trusted == "live" else NOW
        for door in (Door.RADIUS, Door.PAM):
            claim = Claim(DeviceKind.CALLING_STATION, "pbx", f"{door}\0{STATION}".encode())
            world.devices.append(Trusted(account.id, claim, Device(1, NOW - 9, NOW - 9, expires, tag)))
    return world


def logged_in(world: World, first: LoginRequest, account: Account) -> list[Verdict]:
    """What a person gets who types the right password, and then the code that the authenticator shows next."""
    verdict = world.login(first)
    at, typed = shown(account, recovery=any(not row.used for row in world.codes.values()))
    if typed is not None and isinstance(verdict, Challenge) and verdict.stage is not Stage.DECOY:
        state = opened(verdict, at)
        return [verdict, world.login(replace(first, at=at, password=typed, state=state, digest=b"2"))]
    if typed is not None and isinstance(verdict, Reject) and verdict.reason is Reason.CODE_MISSING:
        return [verdict, world.login(replace(first, at=at, password=(first.password or b"") + typed, digest=b"2"))]
    return [verdict]


def shown(account: Account, *, recovery: bool) -> tuple[float, bytes | None]:
    """What can be typed, and when; nobody waits for the next code while the account is locked."""
    usable = [token for token in account.tokens if token.secret and token.status is TokenStatus.ACTIVE]
    waiting = [token for token in account.tokens if token.status is TokenStatus.PENDING and (token.expires or 0) > NOW]
    if not usable + waiting:
        return NOW, dashed() if recovery else None
    token = (usable + waiting)[0]
    if token.kind.value == "hotp":
        return NOW, code(0, token, off=token.last_step + 1)
    later = 0 if account.history.locked_until > NOW else max(0, token.last_step + 1 - STEP)
    return NOW + 30 * later, code(NOW, token, off=later)


@settings(max_examples=500)
@given(ACCOUNTS, CLIENTS, RULES, REQUESTS, st.integers(0, 2), st.sampled_from(["", "live", "live", "expired"]))
def test_explain_says_what_a_login_gets(
    account: Account, client: ClientPolicy, rules: Rules, facts: dict[str, object], recovery: int, trusted: str
) -> None:
    """Round by round the very verdict, with reason, method, text and attributes; and nothing is changed."""
    world = world_of(account, rules, recovery, trusted)
    if "door" in facts:
        client = replace(client, dialogue=Dialogue.CHALLENGE, always_challenge=False, replies=())
    first = request(PASSWORD, client, **facts)  # type: ignore[arg-type]
    if first.first_factor is FirstFactor.PROVEN_BY_STACK:
        first = replace(first, password=None)
    before = repr((world.accounts, world.codes, world.devices, world.places))
    known = world.answer(LoadAccount("alice"))
    assert isinstance(known, Account)
    decided = Decision(rules, Looking(world), ["local", "pam"]).rounds(first, known)  # type: ignore[arg-type]
    assert before == repr((world.accounts, world.codes, world.devices, world.places))
    expected = [untagged(verdict) for verdict in logged_in(world, first, account)]
    assert expected == [untagged(one.verdict) for one in decided]


def untagged(verdict: Verdict) -> Verdict:
    """Without the tag of a password that is another one here and there."""
    return replace(verdict, tag=b"") if isinstance(verdict, Challenge) else verdict
