"""The code that `explain` takes for right: the one that its owner would type next."""

from __future__ import annotations

import pytest

from radius_mfa.auth.model import Account, CodeHistory
from radius_mfa.cli.decision import Sent, right_code
from tests.unit.driving import NOW, STEP, alice, code, hotp, pending, totp


@pytest.mark.parametrize(("last_step", "later"), [(-1, 0), (STEP - 1, 0), (STEP, 1), (STEP + 1, 2)])
def test_a_used_code_is_not_right_again(last_step: int, later: int) -> None:
    """While the code of this step is used, the right one is the next, and it has its time."""
    found = right_code(alice(totp(last_step=last_step)), NOW + 9)
    assert found is not None
    assert (code(NOW, off=later), Sent.CODE) == (found.typed, found.sent)
    assert (NOW + 30 * later if later else NOW + 9) == found.at


def test_nobody_waits_for_a_code_that_is_not_looked_at() -> None:
    """While the account is locked the answer is that of now: the lock may be over when the next code comes."""
    found = right_code(alice(totp(last_step=STEP), history=CodeHistory(locked_until=NOW + 10)), NOW)
    assert found is not None
    assert NOW == found.at


def test_a_counter_goes_on_by_one() -> None:
    """The right code of a HOTP token is the one behind the last, at any time."""
    found = right_code(alice(hotp(last_step=7)), NOW)
    assert found is not None
    assert (code(0, hotp(), off=8), NOW) == (found.typed, found.at)


def test_the_active_authenticator_comes_before_the_pending_one() -> None:
    """What is in use already is what a person types."""
    other = b"the second one's key"
    found = right_code(alice(pending(id=1, secret=other), totp(id=2)), NOW)
    assert found is not None
    assert code() == found.typed


@pytest.mark.parametrize("account", [alice(), alice(totp(secret=None)), alice(pending(expires=NOW))])
def test_where_there_is_no_code_there_is_no_right_one(account: Account) -> None:
    """Without an authenticator that can be read, only a recovery code is left, if there is one."""
    assert right_code(account, NOW) is None
