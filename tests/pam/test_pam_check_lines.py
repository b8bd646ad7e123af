"""What the server and the process that calls PAM say to each other: all of it comes through, and nothing else does."""

from __future__ import annotations

import json
import pwd
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as some

from radius_mfa.backends import pam_account, pam_calls, pam_check
from radius_mfa.backends.pam_question import (
    LONGEST_ANSWER,
    LONGEST_PASSWORD,
    LONGEST_QUESTION,
    Answer,
    BadMessage,
    Question,
    Result,
    as_rhost,
    may_be_user,
)

QUESTION = {"service": "radius-mfa", "user": "alice", "password": "right", "rhost": "192.0.2.1", "min_uid": 1000}
ANSWER = {"result": "passed", "uid": 1000, "groups": ["staff"], "message": "", "hint": ""}
OCTETS = some.binary(min_size=1, max_size=LONGEST_PASSWORD).filter(lambda octets: b"\0" not in octets)
NAMES = some.text(min_size=1, max_size=80).filter(may_be_user)


@given(NAMES, OCTETS, some.text(max_size=300).map(as_rhost), some.integers(1, 2**32 - 2))
def test_a_question_comes_through(user: str, password: bytes, rhost: str, min_uid: int) -> None:
    """Every password PAM can take, octet by octet, and every name a user can have."""
    question = Question("radius-mfa", user, password, rhost, min_uid)
    assert question == Question.decode(question.encode())


def test_the_longest_question_comes_through() -> None:
    """Every field at its longest, every octet escaped."""
    question = Question("s" * 64, "ü" * 253, b"\xff" * LONGEST_PASSWORD, "r" * 253, 2**32 - 2)
    assert len(question.encode()) < LONGEST_QUESTION
    assert question == Question.decode(question.encode())


def test_a_password_is_not_shown() -> None:
    """A question in a trace or a message is one without its password."""
    assert "right" not in repr(Question.decode(json.dumps(QUESTION).encode() + b"\n"))


BAD_FIELDS: list[dict[str, object]] = [
    {"service": "../radius-mfa"}, {"service": ""}, {"service": "a b"}, {"service": "s" * 65}, {"service": "/etc/x"},
    {"user": ""}, {"user": "../alice"}, {"user": "-a"}, {"user": "a b"}, {"user": "a\x00"}, {"user": "a\nb"},
    {"user": "\ud800"}, {"user": "\udcff"}, {"user": "x" * 254},
    {"password": ""}, {"password": "a\x00"}, {"password": "\x00"}, {"password": "x" * 512}, {"password": "\ud800"},
    {"rhost": ""}, {"rhost": "a b"}, {"rhost": "a\n"}, {"rhost": "x" * 254}, {"rhost": "ü"},
    {"min_uid": 0}, {"min_uid": -1}, {"min_uid": True}, {"min_uid": 1.5}, {"min_uid": "1000"}, {"min_uid": None},
    {"user": None}, {"user": ["alice"]}, {"password": 1}, {"more": 1},
]  # fmt: skip
BAD_LINES = [
    b"", b"\n", b"null\n", b"[]\n", b"{}\n", b'"x"\n', b"\xff\n", b"{\n", b"[" * 8000 + b"\n", b"x" * 10000,
    json.dumps(QUESTION).encode(),
    json.dumps({key: value for key, value in QUESTION.items() if key != "rhost"}).encode() + b"\n",
    b" " * LONGEST_QUESTION + json.dumps(QUESTION).encode() + b"\n",
    *(json.dumps({**QUESTION, **bad}).encode() + b"\n" for bad in BAD_FIELDS),
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: repr(line[-90:]))
def test_what_is_no_question_is_refused(line: bytes) -> None:
    """With an error that does not say what was in it."""
    with pytest.raises(BadMessage) as refused:
        Question.decode(line)
    assert "alice" not in str(refused.value)
    assert refused.value.__cause__ is None


@given(some.binary(max_size=200).map(lambda octets: octets + b"\n"))
def test_any_octets_are_a_message_or_one_error(octets: bytes) -> None:
    """Nothing else is raised."""
    for kind in (Question, Answer):
        try:
            kind.decode(octets)
        except BadMessage:
            continue


@pytest.mark.parametrize(
    "answer",
    [
        Answer(Result.PASSED, 1000, frozenset({"staff", "gruppe-ä"})),
        Answer(Result.PASSED, 1000, None),
        Answer(Result.WRONG),
        Answer(Result.NOT_ALLOWED),
        Answer(Result.UNAVAILABLE, message="what", hint="how"),
    ],
)
def test_an_answer_comes_through(answer: Answer) -> None:
    """Each result with what belongs to it."""
    assert answer == Answer.decode(answer.encode())


def test_too_many_groups_are_unreadable() -> None:
    """An answer that is too long would be none at all."""
    answer = Answer(Result.PASSED, 1000, frozenset(f"group-{i:030}" for i in range(2000)))
    assert len(answer.encode()) <= LONGEST_ANSWER
    assert Answer(Result.PASSED, 1000, None) == Answer.decode(answer.encode())


@pytest.mark.parametrize(
    "bad",
    [
        {"result": "yes"}, {"result": None}, {"result": True}, {"uid": None}, {"uid": "0"}, {"uid": True},
        {"result": "wrong"}, {"groups": "staff"}, {"groups": [1]}, {"groups": {}}, {"message": None}, {"more": 1},
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(bad: dict[str, object]) -> None:
    """PASSED never stands without a uid, and a uid not without PASSED."""
    with pytest.raises(BadMessage):
        Answer.decode(json.dumps({**ANSWER, **bad}).encode() + b"\n")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_who_has_hung_up_is_not_checked(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that waited too long takes no place, and no failure is counted in the stack."""
    asked: list[Question] = []

    def check(question: Question) -> Answer:
        asked.append(question)
        return Answer(Result.WRONG)

    monkeypatch.setattr(pam_check, "check_stack", lambda service: None)
    monkeypatch.setattr(pam_calls, "check", check)
    ours, theirs = pair
    ours.sendall(json.dumps(QUESTION).encode() + b"\n")
    ours.close()
    pam_check.answer_one(theirs)
    assert [] == asked
    again, there = socket.socketpair()
    with again, there:
        again.sendall(json.dumps(QUESTION).encode() + b"\n")
        pam_check.answer_one(there)
        assert Answer(Result.WRONG) == Answer.decode(again.recv(1000))
    assert 1 == len(asked)


def test_a_second_spelling_of_a_name_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """NSS of a directory finds users by several names; each would be an account with tokens of its own (THREATS 4)."""
    entry = pwd.getpwuid(0)
    monkeypatch.setattr(pwd, "getpwnam", lambda name: entry)
    assert Result.PASSED == pam_account.account(entry.pw_name, 0).result
    assert Result.NOT_ALLOWED == pam_account.account("root@example.com", 0).result
