"""What people change in the portal, and the traces of it: in the audit, in the outbox, and in the session."""

from __future__ import annotations

import html
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import httpx
import pyotp

from radius_mfa.auth.model import TokenKind
from radius_mfa.store import accounts, queue, tokens
from radius_mfa.store.tokens import NewToken
from tests.daemon.mailbox import in_directory
from tests.daemon.server import User, wait_for
from tests.portal.site import Browser, Site

ADDRESS = "alice@example.com"


def age(site: Site, user: User, seconds: float) -> None:
    """Let the codes that were given in the sessions of this user be so much older."""
    with closing(sqlite3.connect(site.server.store)) as connection, connection:
        connection.execute("UPDATE session SET code_at = code_at - ? WHERE account_id = ?", (seconds, user.id))


@contextmanager
def signed_in(site: Site, user: User, *, confirmed: bool = True) -> Iterator[Browser]:
    """A browser in which the user has signed in with a code, just now or long ago."""
    with site.browser() as browser:
        page = browser.sign_in(user)
        assert "/" == page.url.path, page.text
        if not confirmed:
            age(site, user, 3600)
        yield browser


def written(site: Site, user: User) -> list[tuple[str, str]]:
    """What the audit has of changes of this user: reason and result."""
    lines = site.server.audit_of(user.name)
    return [(line["reason"], line["result"]) for line in lines if line["event"] == "change"]


def told(site: Site, user: User) -> int:
    """How many notices of changes were queued for this user."""
    return sum(mail.kind == "changed" and mail.account == user.name for mail in queue.queue(site.server.database))


def notice(site: Site, user: User, text: str) -> str:
    """The mail to this user that has this text, once it is there; its lines are one."""

    def found() -> str | None:
        texts = (" ".join(mail.text.split()) for mail in in_directory(site.mails))
        return next((one for one in texts if text in one and user.name in one), None)

    return wait_for(found, f"a mail that says {text!r}") or ""


def failures(site: Site, user: User) -> int:
    """Wrong codes of this user in a row."""
    with closing(sqlite3.connect(site.server.store)) as connection:
        (count,) = connection.execute("SELECT failures FROM account WHERE id = ?", (user.id,)).fetchone()
    return int(count)


def is_locked(site: Site, user: User) -> bool:
    """Whether too many codes were wrong."""
    return accounts.get(site.server.database, user.name).locked_until > 0


def words(page: httpx.Response) -> str:
    """What a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def shown_codes(page: httpx.Response) -> list[str]:
    """The recovery codes on a page."""
    return re.findall(r"<li>([A-Z2-7-]{19})</li>", page.text)


def wrong_code(user: User) -> str:
    """A code that is none of this user's, neither yesterday nor tomorrow."""
    near = {user.code(step) for step in range(-2900, 40)}
    return next(code for code in map("{:06}".format, range(10**6)) if code not in near)


def trusted(site: Site, user: User, label: str, kind: str = "token", client: str = "pbx", days: float = 7) -> int:
    """A device of this user, trusted for so many days from yesterday on; its id."""
    since = time.time() - 86400
    row = (user.id, kind, client, label, f"{label}{kind}".encode(), since, since, since + days * 86400)
    with closing(sqlite3.connect(site.server.store)) as connection, connection:
        made = connection.execute(
            "INSERT INTO device (account_id, kind, client, label, hash, created, last_used, expires)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            row,
        )
        return int(made.fetchone()[0])


def add(browser: Browser, user: User, label: str = "") -> User:
    """The same user with the phone whose key the page shows, and that is still to give its first code."""
    return replace(user, totp_secret_base32=key_on(browser.submit("/authenticator", do="add", label=label)))


def key_on(page: httpx.Response) -> str:
    """The key that a page shows, in base32."""
    found = re.search(r'<p class="key" id="key">([A-Z2-7 ]+)</p>', page.text)
    assert found, page.text
    return found.group(1).replace(" ", "")


def second(site: Site, user: User, label: str = "the tablet", kind: TokenKind = TokenKind.TOTP) -> tuple[int, User]:
    """Another active authenticator of this user: its id, and the user with it in hand."""
    secret, database = pyotp.random_base32(), site.server.database
    new = NewToken(pyotp.TOTP(secret).byte_secret(), kind=kind, label=label)
    made = tokens.enroll(database, user.name, new, expires=time.time() + 3600)
    tokens.confirm(database, user.name, made, step=0, drift=0)
    return made, replace(user, totp_secret_base32=secret)
