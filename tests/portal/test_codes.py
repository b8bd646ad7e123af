"""The page of recovery codes: how many are left, a new set, its file, and the end of it."""

from __future__ import annotations

import re

import pytest

from radius_mfa.store import codes
from tests.portal.changing import ADDRESS, notice, shown_codes, signed_in, told, words, written
from tests.portal.site import Site, heading

RECOVERY = ["ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOQ"]


def test_the_page_says_how_many_are_left(site: Site) -> None:
    """None, one, or more of them; looking changes nothing."""
    for some, said in ((2, "You have 2 recovery codes left"), (1, "1 recovery code left"), (0, "no recovery codes")):
        user = site.user(recovery=RECOVERY[:some])
        with signed_in(site, user) as browser:
            page = browser.get("/codes")
            assert (200, "Recovery codes") == (page.status_code, heading(page))
            assert said in words(page)
            assert ("Delete" in page.text) is (some > 0)
            assert page.text == browser.get("/codes?do=delete").text
        assert some == codes.count(site.server.database, user.name)


def test_a_new_set_is_shown_once(site: Site) -> None:
    """Ten of them, in place of those before; written down and told, and nowhere to be seen again."""
    user = site.user(recovery=RECOVERY, mail=ADDRESS)
    with signed_in(site, user) as browser:
        page = browser.submit("/codes", do="make")
        made = shown_codes(page)
        assert (200, 10, 10) == (page.status_code, len(made), len(set(made)))
        assert "shown this once" in words(page)
        again = browser.get("/codes")
    assert "You have 10 recovery codes left" in words(again)
    assert [] == [code for code in made if code in again.text]
    assert [("codes-made", "")] == written(site, user)
    assert "A new set of recovery codes was made" in notice(site, user, "recovery codes was made")
    kept = site.server.audit_file.read_text() + site.log() + site.server.log()
    assert [] == [code for code in made if code in kept or code.replace("-", "") in kept]


def test_each_of_them_lets_in_once_and_those_before_do_not(site: Site) -> None:
    """At the sign-in of the portal."""
    user = site.user(recovery=RECOVERY)
    with signed_in(site, user) as browser:
        made = shown_codes(browser.submit("/codes", do="make"))
        for recovery, path in ((RECOVERY[0], "/login/code"), (made[0], "/"), (made[0], "/login/code")):
            browser.submit("/logout")
            browser.submit("/login", name=user.name, password=user.password)
            assert path == browser.submit("/login/code", recovery=recovery).url.path
    assert 9 == codes.count(site.server.database, user.name)


def test_the_set_comes_as_a_file(site: Site) -> None:
    """Plain text to be saved, with every code of the page, and whose they are."""
    user = site.user()
    with signed_in(site, user) as browser:
        page = browser.submit("/codes", do="make")
        found = re.search(r'action="/codes/file"><button[^>]* name="codes" value="([^"]*)"', page.text)
        assert found
        answer = browser.submit("/codes/file", codes=found.group(1))
    assert 'attachment; filename="recovery-codes.txt"' == answer.headers["content-disposition"]
    assert "text/plain; charset=utf-8" == answer.headers["content-type"]
    assert ("nosniff", "no-store") == (answer.headers["x-content-type-options"], answer.headers["cache-control"])
    lines = answer.text.split("\r\n")
    assert shown_codes(page) == lines[3:-1]
    assert lines[0].startswith(f"Recovery codes of {user.name} for Tests, saved on ")


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "<script>alert(1)</script>",
        "ABCD-EFGH-IJKL-MNOP <b>",
        "abcd-efgh-ijkl-mnop",
        "ABCD-EFGH-IJKL-MNO1",
        "ABCD-EFGH-IJKL-MNOP\nABCD-EFGH-IJKL-MNOP",
        "ABCD-EFGH-IJKL-MNOP\r\n",
        "ABCD-EFGH-IJKL-MNOP  ABCD-EFGH-IJKL-MNOP",
        "ABCDEFGHIJKLMNOP",
        "\uff21BCD-EFGH-IJKL-MNOP",
        " ".join(["ABCD-EFGH-IJKL-MNOP"] * 51),
    ],
    ids=["nothing", "script", "more", "case", "digit", "lines", "end", "gap", "bare", "wide", "many"],
)
def test_the_file_has_codes_and_nothing_else(site: Site, sent: str) -> None:
    """What is no recovery code letter by letter is not sent back."""
    user = site.user()
    with signed_in(site, user) as browser:
        answer = browser.submit("/codes/file", codes=sent)
    assert 400 == answer.status_code
    assert "ABCD" not in answer.text
    assert "alert" not in answer.text


def test_all_of_them_end(site: Site) -> None:
    """Written down and told; a second time there is nothing to end, and nobody is told."""
    user = site.user(recovery=RECOVERY, mail=ADDRESS)
    with signed_in(site, user) as browser:
        page = browser.submit("/codes", do="delete")
        assert "/codes" == page.url.path
        assert "Your recovery codes are deleted" in words(page)
        assert "There were no recovery codes" in words(browser.submit("/codes", do="delete"))
    assert 0 == codes.count(site.server.database, user.name)
    assert [("codes-deleted", ""), ("codes-deleted", ""), ("codes-deleted", "failed")] == written(site, user)
    assert 1 == told(site, user)


def test_no_other_word_is_understood(site: Site) -> None:
    """And nothing is changed."""
    user = site.user(recovery=RECOVERY)
    with signed_in(site, user) as browser:
        for fields in ({"make": "yes"}, {"do": ""}, {"do": "drop"}):
            assert 400 == browser.submit("/codes", **fields).status_code
        assert 200 == browser.get("/codes", params={"done": "<b>done</b>"}).status_code
        assert "<b>done" not in browser.get("/codes", params={"done": "<b>done</b>"}).text
    assert (2, []) == (codes.count(site.server.database, user.name), written(site, user))


def test_one_account_does_not_see_another(site: Site) -> None:
    """A new set of bob's leaves alice's alone."""
    alice, bob = site.user(recovery=RECOVERY), site.user(recovery=RECOVERY)
    with signed_in(site, bob) as browser:
        browser.submit("/codes", do="make", name=alice.name, account=alice.name)
        browser.submit("/codes", do="delete", name=alice.name)
    counts = [codes.count(site.server.database, user.name) for user in (alice, bob)]
    assert [2, 0] == counts
