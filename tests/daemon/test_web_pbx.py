"""The login page of docs/web-pbx.md in a browser: a trusted device logs in without a code until it is revoked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from radius_mfa.store import devices
from tests.conftest import find
from tests.daemon.conftest import daemons
from tests.daemon.peers.web_pbx import web_pbx
from tests.daemon.server import PASSWORD, Server
from tests.mail.chromium import CHROMIUM, CONTRAST, OVERFLOW

pytestmark = [
    pytest.mark.needs("php", package="php-cli"),
    pytest.mark.needs("/usr/share/php/Dapphp/Radius/autoload.php", package="php-dapphp-radius"),
    pytest.mark.needs(CHROMIUM, package="chromium"),
]
CLIENT = "- {shortname: web, ipaddr: 127.0.0.1, secret: SECRET, trusted_devices: token}"
DEVICE = "__Host-device"
ASKED = "Code from your authenticator app"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A daemon whose one client is a front end with tokens; each test has users of its own."""
    with daemons(tmp_path_factory.mktemp("server")) as start:
        yield start(clients=CLIENT)


@pytest.fixture(scope="module")
def url(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is; PHP has nothing to complain of in the end."""
    folder = tmp_path_factory.mktemp("page")
    with web_pbx(server, folder) as served:
        yield served
    log = (folder / "php.log").read_text(errors="replace")
    assert [] == re.findall(r".*PHP (?:Warning|Deprecated|Notice|Fatal).*", log)


def visit(browser: Browser, url: str, *, script: bool = False, **options: int | str) -> Page:
    """Somebody's browser, which was never here before, at this page."""
    width, scheme = int(options.get("width", 1280)), options.get("scheme", "light")
    context = browser.new_context(
        java_script_enabled=script,
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(url)
    return page


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def give_code(page: Page, code: str, *, trust: bool = False) -> None:
    page.get_by_label(ASKED).fill(code)
    if trust:
        page.get_by_label("I trust this device. Don't ask for codes for 7 days").check()
    page.get_by_role("button", name="Continue").click()


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("User name")).to_be_visible()


def expect_logged_in(page: Page, name: str) -> None:
    expect(page.get_by_text("You are logged in as")).to_have_text(f"You are logged in as {name}.")


def cookie(context: BrowserContext, name: str) -> dict[str, object]:
    """The cookie of this name; empty if the browser has none."""
    return next((dict(one) for one in context.cookies() if one.get("name") == name), {})


def revoke(server: Server, name: str) -> None:
    """As the admin does it."""
    program = Path(sys.executable).with_name("radius-mfa")
    command: list[str | Path] = [program, "--config", server.config, "device", "revoke", name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_trusted_device_is_asked_again_when_it_is_revoked(server: Server, url: str, browser: Browser) -> None:
    """Log in with a code, tick the box, log out, log in without a code, twice; once revoked, it is asked again."""
    alice = server.add_user()
    page = visit(browser, url)
    log_in(page, alice.name)
    give_code(page, alice.code(), trust=True)
    expect_logged_in(page, alice.name)
    expect(page.get_by_role("status")).to_have_text("This device is trusted for 7 days")
    tokens = []
    for _ in range(2):
        tokens.append(cookie(page.context, DEVICE)["value"])
        log_out(page)
        log_in(page, alice.name)
        expect_logged_in(page, alice.name)
    assert len({*tokens, cookie(page.context, DEVICE)["value"]}) == 3
    assert ["totp", "device", "device"] == [
        line["method"] for line in server.audit_of(alice.name) if line["result"] == "accept"
    ]
    log_out(page)
    revoke(server, alice.name)
    log_in(page, alice.name)
    expect(page.get_by_label(ASKED)).to_be_visible()


def test_who_does_not_tick_the_box_is_asked_again(server: Server, url: str, browser: Browser) -> None:
    """Without the wish there is no cookie, and the next login asks."""
    alice = server.add_user()
    page = visit(browser, url)
    log_in(page, alice.name)
    give_code(page, alice.code())
    expect_logged_in(page, alice.name)
    assert {} == cookie(page.context, DEVICE)
    log_out(page)
    log_in(page, alice.name)
    expect(page.get_by_label(ASKED)).to_be_visible()


def test_the_cookies(server: Server, url: str, browser: Browser) -> None:
    """The token is Secure, HttpOnly and SameSite=Strict for as long as the device is trusted; the session is new."""
    alice = server.add_user()
    page = visit(browser, url)
    before = cookie(page.context, "pbx")["value"]
    log_in(page, alice.name)
    give_code(page, alice.code(), trust=True)
    expect_logged_in(page, alice.name)
    device, session = cookie(page.context, DEVICE), cookie(page.context, "pbx")
    (known,) = devices.all_devices(server.database, alice.name)
    assert (True, True, "Strict") == (device["secure"], device["httpOnly"], device["sameSite"])
    assert 60 > abs(known.expires - float(str(device["expires"])))
    assert ("web", "127.0.0.1") == (known.client, known.label)
    assert (True, True, -1) == (session["secure"], session["httpOnly"], session["expires"])
    assert before != session["value"]


def test_a_token_that_was_used_is_worth_nothing(server: Server, url: str, browser: Browser) -> None:
    """A thief with the cookie of yesterday is asked for a code, and so is somebody else in the same browser."""
    alice, bob = server.add_user(), server.add_user()
    page = visit(browser, url)
    log_in(page, alice.name)
    give_code(page, alice.code(), trust=True)
    stolen = cookie(page.context, DEVICE)
    log_out(page)
    log_in(page, alice.name)
    expect_logged_in(page, alice.name)
    thief = visit(browser, url)
    thief.context.add_cookies([{**stolen}])  # type: ignore[typeddict-item]
    log_in(thief, alice.name)
    expect(thief.get_by_label(ASKED)).to_be_visible()
    log_out(page)
    log_in(page, bob.name)
    expect(page.get_by_label(ASKED)).to_be_visible()


def test_a_wrong_password_and_a_wrong_code(server: Server, url: str, browser: Browser) -> None:
    """Both begin again with the password and say the same; a code in two halves is a code, a reload repeats nothing."""
    alice = server.add_user()
    page = visit(browser, url)
    log_in(page, alice.name, "wrong horse")
    expect(page.get_by_role("alert")).to_have_text("Login failed")
    expect(page.get_by_label("User name")).to_have_value(alice.name)
    log_in(page, alice.name)
    give_code(page, "000")
    expect(page.get_by_role("alert")).to_have_text("Login failed")
    log_in(page, f"  {alice.name.title()} ")
    give_code(page, f"{alice.code()[:3]} {alice.code()[3:]}")
    expect_logged_in(page, alice.name)
    page.reload()
    expect_logged_in(page, alice.name)
    assert 1 == sum(line["result"] == "accept" for line in server.audit_of(alice.name))


def test_a_recovery_code(server: Server, url: str, browser: Browser) -> None:
    """A phone gets letters to type one, and no device is offered to be trusted with it."""
    alice = server.add_user(recovery=["ABCDEFGHIJKLMNOP"])
    page = visit(browser, url)
    log_in(page, alice.name)
    expect(page.get_by_label(ASKED)).to_have_attribute("inputmode", "numeric")
    expect(page.get_by_label(ASKED)).to_have_attribute("autocomplete", "one-time-code")
    page.get_by_role("link", name="Type letters").click()
    expect(page.get_by_label(ASKED)).to_have_attribute("inputmode", "text")
    expect(page.get_by_role("checkbox")).to_have_count(0)
    give_code(page, "ABCD-efgh-ijkl-mnop")
    expect_logged_in(page, alice.name)
    expect(page.get_by_role("status")).to_contain_text("0 left")


def test_the_page_of_a_pbx(server: Server, url: str, browser: Browser) -> None:
    """The page that the docs show sends strangers to the login and greets who is logged in."""
    alice = server.add_user()
    pbx = url.replace("login.php", "pbx.php")
    page = visit(browser, pbx)
    assert url == page.url
    log_in(page, alice.name)
    give_code(page, alice.code())
    expect_logged_in(page, alice.name)
    page.goto(pbx)
    expect(page.locator("body")).to_have_text(f"Hello {alice.name}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_looks(width: int, scheme: str, server: Server, url: str, browser: Browser) -> None:
    """On a phone and on a desk, by day and by night, nothing is cut off and all of it can be read."""
    alice = server.add_user()
    page = visit(browser, url, script=True, width=width, scheme=scheme)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    for go in (
        lambda: log_in(page, alice.name, "wrong horse"),
        lambda: log_in(page, alice.name),
        lambda: page.get_by_role("link", name="Type letters").click(),
        lambda: page.get_by_role("link", name="Back to digits").click(),
        lambda: give_code(page, alice.code(), trust=True),
    ):
        go()
        assert width == page.evaluate("document.documentElement.scrollWidth")
        assert [] == page.evaluate(OVERFLOW)
        assert 4.5 <= page.evaluate(CONTRAST)
        assert 1 == page.locator("h1").count()
    expect_logged_in(page, alice.name)
    assert [] == problems
