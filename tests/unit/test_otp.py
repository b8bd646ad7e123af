"""One-time codes: the vectors of the RFCs, two other programs as oracles, the window and what lies outside it."""

from __future__ import annotations

import base64
import random
import subprocess

import pyotp
import pytest

from radius_mfa.auth import otp
from radius_mfa.auth.model import Algorithm, Token
from radius_mfa.auth.otp import Match, Skew, Skewed, code_at
from tests.unit.driving import NOW, SECRET, STEP, code, hotp, pending, totp, wrong

RFC_6238 = [  # appendix B: time, then the codes of SHA-1, SHA-256 and SHA-512
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]
RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
KEYS = {Algorithm.SHA1: SECRET, Algorithm.SHA256: (SECRET * 2)[:32], Algorithm.SHA512: (SECRET * 4)[:64]}


@pytest.mark.parametrize(
    ("at", "column", "algorithm"), [(row[0], i, a) for row in RFC_6238 for i, a in enumerate(KEYS)]
)
def test_rfc_6238_appendix_b(at: int, column: int, algorithm: Algorithm) -> None:
    """The eighteen time-based codes of the RFC are ours, each found at its own step."""
    expected = next(row[1 + column] for row in RFC_6238 if row[0] == at)
    token = totp(secret=KEYS[algorithm], digits=8, algorithm=algorithm)
    assert expected == code_at(KEYS[algorithm], at // 30, 8, algorithm)
    assert Match(token, at // 30, 0) == otp.match([token], expected, at, 0, 0)


@pytest.mark.parametrize(("counter", "expected"), list(enumerate(RFC_4226)))
def test_rfc_4226_appendix_d(counter: int, expected: str) -> None:
    """The ten counter-based codes of the RFC are ours, each found at its own counter."""
    token = hotp(last_step=counter - 1)
    assert expected == code_at(SECRET, counter, 6, Algorithm.SHA1)
    assert Match(token, counter, 0) == otp.match([token], expected, NOW, 1, 0)


def test_ten_thousand_random_codes_are_those_of_pyotp() -> None:
    """For random secrets, times, digits and hashes another implementation shows the same code."""
    dice = random.Random(6238)
    differences = []
    for _ in range(10_000):
        secret, step = dice.randbytes(dice.randint(14, 64)), dice.randrange(2**40)
        digits, algorithm = dice.randint(6, 8), dice.choice(list(Algorithm))
        theirs = pyotp.HOTP(base64.b32encode(secret).decode(), digits=digits, digest=algorithm.value)
        if theirs.generate_otp(step) != code_at(secret, step, digits, algorithm):
            differences.append((secret, step, digits, algorithm))
    assert [] == differences


@pytest.mark.needs("oathtool", package="oathtool")
@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_oathtool_shows_the_same_codes(algorithm: Algorithm) -> None:
    """For random secrets the codes of a hundred steps in a row are those of oathtool."""
    dice = random.Random(str(algorithm))
    for digits in (6, 7, 8):
        secret, step = dice.randbytes(20), dice.randrange(2**26)
        call = ["oathtool", f"--totp={algorithm.value}", f"-d{digits}", "-w99", f"--now=@{step * 30}", "-"]
        done = subprocess.run(call, input=secret.hex(), capture_output=True, text=True, check=True)
        assert done.stdout.split() == [code_at(secret, step + n, digits, algorithm) for n in range(100)]


def matched(token: Token, shown: bytes, at: float = NOW, window: int = 1, look_ahead: int = 10) -> Match | None:
    return otp.match([token], shown.decode(), at, window, look_ahead)


@pytest.mark.parametrize("window", [0, 1, 2])
@pytest.mark.parametrize("off", range(-3, 4))
def test_the_window_is_as_wide_as_configured(window: int, off: int) -> None:
    """A code is found within the window, on both sides, and at no step outside it."""
    token = totp()
    expected = Match(token, STEP + off, max(-1, min(1, off))) if abs(off) <= window else None
    assert expected == matched(token, code(off=off), window=window)


@pytest.mark.parametrize(
    ("at", "step"), [(NOW - 0.001, STEP - 1), (NOW, STEP), (NOW + 29.999, STEP), (NOW + 30, STEP + 1)]
)
def test_a_step_begins_on_the_millisecond(at: float, step: int) -> None:
    """With no window the code changes exactly at the edge of thirty seconds."""
    token = totp()
    assert {step} == {off + STEP for off in range(-2, 3) if matched(token, code(off=off), at, window=0)}


def test_a_step_outlives_thirty_two_bits() -> None:
    """Times after 2038 and after 2106 have their codes."""
    for at in (2.0**31, 2.0**32 + 5, 2.0**40):
        assert matched(totp(), code(at), at) is not None


def test_no_step_lies_before_the_epoch() -> None:
    """A clock at its very start finds the steps that exist, and no others."""
    assert Match(totp(), 0, 0) == matched(totp(), code(0.0), 0.0)
    assert Skewed(Skew.UNKNOWN) == otp.find_skew([totp()], wrong().decode(), 0.0)
    assert Skew.SKEWED is otp.find_skew([totp()], code(0.0).decode(), 90.0).skew


def test_the_window_follows_the_drift_that_was_learned() -> None:
    """An authenticator that is two minutes fast is tried where it was the last time, and where it should be."""
    token = totp(drift=4)
    assert {-1, 0, 1, 3, 4, 5} == {off for off in range(-8, 9) if matched(token, code(off=off))}
    assert Match(token, STEP + 5, 5) == matched(token, code(off=5))


def test_drift_moves_by_one_step_a_login() -> None:
    """However far a wide window reaches, one login teaches one step."""
    assert Match(totp(), STEP + 5, 1) == matched(totp(), code(off=5), window=6)
    token = totp(drift=4)
    assert Match(token, STEP - 6, 3) == matched(token, code(off=-6), window=6)


def test_a_clock_that_was_set_right_unlearns_its_drift() -> None:
    """Who was twenty steps slow and is right since logs in each time, until nothing is left of the drift."""
    token, at = totp(drift=-20), NOW
    for left in range(-19, 1):
        at += 30
        found = matched(token, code(at), at)
        assert found is not None
        assert left == found.drift
        token = totp(drift=found.drift, last_step=found.step)


def test_without_a_window_no_drift_counts() -> None:
    """`window: 0` means the current step, whatever was learned before."""
    token = totp(drift=4)
    assert Match(token, STEP, 0) == matched(token, code(), window=0)
    assert matched(token, code(off=4), window=0) is None


@pytest.mark.parametrize("side", [1, -1])
def test_drift_is_learned_up_to_ten_minutes(side: int) -> None:
    """The last step that a patient clock can win does not move the window any further."""
    token = totp(drift=20 * side)
    assert Match(token, STEP + 21 * side, 20 * side) == matched(token, code(off=21 * side))


def test_a_step_not_taken_is_preferred_over_one_that_was() -> None:
    """When two tokens show the same code and one has had it, the other gives it."""
    old, new = totp(id=1, last_step=STEP), totp(id=2)
    for tokens in ([old, new], [new, old]):
        assert Match(new, STEP, 0) == otp.match(tokens, code().decode(), NOW, 1, 10)


def test_a_step_that_was_taken_is_still_recognised() -> None:
    """A repetition of a used code is told apart from a guess, at the first token that has it."""
    first, second = totp(id=1, last_step=STEP), totp(id=2, last_step=STEP)
    assert Match(first, STEP, 0) == otp.match([first, second], code().decode(), NOW, 1, 10)


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        (-2881, Skew.UNKNOWN),
        (-2880, Skew.STALE),
        (-3, Skew.STALE),
        (-2, Skew.SKEWED),
        (20, Skew.SKEWED),
        (21, Skew.UNKNOWN),
    ],
)
def test_a_code_outside_the_window_is_looked_for(off: int, expected: Skew) -> None:
    """A code of the last 24 hours or the next ten minutes is stale up to the last one taken, else a clock is off."""
    token = totp(last_step=STEP - 3, drift=1)
    found = otp.find_skew([token], code(off=off).decode(), NOW)
    assert expected is found.skew
    assert (Match(token, STEP + off, 1) if expected is Skew.STALE else None) == found.match


def test_stale_outweighs_skewed() -> None:
    """Of two tokens that know a code, the one that has had it decides, in either order."""
    used, other = totp(id=1, last_step=STEP - 5), totp(id=2)
    for tokens in ([used, other], [other, used]):
        assert Skewed(Skew.STALE, Match(used, STEP - 5, 0)) == otp.find_skew(tokens, code(off=-5).decode(), NOW)


@pytest.mark.parametrize(
    ("last", "counter", "found"), [(7, 6, False), (7, 7, True), (7, 8, True), (7, 18, True), (7, 19, False)]
)
def test_a_counter_is_looked_for_ahead(last: int, counter: int, found: bool) -> None:
    """A counter token is tried at the last counter, the next one and ten more."""
    token = hotp(last_step=last)
    shown = code_at(SECRET, counter, 6, Algorithm.SHA1).encode()
    assert (Match(token, counter, 0) if found else None) == matched(token, shown)


def test_a_new_counter_token_begins_at_zero() -> None:
    """Before the first login the counters from zero on are tried."""
    found = [n for n in range(13) if matched(hotp(), code_at(SECRET, n, 6, Algorithm.SHA1).encode())]
    assert list(range(11)) == found


@pytest.mark.parametrize(
    ("counter", "expected"), [(99, Skew.UNKNOWN), (100, Skew.STALE), (200, Skew.STALE), (201, Skew.UNKNOWN)]
)
def test_the_last_hundred_counters_are_stale(counter: int, expected: Skew) -> None:
    """A counter that was passed is told apart from a guess; one that is far ahead is not."""
    shown = code_at(SECRET, counter, 6, Algorithm.SHA1)
    assert expected is otp.find_skew([hotp(last_step=200)], shown, NOW).skew


@pytest.mark.parametrize("counter", range(6))
def test_all_counters_of_a_young_token_are_stale(counter: int) -> None:
    """A counter token with fewer than a hundred logins is looked at back to its very first code."""
    token, shown = hotp(last_step=5), code_at(SECRET, counter, 6, Algorithm.SHA1)
    assert Skewed(Skew.STALE, Match(token, counter, 0)) == otp.find_skew([token], shown, NOW)


def test_a_token_that_cannot_be_read_or_has_other_digits_gives_nothing() -> None:
    """No code matches a token without a secret, and none of another length."""
    assert matched(totp(secret=None), code()) is None
    assert matched(totp(digits=8), code()) is None
    assert matched(totp(), code(token=totp(digits=8))) is None


@pytest.mark.parametrize("period", [15, 60])
def test_another_period_has_its_own_steps(period: int) -> None:
    """A token of another period is tried at its own steps, and looked for over the same 24 hours."""
    token = totp(period=period)
    assert Match(token, int(NOW // period), 0) == matched(token, code(token=token))
    day = 86400 // period
    assert Skew.SKEWED is otp.find_skew([token], code(token=token, off=-day).decode(), NOW).skew
    assert Skew.UNKNOWN is otp.find_skew([token], code(token=token, off=-day - 1).decode(), NOW).skew


def test_a_pending_token_is_tried_like_any_other() -> None:
    """The first code of a token is looked for within the same window."""
    assert Match(pending(), STEP - 1, -1) == matched(pending(), code(off=-1))
