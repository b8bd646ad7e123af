"""A daemon that says what it is told, or worse. Its own process: `fake_daemon.py SOCKET MANNER [UID]`.

The first line of its standard input are the turns, as JSON. It prints `ready`, and when its standard input ends, the
lines each hook has sent, as JSON. Lines and turns are Latin-1, so that a character is an octet. `refused`, `full` and
any other word for MANNER: nobody accepts. With UID it becomes that user before it listens.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

heard: list[list[str]] = []


def lines(hook: socket.socket) -> Iterator[bytes]:
    """What the hook sends, line by line; each is remembered."""
    mine: list[str] = []
    heard.append(mine)
    with hook.makefile("rb") as stream:
        for line in stream:
            mine.append(line.decode("latin-1"))
            yield line


def script(hook: socket.socket, turns: list[bytes]) -> None:
    """A turn for each line; after the last one it only listens."""
    answers = iter(turns)
    for _ in lines(hook):
        hook.sendall(next(answers, b""))


def slam(hook: socket.socket, turns: list[bytes]) -> None:
    """The turns, and then it hangs up without having read the answer to the last one."""
    hear = lines(hook)
    for turn in turns:
        next(hear)
        hook.sendall(turn)


def octets(hook: socket.socket, turns: list[bytes]) -> None:
    """The turns, octet by octet."""
    for _, turn in zip(lines(hook), turns, strict=False):
        for octet in turn:
            hook.sendall(bytes([octet]))


def flood(hook: socket.socket, turns: list[bytes]) -> None:
    """The first turn, and the second one again and again, without a pause."""
    next(lines(hook))
    hook.sendall(turns[0])
    while True:
        hook.sendall(turns[1])


def drip(hook: socket.socket, turns: list[bytes]) -> None:
    """As flood, but ten times a second."""
    next(lines(hook))
    hook.sendall(turns[0])
    while not threading.Event().wait(0.1):
        hook.sendall(turns[1])


def endless(hook: socket.socket, turns: list[bytes]) -> None:
    """The first turn, and the second one after every answer."""
    answers = iter(turns[:1])
    for _ in lines(hook):
        hook.sendall(next(answers, turns[1]))


def mute(hook: socket.socket, turns: list[bytes]) -> None:
    """It accepts, and says nothing."""
    for _ in lines(hook):
        pass


MANNERS: dict[str, Callable[[socket.socket, list[bytes]], None]] = {
    manner.__name__: manner for manner in (script, slam, octets, flood, drip, endless, mute)
}


def serve(listener: socket.socket, manner: Callable[[socket.socket, list[bytes]], None], turns: list[bytes]) -> None:
    while True:
        hook, _ = listener.accept()
        try:
            manner(hook, turns)
        except (OSError, StopIteration):
            continue
        finally:
            hook.close()


def main(path: str, manner: str, uid: str = "") -> None:
    if uid:
        os.setuid(int(uid))
    turns = [turn.encode("latin-1") for turn in json.loads(sys.stdin.readline())]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    Path(path).chmod(0o600)
    if manner != "refused":
        listener.listen(0 if manner == "full" else 128)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(2 if manner == "full" else 0)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(path)
    if manner in MANNERS:
        threading.Thread(target=serve, args=(listener, MANNERS[manner], turns), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    print(json.dumps(heard), flush=True)


main(*sys.argv[1:])
