"""A mail server that misbehaves on purpose, at a place and in a way that the test chooses."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType

Reply = str | Callable[["Talk"], bool]
POLITE: dict[str, Reply] = {
    "": "220 test",
    "EHLO": "250-test\r\n250 AUTH PLAIN",
    "AUTH": "235 welcome",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 taken",
    "QUIT": "221 bye",
}


class Talk:
    """One client's connection."""

    def __init__(self, sock: socket.socket, ended: threading.Event) -> None:
        self.sock = sock
        self.ended = ended
        self._file = sock.makefile("rb")

    def say(self, text: str) -> None:
        self.sock.sendall(text.encode() + b"\r\n")

    def hear(self) -> str:
        """The client's next line, "" when it has gone."""
        return self._file.readline().decode("ascii", "replace")

    def secure(self, context: ssl.SSLContext) -> None:
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self._file.close()
        self._file = self.sock.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self.sock.close()


class FaultyServer:
    """Answers politely on a port of the loopback interface (0: any) but where `replies` say something else.

    `heard` are the commands of all clients, `mails` what was sent after DATA, taken or not.
    """

    def __init__(self, replies: Mapping[str, Reply] | None = None, port: int = 0) -> None:
        self._replies = POLITE | dict(replies or {})
        self._ended = threading.Event()
        self.heard: list[str] = []
        self.mails: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> FaultyServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            talk = Talk(sock, self._ended)
            with suppress(OSError):  # the client has had enough
                self._converse(talk)
            talk.close()

    def _converse(self, talk: Talk) -> None:
        verb = ""
        while self._answer(talk, self._replies.get(verb, "500 what?")):
            if verb == "DATA" and self._replies["DATA"] == POLITE["DATA"]:
                self.mails.append(self._content(talk))
                verb = "."
                continue
            line = talk.hear()
            if not line:
                return
            self.heard.append(line.strip())
            verb = line.split()[0].upper()

    def _answer(self, talk: Talk, reply: Reply) -> bool:
        if isinstance(reply, str):
            talk.say(reply)
            return True
        return reply(talk)

    @staticmethod
    def _content(talk: Talk) -> str:
        lines: list[str] = []
        while (line := talk.hear()) and line != ".\r\n":
            lines.append(line.removeprefix("."))  # RFC 5321 section 4.5.2
        return "".join(lines)


def hang_up(talk: Talk) -> bool:
    """Close the connection instead of an answer."""
    talk.sock.shutdown(socket.SHUT_RDWR)
    return False


def black_hole(talk: Talk) -> bool:
    """Say nothing until the client has gone."""
    while talk.hear():
        continue
    return False


def dribble(talk: Talk) -> bool:
    """One octet after the other, of a line that never ends."""
    while not talk.ended.wait(0.01):
        talk.sock.sendall(b"2")
    return False


def flood(talk: Talk) -> bool:
    """A reply of lines without end."""
    while not talk.ended.is_set():
        talk.sock.sendall(b"250-more\r\n" * 100)
    return False
