"""Warnings of a process in which the network decides how often there is one."""

from __future__ import annotations

import logging

from radius_mfa.log import Quiet

LOUD = "a.logger.of.the.admin"


class Clock:
    now = 0.0


def record(name: str, level: int, text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, text, arguments, None)


def test_the_same_warning_is_written_once_a_minute() -> None:
    """And the next one says how many there were; others, and what is no warning, are written each time."""
    clock, heard = Clock(), list[str]()
    quiet = Quiet(lambda: clock.now, LOUD)

    def say(name: str, level: int, text: str, *arguments: object) -> None:
        made = record(name, level, text, *arguments)
        if quiet.filter(made):
            heard.append(made.getMessage())

    for second in (0, 1, 59, 61):
        clock.now = second
        say("web", logging.WARNING, "%s is full of 100%%\n", "it")
        say("web", logging.INFO, "here")
        say(LOUD, logging.ERROR, "the old certificate stays")
    say("web", logging.WARNING, "%s is full of 100%%\n", "another")
    say("net", logging.WARNING, "%s is full of 100%%\n", "it")
    assert ["it is full of 100%", "it is full of 100% (2 more like it)"] == [t for t in heard if t.startswith("it")][:2]
    assert (4, 4) == (heard.count("here"), heard.count("the old certificate stays"))
    assert ["another is full of 100%", "it is full of 100%"] == heard[-2:]
