"""Ways around the second factor that somebody has looked for: in each, who asks has too little, and gets nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from radius_mfa.auth.model import TokenStatus
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.visits import Visits
from radius_mfa.settings.doors import Portal
from radius_mfa.store import accounts, codes, queue, sessions, tokens
from radius_mfa.store.api_tokens import Scope
from radius_mfa.store.sessions import Session
from tests.contract.stores import NOW, SqliteStores
from tests.daemon.server import User, wait_for
from tests.portal.api import Caller, kind, user_path
from tests.portal.changing import ADDRESS, add, second, signed_in, words, written
from tests.portal.site import Site
from tests.portal.test_changes import Written

RECOVERY = ("ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOQ")
CHANGES: dict[str, tuple[str, dict[str, str]]] = {
    "codes-made": ("/codes", {"do": "make"}),
    "phone-begun": ("/authenticator", {"do": "add"}),
}


def while_it_waits(
    site: Site, user: User, ask: Callable[[], httpx.Response], reason: str, change: str
) -> httpx.Response:
    """The answer to a request for a change that stood in the queue of writers while an admin changed the account."""
    with ThreadPoolExecutor(1) as threads:
        with site.server.database.write() as connection:
            asked = threads.submit(ask)
            wait_for(lambda: (reason, "") in written(site, user), "a change that waits for the store")
            connection.exec_driver_sql(change, (user.id,))
        return asked.result()


@pytest.mark.parametrize("reason", CHANGES)
@pytest.mark.parametrize(
    "change", ["UPDATE account SET epoch = epoch + 1 WHERE id = ?", "DELETE FROM session WHERE account_id = ?"]
)
def test_a_change_that_waited_dies_with_its_session(site: Site, reason: str, change: str) -> None:
    """Whoever has just been thrown out leaves neither a phone nor codes of his own behind."""
    user = site.user()
    path, fields = CHANGES[reason]
    with signed_in(site, user) as browser:
        answer = while_it_waits(site, user, partial(browser.submit, path, **fields), reason, change)
        assert "/login" == answer.url.path
    assert 0 == codes.count(site.server.database, user.name)
    assert [TokenStatus.ACTIVE] == [one.status for one in tokens.all_tokens(site.server.database, user.name)]
    assert [(reason, ""), (reason, "failed")] == written(site, user)


def test_a_stranger_leaves_no_phone_behind(site: Site) -> None:
    """Its key was his to see: after "this was not me" no code of it lets anybody in."""
    user = site.user()
    with signed_in(site, user) as browser:
        phone = add(browser, user)
        browser.submit("/not-me")
    with site.browser() as stranger:
        assert "/" != stranger.sign_in(phone).url.path


def test_a_code_given_later_than_now_confirms_nothing(tmp_path: Path) -> None:
    """A clock that was set back makes no old code new; one that is mended by seconds asks for no other one."""
    stores = SqliteStores(tmp_path)
    desk = Desk(stores.database, Written())
    visits = Visits(desk, Portal(url="https://localhost"), stores.clock, bytes)
    given = {at: visits.confirmed(Session(1, "alice", 1, NOW, NOW, NOW + at)) for at in (-600, -599, 5, 300)}
    assert {-600: False, -599: True, 5: True, 300: False} == given
    desk.close()


def test_root_is_not_made_over_the_network(site: Site) -> None:
    """Whoever may make accounts for a PBX is not to choose a password of the host."""
    with Caller(site, *Scope) as admin:
        refused = admin.post("/users", json={"name": "root", "password": "pw", "mail": ADDRESS})
    assert (422, "invalid") == (refused.status_code, kind(refused))


def test_wrong_codes_are_not_forgotten_for_whoever_makes_accounts(site: Site) -> None:
    """With `unlock` between them there would be no end to the guesses at a code."""
    user = site.user()
    with Caller(site, *set(Scope) - {Scope.MFA}) as caller:
        assert 403 == caller.post(user_path(user.name, "unlock")).status_code


def test_who_was_let_in_by_a_phone_that_is_removed_is_not_signed_in(site: Site) -> None:
    """Its code was right a moment before: the session that was to follow is not begun."""
    user, database = site.user(), site.server.database
    second(site, user)
    old, epoch = tokens.all_tokens(database, user.name)[0], accounts.get(database, user.name).epoch
    with signed_in(site, user) as browser:
        assert "removed" in words(browser.submit("/authenticator", do="remove", id=str(old.id)))
        assert not sessions.begin(database, b"stranger", user.id, epoch, code_given=True)
        assert "/" == browser.get("/").url.path


def test_no_mail_brings_the_key_of_a_phone_that_a_page_has_shown(site: Site) -> None:
    """Whoever has recovery codes alone keeps them: a first phone would stand in for them, and be a mailbox away."""
    user = site.user(token=False, recovery=RECOVERY, mail=ADDRESS)
    with site.browser() as browser:
        browser.submit("/login", name=user.name, password=user.password)
        browser.submit("/login/code", recovery=RECOVERY[0])
        assert "mail" in words(browser.submit("/authenticator", do="add"))
    with site.browser() as stranger:
        stranger.submit("/login", name=user.name, password=user.password)
        stranger.submit("/login/code", code="mail")
        assert "/" == stranger.submit("/login/code", recovery=RECOVERY[1]).url.path
    kinds = [mail.kind for mail in queue.queue(site.server.database) if mail.account == user.name]
    assert "invitation" not in kinds
