"""What cannot carry a code is refused, and told so with a Reject."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.peers import Server, replies, run


@pytest.mark.needs("radtest", package="freeradius-utils")
def test_chap_gets_a_reject(challenge_server: Server) -> None:
    """`radtest -t chap`: one Access-Reject, whatever the password."""
    alice = challenge_server.add_user()
    where = f"{challenge_server.address}:{challenge_server.port}"
    got = run(["radtest", "-t", "chap", alice.name, "correct horse", where, "0", challenge_server.secret])
    assert ["Access-Reject"] == replies(got)


@pytest.mark.needs("radtest", package="freeradius-utils")
def test_mschap_gets_a_reject(challenge_server: Server) -> None:
    """`radtest -t mschap`: one Access-Reject, whatever the password."""
    alice = challenge_server.add_user()
    where = f"{challenge_server.address}:{challenge_server.port}"
    got = run(["radtest", "-t", "mschap", alice.name, "correct horse", where, "0", challenge_server.secret])
    assert ["Access-Reject"] == replies(got)


@pytest.mark.needs("eapol_test", package="eapoltest")
def test_eap_gets_a_reject(challenge_server: Server, tmp_path: Path) -> None:
    """eapol_test: one signed Access-Reject, no EAP conversation."""
    alice = challenge_server.add_user()
    network = tmp_path / "network.conf"
    who = f'identity="{alice.name}"\npassword="correct horse"\n'
    network.write_text(f"network={{\nkey_mgmt=IEEE8021X\neap=MD5\n{who}}}\n")
    port, secret = str(challenge_server.port), challenge_server.secret
    got = run(
        ["eapol_test", "-c", network, "-a", challenge_server.address, "-p", port, "-s", secret, "-r", "0", "-t", "5"]
    )
    assert ["Access-Reject"] == replies(got)
    assert got.rstrip().endswith("FAILURE")
