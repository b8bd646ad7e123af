"""What a token of the admin API may do: what its scopes say, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radius_mfa.store import api_tokens, codes
from radius_mfa.store.api_tokens import Scope
from tests.portal.api import Caller, kind, user_path
from tests.portal.site import Site

OPERATIONS = {
    ("GET", "/users"): Scope.USERS_READ,
    ("POST", "/users"): Scope.USERS_WRITE,
    ("GET", "/users/{name}"): Scope.USERS_READ,
    ("PATCH", "/users/{name}"): Scope.USERS_WRITE,
    ("POST", "/users/{name}/reset"): Scope.MFA,
    ("POST", "/users/{name}/unlock"): Scope.MFA,
    ("GET", "/users/{name}/codes"): Scope.CODES_READ,
    ("POST", "/users/{name}/codes"): Scope.CODES_WRITE,
    ("DELETE", "/users/{name}/codes"): Scope.CODES_WRITE,
    ("GET", "/users/{name}/devices"): Scope.DEVICES_READ,
    ("DELETE", "/users/{name}/devices"): Scope.DEVICES_WRITE,
    ("DELETE", "/users/{name}/devices/{id}"): Scope.DEVICES_WRITE,
}
OPEN = {("GET", "/health"), ("GET", "/openapi.json")}
BODIES = {("POST", "/users"): {"name": "matrix-made"}, ("PATCH", "/users/{name}"): {"groups": ["matrix"]}}


@pytest.fixture(scope="module")
def callers(site: Site) -> Iterator[dict[Scope, Caller]]:
    """A token for each single scope."""
    made = {scope: Caller(site, scope) for scope in Scope}
    yield made
    for caller in made.values():
        caller.close()


@pytest.fixture(scope="module")
def name(site: Site) -> str:
    """Somebody whom all this happens to."""
    user = site.user(recovery=["ABCDEFGHIJKLMNOP"])
    return user.name


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_an_operation_needs_its_scope(
    site: Site, callers: dict[Scope, Caller], name: str, operation: tuple[str, str], scope: Scope
) -> None:
    """With every other one alone it is refused, and the refusal names the one that is missing."""
    method, path = operation
    path = path.replace("{name}", name).replace("{id}", "1")
    lines = len(site.server.audit_lines())
    answer = callers[scope].request(method, path, json=BODIES.get(operation))
    if scope is OPERATIONS[operation]:
        assert answer.status_code in {200, 201, 204, 404}, answer.text
        return
    assert (403, "missing-scope") == (answer.status_code, kind(answer))
    assert OPERATIONS[operation] in answer.json()["detail"]
    challenge = f'Bearer realm="radius-mfa", error="insufficient_scope", scope="{OPERATIONS[operation]}"'
    assert challenge == answer.headers["www-authenticate"]
    assert lines == len(site.server.audit_lines())


def test_the_matrix_has_every_operation(site: Site) -> None:
    """As the document lists them; health and the document itself need no token."""
    with Caller(site) as caller:
        del caller.headers["Authorization"]
        paths = caller.get("/openapi.json").json()["paths"]
    listed = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert OPERATIONS.keys() | OPEN == listed
    needs = {
        (method.upper(), path): [one for entry in operation["security"] for one in entry["token"]]
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert {key: [scope] for key, scope in OPERATIONS.items()} | {key: [] for key in OPEN} == needs


def test_an_expired_token_is_none(site: Site, name: str) -> None:
    """401, as for one that never was."""
    with Caller(site, *Scope, lifetime=-1.0) as caller:
        answer = caller.get(user_path(name))
    assert (401, "unauthorized") == (answer.status_code, kind(answer))
    assert 'Bearer realm="radius-mfa", error="invalid_token"' == answer.headers["www-authenticate"]


def test_a_revoked_token_is_none_from_the_next_request_on(site: Site, name: str) -> None:
    """The portal needs no restart for it."""
    with Caller(site, *Scope) as caller:
        assert 200 == caller.get(user_path(name)).status_code
        api_tokens.revoke(site.server.database, caller.name)
        assert 401 == caller.get(user_path(name)).status_code


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer rmfa_",
        "Bearer rmfa_" + "A" * 43,
        "Bearer rmfa_" + "A" * 5000,
        "Basic dXNlcjpwYXNz",
        "rmfa_" + "A" * 43,
        "Bearer rmfa_\u00e9",
    ],
)
def test_what_is_no_token_is_refused(site: Site, header: str) -> None:
    """Whatever it looks like, and whether the account is there or not."""
    with Caller(site) as caller:
        caller.headers["Authorization"] = header
        answer = caller.get("/users/nobody")
    assert (401, "unauthorized") == (answer.status_code, kind(answer))
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_one_token_is_shown(site: Site, name: str) -> None:
    """Two are none: nobody has to guess which one counts."""
    with Caller(site, *Scope) as caller:
        twice = [("Authorization", f"Bearer {caller.token}")] * 2
        assert 401 == caller.get(user_path(name), headers=twice).status_code
        assert 200 == caller.get(user_path(name), headers={"Authorization": f"bearer {caller.token}"}).status_code


def test_a_session_of_a_browser_is_no_token(site: Site) -> None:
    """Cookies are not looked at, so no page can make a browser use the API."""
    user = site.user()
    with site.browser() as browser:
        browser.sign_in(user)
        before = codes.count(site.server.database, user.name)
        for path in ("codes", "unlock", "reset"):
            assert 401 == browser.post(f"/api/v1/users/{user.name}/{path}").status_code
    assert before == codes.count(site.server.database, user.name)


def test_a_token_is_no_session(site: Site) -> None:
    """The pages of users do not know it."""
    with Caller(site, *Scope) as caller:
        answer = caller.get(f"{site.url}/", headers={"Cookie": f"__Host-session={caller.token}"})
    assert (303, "/login") == (answer.status_code, answer.headers["location"])
