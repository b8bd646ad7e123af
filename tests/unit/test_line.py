"""The line for tries: first come, first served, and nobody waits for what cannot come back."""

from __future__ import annotations

from radius_mfa import line
from radius_mfa.line import TryLine


def test_who_comes_while_a_try_is_in_use_waits_and_is_called_in_turn() -> None:
    """Each try that is over calls one."""
    waiting = TryLine[str]()
    waiting.took("alice")
    waiting.took("alice")
    assert [True] * 3 == [waiting.join("alice", who) for who in ("first", "second", "third")]
    assert [] == waiting.called()
    waiting.over("alice")
    assert ["first"] == waiting.called()
    waiting.over("alice")
    assert ["second"] == waiting.called()
    assert [] == waiting.called()


def test_who_was_called_and_goes_without_calls_the_next() -> None:
    """So the last one is told as well when no try came back."""
    waiting = TryLine[str]()
    waiting.took("alice")
    for who in ("first", "second"):
        waiting.join("alice", who)
    waiting.over("alice")
    assert not waiting.join("alice", "first"), "nothing is in use any more"
    waiting.call("alice")
    assert ["first", "second"] == waiting.called()
    waiting.call("alice")
    assert [] == waiting.called()


def test_accounts_do_not_wait_for_each_other() -> None:
    """A try of one account is nothing to another."""
    waiting = TryLine[str]()
    waiting.took("alice")
    assert not waiting.join("bob", "bob")
    waiting.join("alice", "alice")
    waiting.took("bob")
    waiting.over("bob")
    assert [] == waiting.called()


def test_a_line_can_be_emptied() -> None:
    """Whoever waits, and whoever was called and has not come, is sent away; the tries that are in use still are."""
    waiting = TryLine[str]()
    waiting.took("alice")
    waiting.took("bob")
    for who in ("alice", "alice", "bob"):
        waiting.join(who, who)
    waiting.call("alice")
    assert ["alice", "alice", "bob"] == waiting.emptied()
    waiting.over("alice")
    assert [] == waiting.called()
    assert waiting.join("bob", "bob")


def test_a_line_has_an_end() -> None:
    """Past it people are refused, and whoever was called makes room."""
    waiting = TryLine[int]()
    waiting.took("alice")
    assert all(waiting.join("alice", number) for number in range(line.MOST))
    assert not waiting.join("alice", line.MOST)
    waiting.over("alice")
    waiting.took("alice")
    assert waiting.join("alice", line.MOST)
