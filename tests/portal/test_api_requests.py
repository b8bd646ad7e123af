"""Requests that the admin API does not take: each is answered by a problem document that says why."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from radius_mfa.store.api_tokens import Scope
from tests.portal.api import Caller, kind, problem
from tests.portal.site import Site

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def admin(site: Site) -> Iterator[Caller]:
    """A token that may do everything."""
    with Caller(site, *Scope) as caller:
        yield caller


@pytest.mark.parametrize("type_", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_a_body_is_json_and_says_so(admin: Caller, type_: str) -> None:
    """What a form of a page could send is not looked at."""
    answer = admin.post("/users", content=b'{"name": "typed"}', headers={"Content-Type": type_})
    assert (415, "not-json") == (answer.status_code, kind(answer))
    assert 404 == admin.get("/users/typed").status_code


def test_a_charset_behind_the_type_does_not_matter(admin: Caller) -> None:
    """JSON is UTF-8 (RFC 8259), whatever else is said."""
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert 201 == admin.post("/users", content=b'{"name": "charset"}', headers=headers).status_code


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"name": "\xff"}', b'{"name": "\\ud800"}', b"[" * 5000, b'{"name": "a"} x']
)
def test_what_is_no_json_is_malformed(admin: Caller, body: bytes) -> None:
    """Also half a character, and more brackets than anybody needs."""
    answer = admin.post("/users", content=body, headers=JSON)
    assert (400, "malformed") == (answer.status_code, kind(answer))


@pytest.mark.parametrize("body", [b"null", b"[]", b'"name"', b"1", b'{"name": 1}', b'{"name": ["a"]}'])
def test_json_of_another_shape_is_invalid(admin: Caller, body: bytes) -> None:
    """A number is not taken for a text, and a list not for an object."""
    answer = admin.post("/users", content=body, headers=JSON)
    assert (422, "invalid") == (answer.status_code, kind(answer))


def test_a_megabyte_is_too_large(admin: Caller) -> None:
    """It is not read to its end; the next request on a new connection is answered."""
    answer = admin.post("/users", content=b"x" * (1 << 20), headers=JSON)
    assert (413, "too-large") == (answer.status_code, kind(answer))
    assert 200 == admin.get("/health").status_code


def test_a_body_that_nobody_asked_for_is_refused(admin: Caller) -> None:
    """Whoever sends a count of codes learns that it is not heard; an empty body is none."""
    path = "/users/nobody/codes"
    assert (400, "malformed") == ((answer := admin.post(path, json={"count": 3})).status_code, kind(answer))
    assert (404, "not-found") == ((answer := admin.post(path, content=b"")).status_code, kind(answer))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/users?limt=5", 422),
        ("/users?after=a&after=b", 400),
        ("/users?after=%FF", 400),
        ("/users?" + "&".join(f"a{number}=1" for number in range(20)), 400),
        ("/users/nobody?verbose=1", 400),
        ("/health?verbose", 400),
    ],
)
def test_a_query_that_is_not_known_is_refused(admin: Caller, path: str, status: int) -> None:
    """A misspelt parameter is not passed over."""
    answer = admin.get(path)
    assert status == answer.status_code
    problem(answer)


@pytest.mark.parametrize(
    "path", ["/", "/user", "/users/", "/users//codes", "/users/a/b", "/health/", "/users/a/devices/1/x", "/../users"]
)
def test_another_path_is_not_found(site: Site, admin: Caller, path: str) -> None:
    """By a problem document, as everything here."""
    answer = admin.send(httpx.Request("GET", site.url + "/api/v1" + path, headers=admin.headers))
    assert (404, "not-found") == (answer.status_code, kind(answer))


@pytest.mark.parametrize("path", ["/api/", "/api/v2/users", "/api/v1"])
def test_so_is_another_version(admin: Caller, site: Site, path: str) -> None:
    """All under /api is the API's."""
    assert (404, "not-found") == ((answer := admin.get(site.url + path)).status_code, kind(answer))


@pytest.mark.parametrize("number", ["x", "-1", "1.0", "0", "%D9%A3", "9223372036854775808", "1" * 400])
def test_what_is_no_number_is_no_device(site: Site, admin: Caller, number: str) -> None:
    """However large it is."""
    user = site.user(token=False)
    answer = admin.delete(f"/users/{user.name}/devices/{number}")
    assert (404, "not-found") == (answer.status_code, kind(answer))


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/users/a", "GET, PATCH, HEAD"),
        ("DELETE", "/users/a", "GET, PATCH, HEAD"),
        ("OPTIONS", "/users", "GET, POST, HEAD"),
        ("GET", "/users/a/reset", "POST"),
        ("TRACE", "/health", "GET, HEAD"),
    ],
)
def test_another_method_is_refused(admin: Caller, method: str, path: str, allow: str) -> None:
    """With those that the path knows."""
    answer = admin.request(method, path)
    assert (405, "method-not-allowed") == (answer.status_code, kind(answer))
    assert allow == answer.headers["allow"]


def test_head_answers_as_get_does(admin: Caller) -> None:
    """Without the body: monitors ask so."""
    assert (200, b"") == ((answer := admin.head("/health")).status_code, answer.content)


def test_no_answer_is_kept(admin: Caller) -> None:
    """By no cache on the way, whatever was asked for."""
    answers = [admin.get("/health"), admin.get("/users"), admin.get("/users/nobody"), admin.post("/users/a/codes")]
    assert {"no-store"} == {answer.headers["cache-control"] for answer in answers}
