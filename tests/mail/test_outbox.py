"""The mail child's loop: what it does with mails that go, that do not go yet, and that never go."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.auth.notices import dumps
from radius_mfa.errors import StoreBusy, StoreFailed
from radius_mfa.mail.backoff import DOWN_MOST, FIRST, MOST, pause
from radius_mfa.mail.delivery import Delivery, FileDelivery, Server, SmtpDelivery
from radius_mfa.mail.diagnosis import Deferred, Refused
from radius_mfa.mail.message import Letter
from radius_mfa.mail.outbox import IDLE, Postman, write
from radius_mfa.mail.samples import AT, LETTERHEAD, SAMPLES
from radius_mfa.mail.wording import Wording
from radius_mfa.ports import Envelope
from tests.mail.faults import FaultyServer, Talk, black_hole
from tests.mail.reading import WORDING

KEPT_IN_MIND = "a secret that an exception quotes"


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = AT

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


class Rows:
    """An outbox in memory. `trouble` is raised by the next writes, one after the other."""

    def __init__(self, *envelopes: Envelope) -> None:
        self.waiting = {one.id: (AT, one) for one in envelopes}
        self.ended: dict[int, str] = {}
        self.texts: dict[int, str] = {}
        self.trouble: list[Exception] = []

    def lease(self, now: float, owner: str, count: int) -> list[Envelope]:
        due = sorted((at, row) for row, (at, _) in self.waiting.items() if at <= now)
        return [self.waiting[row][1] for _, row in due[:count]]

    def delivered(self, row: int, /) -> None:
        self._end(row, "delivered")

    def deferred(self, row: int, /, text: str, not_before: float) -> None:
        self._write()
        self.texts[row] = text
        envelope = self.waiting[row][1]
        self.waiting[row] = (not_before, replace(envelope, failures=envelope.failures + 1))

    def failed(self, row: int, /, text: str) -> None:
        self._end(row, f"failed: {text}")

    def _end(self, row: int, how: str) -> None:
        self._write()
        del self.waiting[row]
        self.ended[row] = how

    def _write(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)


class Played:
    """A delivery that does what the test says for each recipient, once; then it takes everything."""

    def __init__(self, **faults: list[Exception]) -> None:
        self.faults = faults
        self.taken: list[Letter] = []
        self.tried: list[str] = []

    def deliver(self, letter: Letter) -> None:
        name = letter.recipient.partition("@")[0]
        self.tried.append(name)
        if self.faults.get(name):
            raise self.faults[name].pop(0)
        self.taken.append(letter)

    def interrupt(self) -> None:
        """Nothing to interrupt."""


def envelope(row: int, name: str = "alice", body: bytes = dumps(SAMPLES[-1])) -> Envelope:
    return Envelope(row, f"{row}", f"{name}@example.com", AT, 0, body)


def postman(rows: Rows, delivery: Delivery, clock: Clock | None = None, wording: Wording = WORDING) -> Postman:
    writing = partial(write, letterhead=LETTERHEAD, wording=wording)
    return Postman(rows, delivery, writing, clock or Clock(), lambda: 0.0, "test")


def test_what_is_due_is_delivered_and_then_there_is_time() -> None:
    """One mail a step, at once while there are more."""
    rows, server = Rows(envelope(1), envelope(2, "bob")), Played()
    work = postman(rows, server)
    assert [0.0, 0.0, IDLE] == [work.step(), work.step(), work.step()]
    assert ["alice", "bob"] == server.tried
    assert {1: "delivered", 2: "delivered"} == rows.ended
    assert ["<1@example.com>", "<2@example.com>"] == [letter.message_id for letter in server.taken]


def test_a_refused_mail_fails_with_the_words_of_the_server() -> None:
    """It is over for this one; the next goes out."""
    rows = Rows(envelope(1, "nobody"), envelope(2))
    work = postman(rows, Played(nobody=[Refused("550 5.1.1 no such user")]))
    work.step()
    work.step()
    assert {1: "failed: 550 5.1.1 no such user", 2: "delivered"} == rows.ended


def test_a_deferred_mail_holds_up_no_other() -> None:
    """Greylisting and full mailboxes are one mail's affair; it is tried again later and later."""
    clock, rows = Clock(), Rows(envelope(1, "slow"), envelope(2))
    work = postman(rows, Played(slow=[Deferred("450 4.2.0 later")] * 3), clock)
    work.step()
    work.step()
    assert {2: "delivered"} == rows.ended
    assert "450 4.2.0 later" == rows.texts[1]
    waits = []
    while rows.waiting:
        waits.append(rows.waiting[1][0] - clock.seconds)
        clock.seconds = rows.waiting[1][0]
        work.step()
    assert [FIRST, 2 * FIRST, 4 * FIRST] == waits
    assert "delivered" == rows.ended[1]


def test_while_the_server_is_down_the_others_wait_untouched() -> None:
    """One mail at a time looks whether it is back; when it is, all go out, none later than half a minute after."""
    clock, rows = Clock(), Rows(*(envelope(row) for row in range(1, 51)))
    server = Played(alice=[Deferred("refuses connections", down=True)] * 20)
    work = postman(rows, server, clock)
    while server.faults["alice"]:
        clock.seconds += work.step()
    assert len(server.tried) == 20
    assert clock.seconds - AT <= 20 * DOWN_MOST
    back = clock.seconds
    while rows.waiting:
        clock.seconds += work.step()
    assert len(rows.ended) == 50
    assert clock.seconds - back <= DOWN_MOST + IDLE


def test_a_wait_that_ends_early_does_not_try_early() -> None:
    """The child wakes every second for its heartbeat; a server that is down is still left alone."""
    clock, rows = Clock(), Rows(envelope(1), envelope(2))
    server = Played(alice=[Deferred("refuses connections", down=True)])
    work = postman(rows, server, clock)
    work.step()
    assert work.step() == FIRST
    clock.seconds += 1.0
    assert work.step() == FIRST - 1.0
    assert len(server.tried) == 1


@pytest.mark.parametrize("trouble", [StoreBusy("busy"), StoreFailed("disk full")])
def test_a_mail_that_was_sent_is_not_sent_again_while_the_store_cannot_say_so(trouble: Exception) -> None:
    """Disk full for an hour: nothing else leaves until what has left is written down."""
    rows, server = Rows(envelope(1), envelope(2)), Played()
    rows.trouble = [trouble] * 100
    work = postman(rows, server)
    assert [IDLE] * 100 == [work.step() for _ in range(100)]
    assert ["alice"] == server.tried
    assert {} == rows.ended
    work.step()
    work.step()
    assert {1: "delivered", 2: "delivered"} == rows.ended
    assert ["<1@example.com>", "<2@example.com>"] == [letter.message_id for letter in server.taken]


def test_a_row_of_another_version_fails_alone() -> None:
    """It could never be sent, and it stops nobody."""
    rows = Rows(envelope(1, body=b'{"kind": "unknown"}'), envelope(2))
    work = postman(rows, Played())
    work.step()
    work.step()
    assert rows.ended[1].startswith("failed: the mail was written by another version")
    assert "delivered" == rows.ended[2]


def test_a_broken_template_loses_no_mail(tmp_path: Path) -> None:
    """The mail waits until the admin has mended it."""
    (tmp_path / "en").mkdir()
    (tmp_path / "en/test.txt").write_text("{{ nonsense }}")
    clock, rows, server = Clock(), Rows(envelope(1)), Played()
    postman(rows, server, clock, Wording(tmp_path)).step()
    assert "en/test.txt" in rows.texts[1]
    clock.seconds += MOST
    postman(rows, server, clock).step()
    assert {1: "delivered"} == rows.ended


def test_a_mistake_of_ours_stops_no_mail_and_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Its type and place are logged, what it says is not; the others go out, and the mail is tried again."""
    rows = Rows(envelope(1, "odd"), envelope(2))
    work = postman(rows, Played(odd=[ValueError(KEPT_IN_MIND)]))
    work.step()
    work.step()
    assert {2: "delivered"} == rows.ended
    assert "internal error (ValueError)" == rows.texts[1]
    [record] = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    assert "ValueError at" in record.getMessage()
    assert KEPT_IN_MIND not in caplog.text


def test_the_log_says_what_became_of_each_mail_and_masks_addresses(caplog: pytest.LogCaptureFixture) -> None:
    """One line a mail."""
    caplog.set_level(logging.INFO, "radius_mfa")
    rows = Rows(envelope(1), envelope(2, "nobody"))
    work = postman(rows, Played(nobody=[Refused("550 no")]))
    work.step()
    work.step()
    assert [
        "mail 1 to a***@example.com delivered",
        "mail 2 to n***@example.com failed: 550 no",
    ] == caplog.messages


@pytest.fixture
def sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.timeout(20)
def test_sigterm_ends_a_delivery_that_hangs(sigterm: None) -> None:
    """The mail is put back, due at once for the next child; nothing else is begun."""

    def terminate(talk: Talk) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return black_hole(talk)

    rows = Rows(envelope(1), envelope(2))
    with FaultyServer({"MAIL": terminate}) as server:
        work = postman(rows, SmtpDelivery(Server("127.0.0.1", server.port, "none", timeout=15.0)))
        signal.signal(signal.SIGTERM, work.stop)
        work.run(lambda seconds: False)
    assert [] == server.mails
    assert {1: AT, 2: AT} == {row: due for row, (due, _) in rows.waiting.items()}


@pytest.mark.timeout(20)
def test_sigterm_waits_for_the_answer_to_a_mail(sigterm: None) -> None:
    """Between content and 250 the child stays, so that the mail is not sent twice."""

    def terminate(talk: Talk) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        talk.say("250 taken")
        return True

    rows = Rows(envelope(1), envelope(2))
    with FaultyServer({".": terminate}) as server:
        work = postman(rows, SmtpDelivery(Server("127.0.0.1", server.port, "none")))
        signal.signal(signal.SIGTERM, work.stop)
        work.run(lambda seconds: False)
    assert 1 == len(server.mails)
    assert {1: "delivered"} == rows.ended


def test_run_ends_when_its_wait_says_so() -> None:
    """The lifeline of a child decides."""
    asked: list[float] = []

    def wait(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) == 3

    postman(Rows(envelope(1)), Played()).run(wait)
    assert [0.0, IDLE, IDLE] == asked


def test_a_mail_as_a_file_is_the_owners_alone(tmp_path: Path) -> None:
    """0600, whole, named after its Message-ID; written twice it is one."""
    rows = Rows(envelope(1), replace(envelope(2), message_id="1"))
    work = postman(rows, FileDelivery(tmp_path))
    work.step()
    work.step()
    [path] = tmp_path.iterdir()
    assert "1.eml" == path.name
    assert 0o600 == path.stat().st_mode & 0o7777
    assert path.read_bytes().startswith(b"From: PBX <pbx@example.com>\r\n")


def test_a_directory_that_is_missing_defers(tmp_path: Path) -> None:
    """The message names it, the mail waits."""
    rows = Rows(envelope(1))
    postman(rows, FileDelivery(tmp_path / "none")).step()
    assert f"{tmp_path}/none: no such file or directory" == rows.texts[1]


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    """Who can write into the directory cannot make us write elsewhere."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there/.1.tmp").symlink_to(tmp_path / "victim")
    rows = Rows(envelope(1))
    postman(rows, FileDelivery(tmp_path / "there")).step()
    assert not (tmp_path / "victim").exists()
    assert 1 in rows.texts


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_pause_is_never_short_and_never_too_long(failures: int, chance: float, down: bool) -> None:
    """At least half of the first, at most the longest of its kind."""
    assert FIRST / 2 <= pause(failures, chance, down=down) <= (DOWN_MOST if down else MOST)


def test_a_pause_doubles_and_jitter_takes_off_up_to_half() -> None:
    """5, 10, 20, 40 s and so on; a hundred mails do not come back in the same second."""
    assert [5.0, 10.0, 20.0, 40.0, 900.0] == [pause(n, 0.0, down=False) for n in (1, 2, 3, 4, 20)]
    assert [5.0, 10.0, 20.0, 20.0] == [pause(n, 0.0, down=True) for n in (1, 2, 3, 4)]
    assert 7.5 == pause(2, 0.5, down=False)
