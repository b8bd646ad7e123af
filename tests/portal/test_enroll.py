"""`enrollment.mail: link`: a mail without a key, and the page that shows it to whoever has mailbox and password."""

from __future__ import annotations

import email
import email.policy
import re
import sqlite3
import time

import pyotp
import pytest

from radius_mfa.store import tokens
from radius_mfa.store.invitations import of_link
from tests.daemon.server import User, wait_for
from tests.portal.site import Browser, Site, heading

NEVER = "000000"


def mails(site: Site, to: str) -> list[str]:
    """The texts of the mails to this address."""
    parsed = [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in site.mails.glob("*.eml")
    ]
    return [str(one.get_body(("plain",)).get_content()) for one in parsed if one["To"] == to]  # type: ignore[union-attr]


def invited(site: Site, browser: Browser) -> tuple[User, str]:
    """A user without an app whose first sign-in has sent a mail, and the path of the link in it."""
    user = site.user(token=False)
    address = f"{user.name}@example.com"
    with sqlite3.connect(site.server.store) as connection:
        connection.execute("UPDATE account SET mail = ? WHERE name = ?", (address, user.name))
    connection.close()
    browser.submit("/login", name=user.name, password=user.password)
    (text,) = wait_for(lambda: mails(site, address), "a mail")
    assert "otpauth" not in text
    assert not re.search(r"(?:[A-Z2-7]{4} ){3}", text)
    (path,) = re.findall(re.escape(site.url) + r"(/enroll/\S+)", text)
    return user, path


def key(page: str) -> pyotp.TOTP:
    """The authenticator that the key on a page makes."""
    (grouped,) = re.findall(r"((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})", page)
    return pyotp.TOTP(grouped.replace(" ", ""))


def test_mailbox_password_and_code_set_up_an_app(linked: Site) -> None:
    """One after the other; then the visitor is in, and the app counts over RADIUS as well."""
    with linked.browser() as browser:
        user, path = invited(linked, browser)
    with linked.browser() as browser:
        for _ in range(2):
            assert "Set up your code app" == heading(browser.get(path))
        page = browser.submit(path, password=user.password)
        app = key(page.text)
        assert "/" == browser.submit("/login/code", code=app.now()).url.path
    client = linked.server.client()
    asked = client.ask(client.request(user.name, user.password))
    code = client.request(user.name, app.at(int(time.time()) + 30), state=asked.state)
    assert "accept" == client.ask(code).result


def test_a_link_is_dead_once_the_app_is_set_up(linked: Site) -> None:
    """Whoever finds the mail later sees nothing of the key, password or not."""
    with linked.browser() as browser:
        user, path = invited(linked, browser)
        page = browser.submit(path, password=user.password)
        browser.submit("/login/code", code=key(page.text).now())
    with linked.browser() as browser:
        for dead in (browser.get(path), browser.submit(path, password=user.password)):
            assert (404, "This link is over") == (dead.status_code, heading(dead))


@pytest.mark.parametrize("end", ["reset", "expiry"])
def test_a_link_is_dead_when_its_token_is(linked: Site, end: str) -> None:
    """By the hand of an admin, or after a day: also in the middle, when the password has been typed."""
    with linked.browser() as browser:
        user, path = invited(linked, browser)
        page = browser.submit(path, password=user.password)
        if end == "reset":
            tokens.reset(linked.server.database, user.name)
        else:
            with sqlite3.connect(linked.server.store) as connection:
                connection.execute("UPDATE token SET expires = 1 WHERE account_id = ?", (user.id,))
            connection.close()
        assert 404 == browser.get(path).status_code
        assert "qr" not in browser.get("/login/code").text
        late = browser.submit("/login/code", code=key(page.text).now())
        assert "/" != late.url.path
        assert browser.get("/").url.path == "/login"


def test_a_link_needs_the_password_of_its_account_each_time(linked: Site) -> None:
    """Another user's does not do, and what one browser was shown no other one is."""
    with linked.browser() as browser, linked.browser() as another:
        user, path = invited(linked, browser)
        other = linked.user(password="the password of somebody else")
        wrong = browser.submit(path, password=other.password)
        assert (403, "Set up your code app") == (wrong.status_code, heading(wrong))
        assert "<svg" not in wrong.text
        assert "<svg" in browser.submit(path, password=user.password).text
        assert "<svg" not in another.get(path).text
        assert "/login" == another.get("/login/code").url.path


def test_a_name_in_the_form_changes_nothing(linked: Site) -> None:
    """The account is the one that the link is about."""
    with linked.browser() as browser:
        user, path = invited(linked, browser)
        other = linked.user(password="the password of somebody else")
        assert 403 == browser.submit(path, name=other.name, password=other.password).status_code
        assert "<svg" in browser.submit(path, name=other.name, password=user.password).text


def test_wrong_codes_count_and_show_the_key_again(linked: Site) -> None:
    """Three tries, then the password again; they are on the account's row like any others."""
    with linked.browser() as browser:
        user, path = invited(linked, browser)
        page = browser.submit(path, password=user.password)
        for _ in range(2):
            page = browser.submit("/login/code", code=NEVER)
            assert 403 == page.status_code
            assert "<svg" in page.text
        assert "<svg" not in browser.submit("/login/code", code=NEVER).text
    reasons = [line["reason"] for line in linked.server.audit_of(user.name)]
    assert 3 == reasons.count("wrong-code")


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: path + "A", lambda path: path[:-3] + "AAA"])
def test_a_made_up_link_leads_nowhere(linked: Site, change: object) -> None:
    """Nor one that was changed."""
    assert callable(change)
    with linked.browser() as browser:
        _, path = invited(linked, browser)
        assert of_link(linked.server.database, path.rpartition("/")[2]) is not None
        assert 404 == browser.get(change(path)).status_code


def test_a_disabled_account_has_no_link(linked: Site) -> None:
    """Whatever the mail says."""
    with linked.browser() as browser:
        user, path = invited(linked, browser)
        with sqlite3.connect(linked.server.store) as connection:
            connection.execute("UPDATE account SET disabled = 1 WHERE id = ?", (user.id,))
        connection.close()
        assert 404 == browser.get(path).status_code
