"""A code once more before a change: what counts as one, where it leads, and what a wrong one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from radius_mfa.store import codes, devices, tokens
from tests.portal.changing import age, failures, is_locked, signed_in, told, words, written, wrong_code
from tests.portal.site import Browser, Site, heading, sites

RECOVERY = "ABCDEFGHIJKLMNOP"
CHANGES = [
    ("codes", {"do": "make"}),
    ("codes", {"do": "delete"}),
    ("devices", {"do": "rename", "id": "1", "label": "other"}),
    ("devices", {"do": "revoke", "id": "1"}),
    ("devices", {"do": "revoke-all"}),
    ("authenticator", {"do": "add", "label": ""}),
    ("authenticator", {"do": "remove", "id": "1"}),
    ("authenticator", {"do": "resync", "first": "111111", "second": "222222"}),
]
"""Every form that changes something, by its page."""
IDS = [f"{page}-{fields['do']}" for page, fields in CHANGES]


@pytest.mark.parametrize(("page", "fields"), CHANGES, ids=IDS)
def test_a_change_asks_for_a_code_first(site: Site, page: str, fields: dict[str, str]) -> None:
    """When the last one was given too long ago: nothing is changed, written down or told."""
    user = site.user(recovery=[RECOVERY], mail="alice@example.com")
    with signed_in(site, user, confirmed=False) as browser:
        answer = browser.submit(f"/{page}", **fields)
    assert f"/confirm?next={page}" == answer.url.raw_path.decode()
    assert "One more code" == heading(answer)
    assert ([], 0) == (written(site, user), told(site, user))
    database = site.server.database
    assert (1, 1) == (codes.count(database, user.name), len(tokens.all_tokens(database, user.name)))


@pytest.mark.parametrize(("page", "fields"), [*CHANGES, ("codes/file", {"codes": "ABCD-EFGH-IJKL-MNOP"})])
def test_a_change_needs_a_session(browser: Browser, page: str, fields: dict[str, str]) -> None:
    """Whoever is not signed in ends at the sign-in; so does who only looks."""
    assert "/login" == browser.submit(f"/{page}", **fields).url.path
    assert "/login" == browser.get(f"/{page.partition('/')[0]}").url.path


def test_the_code_leads_back_to_the_page(site: Site) -> None:
    """And from then on changes are made at once."""
    user = site.user()
    with signed_in(site, user, confirmed=False) as browser:
        page = browser.submit("/confirm", next="codes", code=user.code(1))
        assert ("/codes", 200) == (page.url.path, page.status_code)
        assert "Your new recovery codes" == heading(browser.submit("/codes", do="make"))


def test_a_code_with_a_space_is_taken(site: Site) -> None:
    """As apps show it."""
    user = site.user()
    code = user.code(1)
    with signed_in(site, user, confirmed=False) as browser:
        assert "/devices" == browser.submit("/confirm", next="devices", code=f"{code[:3]} {code[3:]}").url.path


def test_the_code_of_the_sign_in_does_not_serve_twice(site: Site) -> None:
    """It is used up, and is not counted as a guess."""
    user = site.user()
    with site.browser() as browser:
        code = user.code()
        browser.sign_in(user, code)
        age(site, user, 3600)
        page = browser.submit("/confirm", next="codes", code=code)
        assert (403, "One more code") == (page.status_code, heading(page))
        assert "That code was not accepted" in words(page)
        assert "/confirm" == browser.submit("/codes", do="make").url.path
    assert 0 == failures(site, user)


def test_a_recovery_code_confirms_too(site: Site) -> None:
    """Once."""
    user = site.user(recovery=[RECOVERY])
    with signed_in(site, user, confirmed=False) as browser:
        assert "/codes" == browser.submit("/confirm", next="codes", recovery="abcd-efgh-ijkl-mnop").url.path
        age(site, user, 3600)
        page = browser.submit("/confirm", next="codes", recovery="abcd-efgh-ijkl-mnop")
        assert 403 == page.status_code
        assert "It may be mistyped or used" in words(page)


def test_a_trusted_browser_has_given_no_code(site: Site) -> None:
    """Its password lets it in, and a change asks all the same."""
    user = site.user()
    with site.browser() as browser:
        browser.sign_in(user, trust="yes")
        browser.submit("/logout")
        assert "/" == browser.submit("/login", name=user.name, password=user.password).url.path
        assert "/confirm" == browser.submit("/codes", do="make").url.path
    assert 1 == len(devices.all_devices(site.server.database, user.name))


def test_who_owes_no_code_can_change_nothing(site: Site) -> None:
    """The password alone lets them in; there is nothing that could confirm a change, and the page says so."""
    user = site.user(mfa="off", token=False)
    with site.browser() as browser:
        assert "/" == browser.submit("/login", name=user.name, password=user.password).url.path
        page = browser.submit("/authenticator", do="add", label="")
        assert "/confirm" == page.url.path
        assert "ask your administrator" in words(page)
        assert 403 == browser.submit("/confirm", next="authenticator", code="123456").status_code
    assert [] == tokens.all_tokens(site.server.database, user.name)


def test_who_owes_no_code_but_has_a_phone_confirms_with_it(site: Site) -> None:
    """Being let in without a code is no right to change what makes them."""
    user = site.user(mfa="off")
    with site.browser() as browser:
        browser.submit("/login", name=user.name, password=user.password)
        assert "/confirm" == browser.submit("/codes", do="make").url.path
        assert "/codes" == browser.submit("/confirm", next="codes", code=user.code()).url.path


@pytest.mark.parametrize(
    "word", ["", "//evil.example", "https://evil.example/", "codes/../logout", "nowhere", "\r\nX: y"]
)
def test_it_leads_to_pages_of_ours_alone(site: Site, word: str) -> None:
    """Whatever `next` says that is none of three words leads to the first page, and is not repeated."""
    user = site.user()
    with signed_in(site, user) as browser:
        shown = browser.get("/confirm", params={"next": word})
        assert ("/", "localhost") == (shown.url.path, shown.url.host)
        age(site, user, 3600)
        page = browser.get("/confirm", params={"next": word})
        assert "evil" not in page.text
        browser.follow_redirects = False
        assert "/" == browser.submit("/confirm", next=word, code=user.code(1)).headers["location"]


def test_wrong_codes_count_and_lock(site: Site) -> None:
    """Five in a row lock the account, over all doors, and the lock ends the session."""
    user = site.user()
    with signed_in(site, user, confirmed=False) as browser:
        for count in range(1, 5):
            page = browser.submit("/confirm", next="codes", code=wrong_code(user))
            assert (403, count) == (page.status_code, failures(site, user))
        assert "/login" == browser.submit("/confirm", next="codes", code=wrong_code(user)).url.path
        assert "/login" == browser.get("/").url.path
    assert is_locked(site, user)
    client = site.server.client()
    state = client.ask(client.request(user.name, user.password)).state
    assert "reject" == client.ask(client.request(user.name, user.code(1), state=state)).result


def test_what_cannot_be_a_code_is_not_counted(site: Site) -> None:
    """It is refused all the same."""
    user = site.user()
    with signed_in(site, user, confirmed=False) as browser:
        for code in ("", "12345", "1234567", "١٢٣٤٥٦", "x" * 5000):
            assert 403 == browser.submit("/confirm", next="codes", code=code).status_code
    assert 0 == failures(site, user)


def test_a_look_confirms_nothing(site: Site) -> None:
    """A code in an address is not looked at."""
    user = site.user()
    with signed_in(site, user, confirmed=False) as browser:
        assert "/confirm" == browser.get("/confirm", params={"next": "codes", "code": user.code(1)}).url.path
        assert "/confirm" == browser.submit("/codes", do="make").url.path


def test_a_confirmation_holds_for_one_session(site: Site) -> None:
    """Another browser of the same user is asked for a code of its own."""
    user = site.user()
    with signed_in(site, user) as one, site.browser() as other:
        other.sign_in(user, user.code(1))
        age(site, user, 3600)
        assert "/codes" == one.submit("/confirm", next="codes", code=user.code(2)).url.path
        assert "/confirm" == other.submit("/codes", do="make").url.path


def test_a_code_holds_as_long_as_step_up_says(tmp_path: Path) -> None:
    """And no longer; a clock that is set back makes it hold no longer either."""
    with sites(tmp_path) as made:
        made.append(site := Site(tmp_path / "site", portal="step_up: 1h"))
        site.start()
        user = site.user()
        with signed_in(site, user) as browser:
            for older, path in ((3000, "/codes"), (601, "/confirm"), (-7301, "/confirm")):
                age(site, user, older)
                assert path == browser.submit("/codes", do="delete").url.path
