"""The login page of docs/web-pbx.md, met by people and servers that mean harm, without a browser."""

from __future__ import annotations

import html
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from radius_mfa.auth.model import Accept, Challenge, DeviceToken, LoginRequest, Method, Reject, Stage, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.radius import walk
from radius_mfa.radius.clients import DOCUMENTATION_VENDOR
from radius_mfa.radius.codec import Request as Asked
from tests.daemon.peers.web_pbx import web_pbx
from tests.wire.packets import DIGEST, NOW, SECRET, STATES, accepted, client

pytestmark = [
    pytest.mark.needs("php", package="php-cli"),
    pytest.mark.needs("/usr/share/php/Dapphp/Radius/autoload.php", package="php-dapphp-radius"),
]
HERE = "127.0.0.1"
DEVICE = "__Host-device"
EXPIRED = "This page was open for too long. Please try again."
GOOD = {"step": "password", "name": "alice", "password": "correct horse"}


class StandIn:
    """A RADIUS server that says what a test wants, and keeps what it was asked; `secret` is that of the page."""

    address = HERE
    secret = SECRET.decode()

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HERE, 0))
        self.port = self.socket.getsockname()[1]
        self.verdicts: list[Verdict] = []
        self.seen: list[LoginRequest] = []
        self.requests: list[Asked] = []
        self.sign: Callable[[Asked], None] = lambda request: None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        """Answer until an empty datagram comes."""
        while (came := self.socket.recvfrom(4096))[0]:
            request = accepted(came[0], client(network="127.0.0.0/8"))
            self.requests.append(request)
            self.seen.append(request.login(source=HERE, digest=DIGEST, at=NOW, states=STATES))
            self.sign(request)
            reply = request.answer(self.verdicts.pop(0), states=STATES, at=NOW, source=HERE)
            self.socket.sendto(reply, came[1])

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (HERE, self.port))
        self.thread.join()
        self.socket.close()


class Visitor:
    """Somebody with cookies who asks for the page octet by octet."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("http",)))
        self.opener = build_opener(HTTPCookieProcessor(self.cookies))

    def get(self) -> str:
        """The page."""
        return self.ask(self.url).read().decode()

    def post(self, fields: dict[str, str], csrf: str | None = None) -> str:
        """The page after a form was sent, with the token of the page before unless another one is given."""
        found = re.search(r'name="csrf" value="([0-9a-f]{32})"', self.get())
        assert found
        given = urlencode({"csrf": found.group(1) if csrf is None else csrf, **fields}).encode()
        return self.ask(Request(self.url, data=given)).read().decode()  # noqa: S310 - the page

    def ask(self, what: Request | str) -> HTTPResponse:
        """The reply, which has to be 200 after a redirect at most."""
        reply = self.opener.open(what, timeout=30)
        assert isinstance(reply, HTTPResponse)
        assert reply.status == 200
        return reply

    def cookie(self, name: str) -> Cookie | None:
        return next((one for one in self.cookies if one.name == name), None)

    def set_cookie(self, name: str, value: str) -> None:
        """Have the cookie that was never given."""
        self.cookies.set_cookie(
            Cookie(0, name, value, None, False, "localhost.local", False, False, "/", True, True, None, True, None,
                   None, {})
        )  # fmt: skip


@pytest.fixture(scope="module")
def radius() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="module")
def url(radius: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is; PHP has nothing to complain of in the end."""
    folder = tmp_path_factory.mktemp("page")
    with web_pbx(radius, folder) as served:
        yield served
    log = (folder / "php.log").read_text(errors="replace")
    assert [] == re.findall(r".*PHP (?:Warning|Deprecated|Notice|Fatal).*", log)


@pytest.fixture
def visitor(radius: StandIn, url: str) -> Visitor:
    """Somebody who was never here; the server has been asked nothing yet."""
    radius.seen.clear()
    radius.requests.clear()
    radius.verdicts = []
    radius.sign = lambda request: None
    return Visitor(url)


def said(page: str) -> str:
    """The alert on the page."""
    found = re.search(r'role="alert">(.*?)</p>', page)
    return html.unescape(found.group(1)) if found else ""


def test_what_crosses(radius: StandIn, visitor: Visitor) -> None:
    """Password and token, then code and wish, each where it belongs; with the next token every octet comes through."""
    token = bytes(range(32))  # a line feed among them: dapphp reads replies line by line
    for number in range(20):
        radius.seen.clear()
        radius.verdicts = [
            Challenge(Stage.CODE, "Code: ", 1, 1, 120.0),
            Accept(Method.TOTP, device=DeviceToken(token, NOW + 1e9)),
        ]
        visitor.post(GOOD)
        assert "logged in as <strong>alice" in visitor.post({"step": "code", "code": "123 456", "trust": "1"})
        first, second = radius.seen
        assert (b"correct horse", token if number else None, False) == (
            first.password, first.device_token, first.trust_wish,
        )  # fmt: skip
        assert (b"123456", None, True) == (second.password, second.device_token, second.trust_wish)
        assert second.state is not None
        assert second.state.account_id == 1
        assert (HERE, "web") == (first.calling_station, first.nas_identifier)
        cookie = visitor.cookie(DEVICE)
        assert cookie is not None
        assert (token.hex(), int(NOW + 1e9)) == (cookie.value, cookie.expires)
        visitor.post({"step": "logout"})
    hidden = [value for request in radius.requests for value in walk.get(request, (DOCUMENTATION_VENDOR, 1)) or []]
    assert 19 == len(hidden)
    assert all(value[0] & 0x80 for value in hidden)
    assert len(radius.requests) == len({request.authenticator for request in radius.requests})


@pytest.mark.parametrize("value", ["", "zz", "abc", "00" * 65, "%0a" + "00" * 3, "AB"])
def test_a_cookie_that_is_no_token(value: str, radius: StandIn, visitor: Visitor) -> None:
    """What the page cannot have given is not sent on."""
    radius.verdicts = [Reject(Reason.WRONG_PASSWORD, "Login failed")]
    visitor.set_cookie(DEVICE, value)
    assert said(visitor.post(GOOD)) == "Login failed"
    assert [None] == [request.device_token for request in radius.seen]


def test_a_forged_accept(radius: StandIn, visitor: Visitor) -> None:
    """An Accept, or a Challenge, that another secret has signed is no answer."""

    def forge(request: Asked) -> None:
        request.client = client(b"another secret", network="127.0.0.0/8")

    for verdict in (Accept(Method.TOTP), Challenge(Stage.CODE, "Code: ", 1, 1, 120.0)):
        radius.sign, radius.verdicts = forge, [verdict]
        page = visitor.post(GOOD)
        assert said(page) == "The login server does not answer. Please try again."
        assert 'name="password"' in page


@pytest.mark.parametrize("csrf", ["", "0" * 32])
def test_a_form_from_elsewhere(csrf: str, radius: StandIn, visitor: Visitor) -> None:
    """Without the token of the session nothing is asked of the server, and nobody is logged out."""
    assert said(visitor.post(GOOD, csrf)) == EXPIRED
    assert [] == radius.seen
    radius.verdicts = [Accept(Method.DEVICE)]
    visitor.post(GOOD)
    assert "logged in as" in visitor.post({"step": "logout"}, csrf)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a" * 254},
        {"name": "", "name[]": "alice"},
        {"password": ""},
        {"password": "a" * 129},
    ],
    ids=str,
)
def test_what_no_request_can_carry(fields: dict[str, str], radius: StandIn, visitor: Visitor) -> None:
    """Nothing, too much, or no text: refused without asking."""
    assert said(visitor.post({**GOOD, **fields})) == "Login failed"
    assert [] == radius.seen


def test_a_code_without_a_challenge(radius: StandIn, visitor: Visitor) -> None:
    """Who skips the password gets nowhere."""
    assert said(visitor.post({"step": "code", "code": "123456"})) == EXPIRED
    assert [] == radius.seen


def test_everything_is_escaped(radius: StandIn, visitor: Visitor) -> None:
    """Names and texts of the server are text, whatever they look like."""
    evil = "<img src=x onerror=alert(1)>\"'&"
    for verdict in (
        Reject(Reason.WRONG_PASSWORD, evil),
        Challenge(Stage.CODE, evil, 1, 1, 120.0),
        Accept(Method.DEVICE, text=evil),
    ):
        radius.verdicts = [verdict]
        page = visitor.post({**GOOD, "name": evil})
        assert "<img" not in page
        assert html.escape(evil).replace("&#x27;", "&apos;") in page
        visitor.post({"step": "back"})


def test_a_session_that_was_planted(radius: StandIn, visitor: Visitor) -> None:
    """An identifier that the page did not give is not taken, and the login has another one."""
    visitor.set_cookie("pbx", "a" * 26)
    visitor.get()
    first = visitor.cookie("pbx")
    radius.verdicts = [Accept(Method.DEVICE)]
    visitor.post(GOOD)
    second = visitor.cookie("pbx")
    assert first is not None
    assert second is not None
    assert 3 == len({"a" * 26, first.value, second.value})


def test_the_headers(visitor: Visitor) -> None:
    """No script, no frame, no other form target, nothing kept."""
    headers = visitor.ask(visitor.url).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'nonce-")
    assert policy.endswith("; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    assert ("no-store", "no-referrer", "nosniff") == (
        headers["Cache-Control"], headers["Referrer-Policy"], headers["X-Content-Type-Options"],
    )  # fmt: skip
