"""Accounts over the admin API: listed, shown, made, changed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from itertools import count

import pytest

from radius_mfa.store import accounts
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.api_tokens import Scope
from tests.portal.api import Caller, kind, problem, user_path
from tests.portal.site import Site

NAMES = (f"made{number}" for number in count())


@pytest.fixture(scope="module")
def admin(site: Site) -> Iterator[Caller]:
    """A token that may do everything."""
    with Caller(site, *Scope) as caller:
        yield caller


def test_an_account_is_made_and_shown(admin: Caller) -> None:
    """The answer says where it is, and what it is like."""
    name = next(NAMES)
    given = {"name": name, "mail": f"{name}@example.com", "groups": ["pbx", "a b"], "language": "en", "mfa": "required"}
    made = admin.post("/users", json=given | {"password": "correct horse"})
    assert 201 == made.status_code
    assert f"/api/v1/users/{name}" == made.headers["location"]
    shown = admin.get(f"/users/{name}").json()
    assert made.json() == shown
    assert given | {"groups": ["a b", "pbx"]} == {key: shown[key] for key in given}
    assert shown["has_password"]
    assert "local" == shown["backend"]
    assert abs(time.time() - time.mktime(time.strptime(shown["created"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 600


def test_a_name_alone_makes_an_account(admin: Caller) -> None:
    """Without password, address and groups; MFA is as the server has it for everybody."""
    made = admin.post("/users", json={"name": next(NAMES)}).json()
    assert (None, [], "inherit", False) == (made["mail"], made["groups"], made["mfa"], made["has_password"])


def test_a_name_is_given_once(admin: Caller) -> None:
    """The second time is a conflict, and the account stays as it is."""
    name = next(NAMES)
    admin.post("/users", json={"name": name, "groups": ["first"]})
    again = admin.post("/users", json={"name": name, "groups": ["second"]})
    assert (409, "taken") == (again.status_code, kind(again))
    assert ["first"] == admin.get(f"/users/{name}").json()["groups"]


@pytest.mark.parametrize("wrong", ["Carol", "carol\n", "a" * 254, "ä" * 127, ""])
def test_a_name_that_no_login_finds_is_refused(admin: Caller, wrong: str) -> None:
    """As `user add` does, with what it should be."""
    answer = admin.post("/users", json={"name": wrong})
    assert 422 == answer.status_code
    assert ["#/name"] == [one["pointer"] for one in problem(answer)["errors"]]


@pytest.mark.parametrize("name", ["a/b", "a%2fb", "müller", "a b", "..x", "x?y=1#z", "\U0001f600", "{name}", "+"])
def test_any_name_can_be_in_a_path(admin: Caller, name: str) -> None:
    """Percent-encoded as UTF-8, whatever it has in it."""
    made = admin.post("/users", json={"name": name})
    assert 201 == made.status_code, made.text
    assert name == admin.get(user_path(name)).json()["name"]
    assert name == admin.get(made.headers["location"].removeprefix("/api/v1")).json()["name"]
    assert {"left": 0} == admin.get(user_path(name, "codes")).json()


def test_a_name_is_found_as_a_client_may_send_it(admin: Caller) -> None:
    """Folded, as `accounts` says: who asks for Made0 is shown made0."""
    name = next(NAMES)
    admin.post("/users", json={"name": name})
    assert name == admin.get(f"/users/{name.upper()}").json()["name"]


@pytest.mark.parametrize("path", ["/users/nobody", "/users/%FF", "/users/%00", "/users/a%0Ab", "/users/" + "a" * 254])
def test_nobody_of_that_name_is_not_found(admin: Caller, path: str) -> None:
    """Also where no account could have such a name."""
    assert (404, "not-found") == ((answer := admin.get(path)).status_code, kind(answer))


def test_what_is_given_changes_and_the_rest_stays(admin: Caller) -> None:
    """null takes away; an empty list leaves no group."""
    name = next(NAMES)
    admin.post("/users", json={"name": name, "mail": "old@example.com", "groups": ["pbx"], "language": "en"})
    changed = admin.patch(f"/users/{name}", json={"mail": "new@example.com"}).json()
    assert ("new@example.com", ["pbx"], "en") == (changed["mail"], changed["groups"], changed["language"])
    changed = admin.patch(f"/users/{name}", json={"mail": None, "groups": [], "language": None}).json()
    assert (None, [], None, "inherit") == (changed["mail"], changed["groups"], changed["language"], changed["mfa"])
    assert changed == admin.get(f"/users/{name}").json()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({}, "#"),
        ({"mfa": None}, "#/mfa"),
        ({"mfa": "on"}, "#/mfa"),
        ({"groups": None}, "#/groups"),
        ({"groups": ["a", ""]}, "#/groups/1"),
        ({"groups": ["a\nb"]}, "#/groups/0"),
        ({"groups": "a"}, "#/groups"),
        ({"mail": "a@example.com, b@example.com"}, "#/mail"),
        ({"mail": ""}, "#/mail"),
        ({"language": "xx"}, "#/language"),
        ({"name": "other"}, "#/name"),
        ({"a/b~c d": 1}, "#/a~1b~0c%20d"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(admin: Caller, given: dict[str, object], pointer: str) -> None:
    """And nothing is changed."""
    name = next(NAMES)
    before = admin.post("/users", json={"name": name}).json()
    answer = admin.patch(f"/users/{name}", json=given)
    assert (422, "invalid") == (answer.status_code, kind(answer))
    assert [pointer] == [one["pointer"] for one in problem(answer)["errors"]]
    assert before == admin.get(f"/users/{name}").json()


@pytest.mark.parametrize("password", ["", "a\0b", "a" * 129, "ä" * 65])
def test_a_password_that_no_login_could_bring_is_refused(admin: Caller, password: str) -> None:
    """And not repeated."""
    answer = admin.post("/users", json={"name": next(NAMES), "password": password})
    assert 422 == answer.status_code
    assert ["#/password"] == [one["pointer"] for one in problem(answer)["errors"]]
    assert not password or password not in answer.text


def test_pages_lead_through_all_accounts(site: Site, admin: Caller) -> None:
    """Each begins behind the last name of the one before; names in between do not confuse it."""
    for number in range(5):
        accounts.add(site.server.database, NewAccount(f"page/{number}"))
    found: list[str] = []
    after = "page/"
    while after and after.startswith("page/"):
        page = admin.get("/users", params={"after": after, "limit": "2"}).json()
        assert len(page["users"]) <= 2
        found += [user["name"] for user in page["users"]]
        after = page["next"]
    assert [f"page/{number}" for number in range(5)] == [name for name in found if name.startswith("page/")]
    everybody = admin.get("/users", params={"limit": "1000"}).json()
    assert everybody["next"] is None
    assert sorted(found) == found
    assert set(found) <= {user["name"] for user in everybody["users"]}


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.0", "x", "", "٣", "01"])
def test_a_page_has_1_to_1000_accounts(admin: Caller, limit: str) -> None:
    """Anything else is a mistake of whoever asks."""
    answer = admin.get("/users", params={"limit": limit})
    assert 422 == answer.status_code
    assert ["limit"] == [one["parameter"] for one in problem(answer)["errors"]]


def test_no_answer_has_a_secret(site: Site, admin: Caller) -> None:
    """Of all that the store has of an account, and of all tokens: neither hash nor key, whole or encoded."""
    user = site.user(recovery=["ABCDEFGHIJKLMNOP"], mail="a@example.com")
    paths = ["/users?limit=1000", *(user_path(user.name, *more) for more in ([], ["codes"], ["devices"]))]
    text = "\n".join(admin.get(path).text for path in [*paths, "/health", "/openapi.json"])
    assert user.name in text
    rows = site.server.database_rows()
    octets = [value for table in rows.values() for row in table for value in row if isinstance(value, bytes) and value]
    hidden = [value.hex() for value in octets] + [base64.b64encode(value).decode() for value in octets]
    hidden += [json.dumps(value.decode("latin-1"))[1:-1] for value in octets]
    hidden += [user.totp_secret_base32, "ABCDEFGHIJKLMNOP", "ABCD-EFGH", "$argon2", admin.token, user.password]
    assert [] == [value for value in hidden if len(value) > 3 and value in text]
