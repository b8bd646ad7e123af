"""What the admin API does, as logins and sessions feel it, and what the audit says of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radius_mfa.portal.api.changes import ApiChange
from radius_mfa.store import accounts, api_tokens
from radius_mfa.store.api_tokens import Scope
from tests.conftest import ROOT
from tests.portal.api import Caller, user_path
from tests.portal.site import Browser, Site

CHANGES = [
    ("PATCH", [], {"groups": ["other"]}, "user-changed"),
    ("PATCH", [], {"mfa": "required"}, "mfa-required"),
    ("PATCH", [], {"mfa": "inherit", "groups": ["more"]}, "mfa-inherit"),
    ("PATCH", [], {"mfa": "off"}, "mfa-off"),
    ("POST", ["unlock"], None, "user-unlocked"),
    ("POST", ["codes"], None, "codes-made"),
    ("DELETE", ["codes"], None, "codes-deleted"),
    ("DELETE", ["devices"], None, "devices-revoked"),
    ("POST", ["reset"], None, "user-reset"),
]


@pytest.fixture(scope="module")
def admin(site: Site) -> Iterator[Caller]:
    """A token that may do everything."""
    with Caller(site, *Scope) as caller:
        yield caller


def first_round(site: Site, name: str, password: str) -> tuple[str, str]:
    """Result and reason of a login over RADIUS with the password alone."""
    client = site.server.client()
    reply = client.ask(client.request(name, password))
    return reply.result, site.server.audit_of(name)[-1]["reason"]


def with_device(site: Site, user_id: int) -> None:
    """A trusted device, as a login leaves it."""
    with site.server.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO device (account_id, kind, client, label, hash, created, last_used, expires)"
            " VALUES (?, 'token', 'portal', 'desk', randomblob(32), 1800000000, 1800000000, 4000000000)",
            (user_id,),
        )


def test_an_account_that_was_made_logs_in(site: Site, admin: Caller) -> None:
    """Over RADIUS, with the password it was given; with MFA it is invited to enrol."""
    given = {"name": "made-off", "password": "correct hörse", "mfa": "off"}
    assert 201 == admin.post("/users", json=given).status_code
    assert ("accept", "ok") == first_round(site, "made-off", "correct hörse")
    assert ("reject", "wrong-password") == first_round(site, "made-off", "correct horse")
    given = {"name": "made-on", "password": "pw", "mail": "made-on@example.com"}
    assert 201 == admin.post("/users", json=given).status_code
    assert ("challenge", "invited") == first_round(site, "made-on", "pw")


def test_without_a_password_nobody_logs_in(site: Site, admin: Caller) -> None:
    """Neither with an empty one."""
    admin.post("/users", json={"name": "made-bare", "mfa": "off"})
    assert "reject" == first_round(site, "made-bare", "")[0]
    assert "reject" == first_round(site, "made-bare", "x")[0]


def test_a_code_that_was_made_logs_in_once(site: Site, admin: Caller) -> None:
    """Over RADIUS; those of the set before do not any more."""
    user = site.user(recovery=["ABCDEFGHIJKLMNOP"])
    path = user_path(user.name, "codes")
    made = admin.post(path).json()["codes"]
    assert 10 == len(made)
    client = site.server.client()

    def answered(code: str) -> str:
        challenge = client.ask(client.request(user.name, user.password))
        return client.ask(client.request(user.name, code, state=challenge.state)).result

    assert ["reject", "accept", "reject"] == [answered(code) for code in ("ABCDEFGHIJKLMNOP", made[0], made[0])]
    assert {"left": 9} == admin.get(path).json()
    assert {"ended": 10} == admin.delete(path).json()
    assert {"left": 0} == admin.get(path).json()
    assert {"ended": 0} == admin.delete(path).json()
    assert "reject" == answered(made[1])


def test_after_a_reset_the_account_enrols_anew(site: Site, admin: Caller) -> None:
    """Authenticator, codes and devices are gone, and the next right password brings an invitation."""
    user = site.user(recovery=["ABCDEFGHIJKLMNOP"], mail="reset@example.com")
    with_device(site, user.id)
    assert ("challenge", "ok") == first_round(site, user.name, user.password)
    ended = admin.post(user_path(user.name, "reset"))
    assert {"tokens": 1, "recovery_codes": 1, "devices": 1} == ended.json()
    assert ("challenge", "invited") == first_round(site, user.name, user.password)


def test_the_owner_is_told_of_a_reset_and_of_another_address(site: Site, admin: Caller) -> None:
    """As with the commands: a mail for the reset, one to each address."""
    user = site.user(mail="told@example.com")
    admin.post(user_path(user.name, "reset"))
    admin.patch(user_path(user.name), json={"mail": "new@example.com"})
    with site.server.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT kind, recipient FROM outbox WHERE account_id = ?", (user.id,)).all()
    expected = {
        ("reset", "told@example.com"),
        ("address-changed", "told@example.com"),
        ("address-changed", "new@example.com"),
    }
    assert expected == {tuple(row) for row in rows}


def test_devices_are_shown_and_revoked(site: Site, admin: Caller) -> None:
    """One by its number, or all; a number of somebody else is none."""
    user, other = site.user(), site.user()
    for owner in (user, user, user, other):
        with_device(site, owner.id)
    path = user_path(user.name, "devices")
    shown = admin.get(path).json()["devices"]
    assert {"token"} == {one["kind"] for one in shown}
    assert ("portal", "desk", "2027-01-15T08:00:00Z", "2096-10-02T07:06:40Z") == tuple(
        shown[0][key] for key in ("client", "label", "created", "expires")
    )
    numbers = [one["id"] for one in shown]
    assert 204 == admin.delete(f"{path}/{numbers[1]}").status_code
    assert 404 == admin.delete(f"{path}/{numbers[1]}").status_code
    assert 404 == admin.delete(user_path(other.name, "devices", str(numbers[0]))).status_code
    assert [numbers[0], numbers[2]] == [one["id"] for one in admin.get(path).json()["devices"]]
    assert {"ended": 2} == admin.delete(path).json()
    assert {"ended": 0} == admin.delete(path).json()
    assert 1 == admin.get(user_path(other.name)).json()["devices"]


def test_an_unlocked_account_logs_in(site: Site, admin: Caller) -> None:
    """Its wrong codes are forgotten."""
    user = site.user()
    with site.server.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE account SET failures = 5, window_failures = 5, locked_until = 4000000000 WHERE id = ?", (user.id,)
        )
    assert "2096-10-02T07:06:40Z" == admin.get(user_path(user.name)).json()["locked_until"]
    assert 204 == admin.post(user_path(user.name, "unlock")).status_code
    shown = admin.get(user_path(user.name)).json()
    assert (None, {"in_a_row": 0, "in_window": 0}) == (shown["locked_until"], shown["wrong_codes"])
    client = site.server.client()
    challenge = client.ask(client.request(user.name, user.password))
    assert "accept" == client.ask(client.request(user.name, user.code(), state=challenge.state)).result


@pytest.mark.parametrize("change", [{"groups": ["new"]}, {"mfa": "required"}, {"mail": "x@example.com"}, None])
def test_a_change_ends_the_sessions_of_the_account(
    site: Site, browser: Browser, admin: Caller, change: dict[str, object] | None
) -> None:
    """The epoch grows: whoever is signed in to the portal has to sign in again."""
    user = site.user()
    assert "/" == browser.sign_in(user).url.path
    assert "/" == browser.get("/").url.path
    before = accounts.get(site.server.database, user.name).epoch
    if change is None:
        admin.post(user_path(user.name, "reset"))
    else:
        admin.patch(user_path(user.name), json=change)
    assert accounts.get(site.server.database, user.name).epoch > before
    assert "/login" == browser.get("/").url.path


def test_every_change_stands_in_the_audit(site: Site, admin: Caller) -> None:
    """With who has made it, and from where; a look leaves no line."""
    user = site.user()
    for method, more, body, _ in CHANGES:
        assert admin.request(method, user_path(user.name, *more), json=body).status_code < 300
    for more in ([], ["codes"], ["devices"]):
        admin.get(user_path(user.name, *more))
    lines = site.server.audit_of(user.name)
    assert [reason for *_, reason in CHANGES] == [line["reason"] for line in lines]
    facts = ("event", "client", "source", "transport", "result", "actor")
    assert {("change", "api", "127.0.0.1", "api", "", f"api:{admin.name}")} == {
        tuple(line[fact] for fact in facts) for line in lines
    }
    assert [] == [line for line in lines if admin.token in str(line)]


def test_the_line_of_a_new_account_says_whether_it_owes_a_code(site: Site, admin: Caller) -> None:
    """So that nobody makes accounts without a second factor unseen."""
    admin.post("/users", json={"name": "audit-on"})
    admin.post("/users", json={"name": "audit-off", "mfa": "off"})
    reasons = [site.server.audit_of(name)[-1]["reason"] for name in ("audit-on", "audit-off")]
    assert ["user-created", "user-created-mfa-off"] == reasons


def test_what_was_not_done_stands_in_the_audit_as_failed(site: Site, admin: Caller) -> None:
    """The line is written before anybody knows."""
    admin.post(user_path("nobody-at-all", "reset"))
    lines = site.server.audit_of("nobody-at-all")
    assert [("user-reset", ""), ("user-reset", "failed")] == [(line["reason"], line["result"]) for line in lines]


def test_every_word_of_the_vocabulary_is_used() -> None:
    """Those of the list above, the two of a new account, that of a single device; and docs/audit.md has them all."""
    used = {reason for *_, reason in CHANGES} | {"user-created", "user-created-mfa-off", "device-revoked"}
    assert used == set(ApiChange)
    text = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    assert [] == [change for change in ApiChange if f"`{change}`" not in text]


def test_a_token_made_by_the_command_works(site: Site) -> None:
    """What `api-token create` prints is what the API takes; the portal need not be told of it."""
    text = api_tokens.make(site.server.database, "by-hand", [Scope.USERS_READ])
    with Caller(site) as caller:
        caller.headers["Authorization"] = f"Bearer {text}"
        assert 200 == caller.get("/users").status_code
