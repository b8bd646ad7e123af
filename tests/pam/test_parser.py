"""The hook's parser: the vectors the daemon is tested with too, and a great many lines made of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pam.host import HERE, NEEDS_HOOK, compile_c, octets, vectors

pytestmark = [
    *NEEDS_HOOK,
]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
FROM_DAEMON = vectors("from_daemon.txt")
# The numbers of <security/_pam_types.h>.
KINDS = {"hidden": "prompt 1", "visible": "prompt 2", "password": "password 1", "error": "text 3", "info": "text 4"}
RESULTS = {"success": 0, "denied": 7, "unavailable": 9, "maxtries": 11}


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parser, built with AddressSanitizer and UBSan."""
    program = tmp_path_factory.mktemp("parser") / "parser"
    compile_c(*SANITIZERS, "-I", ROOT / "pam_hook", HERE / "parser.c", "-o", program, "-lpam")
    return program


def run(parser: Path, *arguments: str) -> str:
    """What the parser prints when it is given the lines of the vectors, without their newline."""
    lines = [octets(line).removesuffix(b"\n") for _, _, _, line in FROM_DAEMON]
    given = b"".join(b"%d %b" % (len(line), line) for line in lines)
    done = subprocess.run([parser, *arguments], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    return done.stdout.decode()


def expected(kind: str, value: str) -> str:
    """What the parser prints for a vector."""
    if kind in KINDS:
        return f"{KINDS[kind]} {octets(value).hex()}"
    if kind == "result":
        return f"result {RESULTS[value]} "
    if kind == "delay":
        return f"delay {value} {value.encode().hex()}"
    return {"greeting": "greeting 0 ", "malformed": "malformed"}[kind]


def test_the_hook_reads_the_lines(parser: Path) -> None:
    """Each line of the daemon says to the hook what its vector says, or nothing."""
    outcomes = dict(zip((vector[0] for vector in FROM_DAEMON), run(parser, "read").splitlines(), strict=True))
    assert {name: expected(kind, value) for name, kind, value, _ in FROM_DAEMON} == outcomes


def test_the_parser_holds_against_many_lines(parser: Path) -> None:
    """20,000 lines: no error of memory or arithmetic, and what is read is within the grammar."""
    assert "20000 lines" in run(parser, "fuzz", "20000")


@pytest.mark.fuzz
def test_the_parser_holds_against_a_million_lines(parser: Path) -> None:
    """1,000,000 lines: no error of memory or arithmetic, and what is read is within the grammar."""
    print(run(parser, "fuzz", "1000000"))
