"""One conversation with a mail server, which ends in time whatever the server does, and can be listened to."""

from __future__ import annotations

# getaddrinfo would import it late, when root has become another user, who may be unable to read this Python.
import encodings.idna  # noqa: F401
import errno
import io
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from radius_mfa.mail.letterhead import plain

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

Watch = Callable[[str], None]
Tls = Literal["starttls", "tls", "none"]
_MOST = 1 << 16
"""Octets a server may say in one conversation."""
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,62}")
_VERB = re.compile(r"data|AUTH [A-Z0-9-]+")


class Deadline:
    """When all of a conversation has to be over."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds until then; raises TimeoutError after it."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class Session(smtplib.SMTP):
    """smtplib's client with one deadline over everything instead of a timeout for every octet.

    `watch` is told each line of the conversation; what is secret in it, and the mail itself, are left out.
    """

    sock: socket.socket | None
    file: io.BufferedReader | None
    _host: str

    def __init__(
        self, host: str, port: int, tls: Tls, context: ssl.SSLContext, deadline: Deadline, watch: Watch
    ) -> None:
        super().__init__(local_hostname="")
        self._host = host  # the name that starttls() looks for in the certificate
        self._port = port
        self._tls = tls
        self._context = context
        self._deadline = deadline
        self._watch = watch
        self._hidden = ""
        self._line: socket.socket | None = None

    def reach(self) -> None:
        """Connect to the first address that answers; each gets its part of the time that is left. Raises OSError."""
        found = addresses(self._host, self._port, only_here=self._tls == "none")
        failed: OSError = ConnectionError(f"{self._host} is not this host")
        for number, (family, address) in enumerate(found):
            self._watch(f"-- connecting to {address[0]} port {address[1]}")
            self.sock = sock = socket.socket(family, socket.SOCK_STREAM)
            self._line = sock.dup()
            try:
                sock.settimeout(self._deadline.left() / (len(found) - number))
                sock.connect(address)
            except OSError as error:
                self.close()
                failed = error
            else:
                self.local_hostname = own_name(socket.gethostname(), str(sock.getsockname()[0]))
                return
        raise failed

    def cut(self) -> None:
        """Break the connection off, from a signal handler or another thread.

        Not by way of `sock`: a handshake holds it, and an SSLSocket that is shut down would go on in clear text.
        """
        line = self._line
        if line is not None:
            with suppress(OSError):  # not connected yet, or not any more
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection without a word."""
        super().close()
        if self._line is not None:
            self._line.close()
            self._line = None

    def greet(self) -> None:
        """Hear the greeting, inside TLS where that begins at once. Raises OSError, SMTPException."""
        if self._tls == "tls" and self.sock:
            self.sock.settimeout(self._deadline.left())
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self._host)
            self._tell_tls()
        code, text = self.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)

    def secure(self) -> None:
        """Begin TLS where it has to be begun. Raises SMTPNotSupportedError when the server does not offer it."""
        self.ehlo_or_helo_if_needed()
        if self._tls == "starttls":
            self.starttls(context=self._context)
            self._tell_tls()
            self.ehlo_or_helo_if_needed()

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> tuple[int, bytes]:
        """As smtplib's; nobody hears the credentials."""
        with self._unheard("***"):
            return super().login(user, password, initial_response_ok=initial_response_ok)

    def data(self, msg: ReadableBuffer | str) -> tuple[int, bytes]:
        """As smtplib's; nobody hears the mail."""
        with self._unheard("(the mail)"):
            return super().data(msg)

    def send(self, s: ReadableBuffer | str) -> None:
        """Send a command or a mail before the deadline."""
        self._tell(s)
        if self.sock:
            self.sock.settimeout(self._deadline.left())
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """The server's next reply, however slowly it comes, before the deadline."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Reader(self.sock, self._deadline))
        code, text = super().getreply()
        lines = text.decode("ascii", "replace").split("\n")
        for number, line in enumerate(lines, 1):
            self._watch(f"S: {code}{' ' if number == len(lines) else '-'}{plain(line)}")
        if self.sock:
            self.sock.settimeout(self._deadline.left())  # what comes next may be a handshake
        return code, text

    def end(self) -> None:
        """Say goodbye and close; what the server has to say to that changes nothing any more."""
        with suppress(OSError, smtplib.SMTPException):
            self.quit()
        self.close()

    @contextmanager
    def _unheard(self, instead: str) -> Iterator[None]:
        self._hidden = instead
        try:
            yield
        finally:
            self._hidden = ""

    def _tell(self, said: ReadableBuffer | str) -> None:
        line = said if isinstance(said, str) else bytes(said).decode("ascii", "replace")
        if self._hidden:
            verb = _VERB.match(line)
            line = "data" if verb and verb[0] == "data" else f"{verb[0] if verb else ''} {self._hidden}"
        self._watch(f"C: {plain(line).strip()}")

    def _tell_tls(self) -> None:
        if isinstance(self.sock, ssl.SSLSocket):
            self._watch(f"-- {self.sock.version()}, certificate of {self._host} checked")


class _Reader(io.RawIOBase):
    """Reads a socket; each octet may take only what is left of the time."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._octets = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._sock.settimeout(self._deadline.left())
        count = self._sock.recv_into(buffer)
        self._octets += count
        if self._octets > _MOST:
            raise OSError(errno.EMSGSIZE, "the server talks without end")
        return count


def addresses(host: str, port: int, *, only_here: bool = False) -> list[tuple[int, tuple[Any, ...]]]:
    """Family and address of everywhere this host may be found. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(one[0], one[4]) for one in found if not only_here or is_loopback(one[4][0])]


def is_loopback(host: str | int) -> bool:
    """Whether mail to this name or address cannot leave this host."""
    try:
        return host == "localhost" or ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def own_name(name: str, address: str) -> str:
    """What to call this host in EHLO: its full name, else the address it speaks from (RFC 5321 section 4.1.4)."""
    if _HOST_NAME.fullmatch(name):
        return name
    plain_address = address.partition("%")[0]
    return f"[IPv6:{plain_address}]" if ":" in plain_address else f"[{plain_address}]"
