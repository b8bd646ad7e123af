"""What an admin hears of at once: verdicts that something is wrong behind."""

from __future__ import annotations

import logging

import pytest

from radius_mfa.alerts import Alerts
from radius_mfa.auth.reasons import Reason
from tests.contract.stores import SetClock

ALERTS = {
    Reason.TOKEN_UNREADABLE,
    Reason.TOKEN_DISABLED,
    Reason.NO_ADDRESS,
    Reason.MAIL_LIMIT,
    Reason.WRONG_CODE_LOCKS,
    Reason.WRONG_CODE_DISABLES,
    Reason.STALE_CODE,
    Reason.USED_CODE,
}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def alerts(clock: SetClock, caplog: pytest.LogCaptureFixture) -> Alerts:
    caplog.set_level(logging.INFO)
    return Alerts(clock)


@pytest.mark.parametrize("reason", Reason)
def test_an_alert_names_account_client_and_the_way_out(
    reason: Reason, alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the reasons that an admin can mend or should look into are told."""
    alerts.tell(reason, "alice", "pbx")
    told = ALERTS | {Reason.NOT_ENROLLED_ACCEPTED}
    assert (reason in told) == bool(caplog.messages)
    for message in caplog.messages:
        assert message.startswith("alice at pbx ")
        assert "; hint: run radius-mfa " in message


RESET = "hint: run radius-mfa token reset alice"


def test_a_broken_authenticator_is_an_error(alerts: Alerts, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong master key, a damaged database, a disabled token: no user can do anything about it."""
    for reason in sorted(ALERTS):
        alerts.tell(reason, "alice", "pbx")
    errors = {record.getMessage() for record in caplog.records if record.levelno == logging.ERROR}
    assert {
        "alice at pbx is refused: its authenticator cannot be read; hint: run radius-mfa db check",
        "alice at pbx is refused: its authenticators are disabled; hint: run radius-mfa token reset alice",
        "alice at pbx has no authenticator any more: too many codes in a row were wrong; " + RESET,
    } == errors
    assert 5 == sum(record.levelno == logging.WARNING for record in caplog.records)


def test_an_alert_is_told_once_a_minute_for_each_account(
    alerts: Alerts, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Who tries again and again does not fill the log, and hides nobody else."""
    for name in ("alice", "alice", "bob"):
        alerts.tell(Reason.NO_ADDRESS, name, "pbx")
    assert 2 == len(caplog.messages)
    clock.time += 60
    alerts.tell(Reason.NO_ADDRESS, "alice", "pbx")
    assert 3 == len(caplog.messages)


def test_every_login_without_a_code_is_told(alerts: Alerts, caplog: pytest.LogCaptureFixture) -> None:
    """`not_enrolled: accept` is loud: no use of it goes unsaid."""
    for _ in range(3):
        alerts.tell(Reason.NOT_ENROLLED_ACCEPTED, "alice", "pbx")
    assert [
        "alice at pbx is let in without a code: mfa.not_enrolled is accept; hint: run radius-mfa token enroll alice"
    ] * 3 == (caplog.messages)
