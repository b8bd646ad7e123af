"""The OpenAPI document: right in itself, and the API is as it says, for whatever schemathesis thinks of."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radius_mfa.portal.api.problems import Kind
from radius_mfa.store.api_tokens import Scope
from tests.conftest import ROOT
from tests.portal.api import Caller
from tests.portal.site import Site, sites

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
"""All but positive_data_acceptance: which names `accounts` leaves as they are, no schema can say."""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A portal that nobody else has accounts in."""
    with sites(tmp_path) as made:
        made.append(Site(tmp_path / "site"))
        made[0].start()
        yield made[0]


def document(site: Site) -> dict[str, Any]:
    with Caller(site) as caller:
        answer = caller.get("/openapi.json")
    assert "application/json" == answer.headers["content-type"]
    found: dict[str, Any] = answer.json()
    return found


def checked(site: Site, directory: Path, *options: str) -> None:
    """Let schemathesis try all operations, with a token that may do everything."""
    for name in ("alice", "bob"):
        site.user(name=name)
    with Caller(site, *Scope) as caller:
        header = f"Authorization: Bearer {caller.token}"
        command = [str(Path(sys.executable).with_name("st")), "run", f"{site.url}/api/v1/openapi.json"]
        command += ["--header", header, "--tls-verify", "false", "--no-color", "--checks", ",".join(CHECKS), *options]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout + done.stderr
    print(done.stdout)
    operations = sum(len(methods) for methods in document(site)["paths"].values())
    assert f"Tested: {operations - 1}" in done.stdout  # it leaves out the document itself
    assert "Traceback" not in site.log()
    assert "failed:" not in site.log()


@pytest.mark.timeout(300)
def test_the_api_is_as_the_document_says(own: Site, tmp_path: Path) -> None:
    """No server error, no undocumented answer, nothing taken that the schemas forbid, nothing without a token."""
    phases = ("--phases", "examples,coverage,fuzzing")
    checked(own, tmp_path, *phases, "--max-examples", "5", "--generation-deterministic")


@pytest.mark.fuzz
def test_the_api_is_as_the_document_says_for_longer(own: Site, tmp_path: Path) -> None:
    """The same, with sequences of requests and new examples at each run."""
    checked(own, tmp_path, "--max-examples", "100")


def test_a_document_has_everything(site: Site) -> None:
    """Each operation its name, words, scope and statuses; each parameter its words or an example."""
    found = document(site)
    assert "3.1.0" == found["openapi"]
    operations = [one for methods in found["paths"].values() for one in methods.values()]
    assert len(operations) == len({one["operationId"] for one in operations})
    for one in operations:
        assert {"summary", "description", "security", "responses"} <= set(one)
        statuses = set(one["responses"])
        assert {"400", "503"} <= statuses
        assert bool(one["security"]) == ({"401", "403"} <= statuses)
        assert ("requestBody" in one) == ("415" in statuses)


def test_no_schema_is_a_loose_end(site: Site) -> None:
    """Every reference leads to something, and everything is referred to."""
    found = document(site)
    references = set(re.findall(r"'#/components/(\w+)/(\w+)'", str(found)))
    there = {(part, name) for part in ("schemas", "responses") for name in found["components"][part]}
    assert references == there


def test_the_docs_name_all_that_programs_are_written_on(site: Site) -> None:
    """docs/api.md has every operation, scope and type of problem."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    operations = [
        f"`{method.upper()} {path}`" for path, methods in document(site)["paths"].items() for method in methods
    ]
    words = [*operations, *(f"`{scope}`" for scope in Scope), *(f"`{kind.type.rpartition(':')[2]}`" for kind in Kind)]
    assert [] == [word for word in words if word not in text]
