"""The daemon's side of the lines, against the vectors that the hook is tested with too."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.transport import pam_lines
from radius_mfa.transport.pam_lines import Answer, Ask, BadLine, FirstPass, Hello, Line, Result, Same
from tests.pam.host import octets, repeated, vectors

FROM_DAEMON = [vector for vector in vectors("from_daemon.txt") if vector[1] != "malformed"]
FROM_HOOK = vectors("from_hook.txt")
MESSAGES = {"hello", "answer", "same"}


def written(kind: str, value: str) -> bytes:
    """The line the daemon writes for this message."""
    if kind == "greeting":
        return pam_lines.greeting()
    if kind == "delay":
        return pam_lines.delay(int(value) / 1000)
    if kind == "result":
        return pam_lines.result(Result(value))
    text = octets(value).decode()
    if kind in ("info", "error"):
        return {"info": pam_lines.info, "error": pam_lines.error}[kind](text)
    return pam_lines.prompt(Ask(kind), text)


def message(kind: str, value: str) -> Line:
    """The message that a vector describes."""
    if kind == "same":
        return Same()
    if kind == "answer":
        return Answer(octets(value))
    facts = json.loads(repeated(value))
    texts = {name: facts.get(name, "").encode("latin-1").decode() for name in ("rhost", "tty", "ruser", "proven_keys")}
    return Hello(
        service=facts.get("service", "sshd"),
        user=facts.get("user", "alice").encode("latin-1"),
        **texts,
        first_pass=FirstPass(facts.get("first_pass", "ask")),
        silent=facts.get("silent", False),
    )


@pytest.mark.parametrize(("name", "kind", "value", "line"), FROM_DAEMON)
def test_the_daemon_writes_the_line(name: str, kind: str, value: str, line: str) -> None:
    """Each message of the daemon is written as its vector says."""
    assert octets(line) == written(kind, value)


@pytest.mark.parametrize(("name", "kind", "value", "line"), [vector for vector in FROM_HOOK if vector[1] in MESSAGES])
def test_the_daemon_reads_the_line(name: str, kind: str, value: str, line: str) -> None:
    """Each line of the hook is read as its vector says."""
    assert message(kind, value) == pam_lines.decode(octets(line))


@pytest.mark.parametrize(
    ("name", "fault", "value", "line"), [vector for vector in FROM_HOOK if vector[1] not in MESSAGES]
)
def test_the_daemon_refuses_the_line(name: str, fault: str, value: str, line: str) -> None:
    """Each line the hook would not send is refused for the reason its vector names."""
    with pytest.raises(BadLine) as caught:
        pam_lines.decode(octets(line))
    assert fault == caught.value.fault


def test_every_fault_has_a_vector() -> None:
    """No reason to refuse a line is without an example."""
    assert set(pam_lines.Fault) == {vector[1] for vector in FROM_HOOK} - MESSAGES


def complaint(line: bytes) -> str:
    """What is said against a line; nothing of one that can be read."""
    try:
        pam_lines.decode(line)
    except BadLine as refused:
        return refused.message
    return ""


@given(st.binary(max_size=200))
def test_any_octets_are_a_line_or_a_fault(junk: bytes) -> None:
    """Nothing but BadLine comes of junk, and it does not quote the line."""
    complaints = {BadLine(fault).message for fault in pam_lines.Fault} | {""}
    assert complaint(junk) in complaints
    assert complaint(junk + b"\n") in complaints
    assert complaint(b"ANSWER\t" + junk + b"\n") in complaints
    assert complaint(b"HELLO\t1\tsshd\talice\t" + junk + b"\t\t\t\task\t\n") in complaints


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn")), max_size=100))
def test_a_text_becomes_one_line_of_ascii(text: str) -> None:
    """However a text looks, its line has one newline and no other control character but tabs."""
    line = pam_lines.prompt(Ask.HIDDEN, text)
    assert b"\n" == line[-1:]
    assert line[:-1].replace(b"\t", b"").decode("ascii").isprintable()


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\x1b[2J", "\x7f", "\x9b2J", "\u2028", "a" * 512, "ü" * 256])
def test_what_cannot_be_shown_is_not_written(text: str) -> None:
    """Control characters and texts that PAM would cut are a mistake of the daemon, found by it."""
    for write in (pam_lines.info, pam_lines.error, lambda text: pam_lines.prompt(Ask.HIDDEN, text)):
        with pytest.raises(ValueError, match=r".*"):
            write(text)


@pytest.mark.parametrize("seconds", [-0.001, 10.001, float("nan")])
def test_a_delay_has_bounds(seconds: float) -> None:
    """The hook takes no delay outside 0 to 10 seconds, so none is written."""
    with pytest.raises(ValueError, match=r".*"):
        pam_lines.delay(seconds)


def test_an_answer_is_not_shown() -> None:
    """The repr of an answer, which a trace may hold, has no password in it."""
    assert "horse" not in repr(Answer(b"correct horse"))
