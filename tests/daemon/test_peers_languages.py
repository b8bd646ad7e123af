"""The RADIUS clients of Perl, PHP and Node.js complete a challenge login and an append login."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.daemon.peers import SCRIPTS, Login, Server, code, lines, run

NODE_MODULES = ROOT / "build/npm/node_modules"

peers = pytest.mark.parametrize(
    "peer",
    [
        pytest.param(
            "perl", marks=pytest.mark.needs("/usr/share/perl5/Authen/Radius.pm", package="libauthen-radius-perl")
        ),
        pytest.param(
            "php",
            marks=[
                pytest.mark.needs("php", package="php-cli"),
                pytest.mark.needs("/usr/share/php/Dapphp/Radius/autoload.php", package="php-dapphp-radius"),
            ],
        ),
        pytest.param(
            "node",
            marks=[
                pytest.mark.needs("node", package="nodejs"),
                pytest.mark.needs(
                    "build/npm/node_modules/radius/package.json", package="npm, then `make build/npm.stamp`"
                ),
            ],
        ),
    ],
)
pytestmark = pytest.mark.needs("oathtool", package="oathtool")


def ask(peer: str, server: Server, user: Login, password: str) -> str:
    """The replies the peer has received and found well signed, a line each."""
    address, port = server.address, str(server.port)
    command: dict[str, list[str | Path]] = {
        "perl": ["perl", SCRIPTS / "authen_radius.pl", f"{address}:{port}"],
        "php": ["php", SCRIPTS / "dapphp.php", address, port],
        "node": ["node", SCRIPTS / "node_radius.js", address, port],
    }
    given = lines(server.secret, user.name, password, code(user))
    return run(command[peer], given, NODE_PATH=str(NODE_MODULES))


@peers
def test_a_challenge_login(peer: str, challenge_server: Server) -> None:
    """Password, challenge, code with the State of the challenge: accepted."""
    alice = challenge_server.add_user()
    assert ask(peer, challenge_server, alice, "correct horse") == "Access-Challenge\nAccess-Accept\n"


@peers
def test_an_append_login(peer: str, append_server: Server) -> None:
    """Password and code in one field: accepted at once."""
    alice = append_server.add_user()
    assert ask(peer, append_server, alice, "correct horse" + code(alice)) == "Access-Accept\n"


@peers
def test_a_wrong_password(peer: str, challenge_server: Server) -> None:
    """A wrong password: rejected, and nothing is asked."""
    alice = challenge_server.add_user()
    assert ask(peer, challenge_server, alice, "wrong horse") == "Access-Reject\n"
