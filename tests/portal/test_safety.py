"""What other sites, other people and old cookies can do to somebody who is signed in: nothing."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from radius_mfa.portal.headers import EVERYWHERE, OVER_TLS
from tests.conftest import ROOT
from tests.daemon.server import User
from tests.portal.site import Browser, Site

ROUTES = re.compile(r'Route\(\s*"(/[^"]*)",.*?methods=\["(GET|POST)"\]', re.DOTALL)
SOURCES = "".join(path.read_text() for path in sorted((ROOT / "radius_mfa/portal").glob("*.py")))
PATHS = {
    method: sorted(path.replace("{link}", "x") for path, one in ROUTES.findall(SOURCES) if one == method)
    for method in ("GET", "POST")
}
EVIL = "evil.example"
CROSS = {"Origin": f"https://{EVIL}", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
TABLES = ("account", "token", "recovery_code", "device", "session", "outbox")


@dataclass(frozen=True)
class Member:
    """Somebody who is signed in, has just given a code, and trusts this browser."""

    user: User
    browser: Browser


@pytest.fixture(scope="module")
def member(site: Site) -> Iterator[Member]:
    """One for all tests in which nothing becomes of him."""
    user = site.user(recovery=("ABCDEFGHIJKLMNOA", "ABCDEFGHIJKLMNOB"), mail="alice@example.com")
    with site.browser() as browser:
        browser.sign_in(user, trust="yes")
        yield Member(user, browser)


def test_the_routes_are_found() -> None:
    """The tests of all pages know them."""
    assert {"/", "/login", "/login/code", "/confirm"} <= set(PATHS["GET"])
    assert {"/login", "/login/code", "/logout", "/confirm"} <= set(PATHS["POST"])


# Other sites


@pytest.mark.parametrize("path", PATHS["POST"])
@pytest.mark.parametrize("said", [CROSS, {}], ids=["cross-site", "silent"])
def test_a_form_of_another_site_changes_nothing(site: Site, member: Member, path: str, said: dict[str, str]) -> None:
    """With all cookies of somebody who is signed in; nor does a form of nobody knows where."""
    before = rows(site, member.user)
    fields = {"change": "delete", "id": "1", "name": member.user.name, "password": member.user.password}
    with site.browser() as elsewhere:
        for name in ("Origin", "Sec-Fetch-Site"):
            del elsewhere.headers[name]
        cookies = {"Cookie": cookies_of(member.browser)}
        answer = elsewhere.post(path, data=fields, headers={**said, **cookies})
    assert 403 == answer.status_code
    assert "set-cookie" not in answer.headers
    assert before == rows(site, member.user)
    assert "/" == member.browser.get("/").url.path


def cookies_of(browser: Browser) -> str:
    """All that a browser keeps."""
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def rows(site: Site, user: User) -> dict[str, list[tuple[object, ...]]]:
    """What the store has of a user; a mail that is sent meanwhile is the same mail."""
    found = site.server.database_rows()
    found["outbox"] = [row[:5] for row in found["outbox"]]
    return {table: [row for row in found[table] if user.id in row or user.name in row] for table in TABLES}


@pytest.mark.parametrize("path", [*PATHS["GET"], "/static/portal.css", "/static/nothing.css", "/nowhere"])
@pytest.mark.parametrize("known", [True, False], ids=["signed in", "stranger"])
def test_no_page_can_be_framed_or_kept(member: Member, browser: Browser, path: str, known: bool) -> None:
    """The headers are on all of them, as they come and where they lead."""
    page = (member.browser if known else browser).get(path)
    for answer in (*page.history, page):
        expected = {**EVERYWHERE, **OVER_TLS}
        if path == "/static/portal.css":
            expected["Cache-Control"] = "no-cache"
        assert expected == {name: answer.headers.get(name) for name in expected}


def test_another_host_name_leads_nowhere(site: Site, browser: Browser) -> None:
    """It is refused, and stands neither in a page nor in a redirect; nor does one that a proxy may have passed on."""
    refused = browser.get("/", headers={"Host": EVIL})
    assert 421 == refused.status_code
    assert EVIL not in refused.text + str(refused.headers)
    forwarded = {"X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}", "X-Original-URL": f"//{EVIL}"}
    page = browser.get("/", headers=forwarded)
    assert "/login" == page.history[0].headers["Location"]
    assert EVIL not in page.text


@pytest.mark.parametrize(
    "path",
    [
        f"//{EVIL}", f"//{EVIL}/", f"//{EVIL}/login/", f"/%2f{EVIL}/", f"/\\{EVIL}", f"/%5c{EVIL}/", "/login/",
        f"/login?next=https://{EVIL}", f"/login?next=//{EVIL}", f"/confirm?next=//{EVIL}",
        f"/confirm?next=https:{EVIL}", f"/login/code?next=//{EVIL}", f"/?next=//{EVIL}", f"/static//{EVIL}",
        f"/static/../{EVIL}/", f"/%0d%0aLocation:%20https://{EVIL}", f"/login?done=%0d%0aLocation:%20https://{EVIL}",
        f"/@{EVIL}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("known", [True, False], ids=["signed in", "stranger"])
def test_nobody_is_led_to_another_site(site: Site, member: Member, path: str, known: bool) -> None:
    """Where a redirect leads is never made of what was asked for."""
    answer = ask(site, path, cookies_of(member.browser) if known else "")
    assert answer.getheader("Location") in {None, "/login", "/"}
    assert EVIL not in answer.read().decode() + str(answer.headers)


def ask(site: Site, path: str, cookie: str = "") -> http.client.HTTPResponse:
    """A GET of this very path."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("localhost", site.port, context=context, timeout=20)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.putheader("Cookie", cookie)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    answer.read = lambda *_: body  # type: ignore[method-assign]
    connection.close()
    return answer


@pytest.mark.parametrize("target", ["/etc/passwd", str(ROOT / "radius_mfa/portal/server.py"), "server.py"])
@pytest.mark.parametrize(
    "way",
    [
        "/static/{up}{0}",
        "/static/{encoded}{0}",
        "/static/{twice}{0}",
        "/static/{back}{0}",
        "/static/{0}",
        "/static//{0}",
    ],
)
def test_static_files_are_all_that_is_static(site: Site, way: str, target: str) -> None:
    """No path leads out of their directory."""
    ups = {"up": "../" * 12, "encoded": "%2e%2e%2f" * 12, "twice": "%252e%252e%252f" * 12, "back": "..%5c" * 12}
    if target == "server.py":
        ups = {name: text[: len(text) // 12] for name, text in ups.items()}
    answer = ask(site, way.format(target, **ups))
    assert 404 == answer.status
    assert not re.search(rb"root:|import", answer.read())


# Old and made-up cookies


def test_a_cookie_of_before_is_not_the_one_after(site: Site) -> None:
    """A session that somebody made up is none; who signs in with it gets another one, and a new one each time."""
    user, planted = site.user(), "A" * 43 + "="
    seen = {planted}
    for steps in (-1, 0):
        with holding(site, planted) as browser:
            assert "/login" == browser.get("/").url.path
            browser.submit("/login", name=user.name, password=user.password)
            browser.headers["Cookie"] += f"; __Host-login={browser.cookies['__Host-login']}"
            assert "/" == browser.submit("/login/code", code=user.code(steps)).url.path
            seen.add(browser.cookies["__Host-session"])
        with holding(site, planted) as thief:
            assert "/login" == thief.get("/").url.path
    assert 3 == len(seen)


def test_a_login_that_somebody_made_up_is_none(site: Site) -> None:
    """The cookie between password and code leads to the beginning."""
    with site.browser() as browser:
        browser.headers["Cookie"] = f"__Host-login={'0' * 64}"
        assert "/login" == browser.get("/login/code").url.path
        assert "/login" == browser.submit("/login/code", code="000000").url.path


def holding(site: Site, session: str) -> Browser:
    """Another browser that holds this session."""
    browser = site.browser()
    browser.headers["Cookie"] = f"__Host-session={session}"
    return browser


@pytest.mark.parametrize("way", ["/logout", "/sign-out-everywhere", "/not-me"])
def test_a_stolen_cookie_is_dead_after_sign_out(site: Site, way: str) -> None:
    """The session ends in the store, not only in the browser that leaves."""
    with site.browser() as browser:
        browser.sign_in(site.user(mail="alice@example.com"))
        stolen = browser.cookies["__Host-session"]
        with holding(site, stolen) as thief:
            assert "/" == thief.get("/").url.path
            browser.submit(way)
            assert "/login" == thief.get("/").url.path
            assert "/login" == thief.submit("/codes", change="delete").url.path


def test_the_cookie_of_a_login_is_dead_after_it(site: Site, browser: Browser) -> None:
    """Between password and code it serves once: neither an old one nor that of a finished login goes on."""
    user = site.user()
    browser.submit("/login", name=user.name, password=user.password)
    first = browser.cookies["__Host-login"]
    browser.submit("/login/code", code="000000")
    second = browser.cookies["__Host-login"]
    assert first != second
    assert "/" == browser.submit("/login/code", code=user.code()).url.path
    for old in (first, second):
        with site.browser() as thief:
            thief.headers["Cookie"] = f"__Host-login={old}"
            assert "/login" == thief.submit("/login/code", code=user.code(1)).url.path


def test_cookies_stay_where_they_belong(site: Site, browser: Browser) -> None:
    """Over TLS, to this host, with no script and no other site: session, login and device; also as they are dropped."""
    user = site.user()
    started = browser.submit("/login", name=user.name, password=user.password)
    page = browser.submit("/login/code", code=user.code(), trust="yes")
    left = browser.submit("/logout")
    answers = [*started.history, *page.history, *left.history]
    lines = [line.lower() for answer in answers for line in answer.headers.get_list("set-cookie")]
    assert {"__host-session", "__host-login", "__host-device"} == {line.partition("=")[0] for line in lines}
    assert 5 == len(lines)
    for line in lines:
        assert {"secure", "httponly", "path=/"} <= set(line.split("; "))
        assert "domain" not in line
        assert re.search("samesite=(strict|lax)", line)


# Sizes


@pytest.mark.parametrize("path", PATHS["POST"])
def test_a_megabyte_is_not_taken(site: Site, browser: Browser, path: str) -> None:
    """Whether its length is said or not; the portal is there as before."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (b"name=" + b"x" * 1_000_000, (b"x" * 10_000 for _ in range(100))):
        try:
            assert 413 == browser.post(path, content=content, headers=form).status_code
        except httpx.TransportError:
            continue  # it had hung up before all of it was sent
    assert 200 == browser.get("/login").status_code
