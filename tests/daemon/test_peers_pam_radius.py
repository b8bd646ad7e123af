"""pam_radius_auth, under pamtester, logs a Linux user in through us. Version 2.0.0 signs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.peers import Server, code, lines, run

pytestmark = [
    pytest.mark.needs("/lib/*/security/pam_radius_auth.so", package="libpam-radius-auth"),
    pytest.mark.needs("pamtester", package="pamtester"),
    pytest.mark.needs("oathtool", package="oathtool"),
    pytest.mark.needs_root,
]
# The service exists in a mount namespace of pamtester's own and is gone with it, however it ends.
PRIVATELY = 'mount --bind "$1" /etc/pam.d && exec pamtester radius-mfa-peer "$2" authenticate'


def authenticate(server: Server, folder: Path, name: str, *answers: str) -> str:
    """What pamtester prints when it gives these answers to the prompts."""
    known = folder / "server.conf"
    known.write_text(f"{server.address}:{server.port} {server.secret} 10\n")
    known.chmod(0o600)
    services = folder / "pam.d"
    services.mkdir()
    (services / "radius-mfa-peer").write_text(
        f"auth required pam_radius_auth.so conf={known} prompt_attribute retry=1\n"
    )
    command = ["unshare", "--mount", "sh", "-c", PRIVATELY, "sh", str(services), name]
    return run(command, lines(*answers))


def test_pam_radius_answers_a_challenge(unsigned_server: Server, tmp_path: Path) -> None:
    """The password at the first prompt, the code at the second: authenticated."""
    alice = unsigned_server.add_user()
    said = authenticate(unsigned_server, tmp_path, alice.name, "correct horse", code(alice))
    assert "Code" in said
    assert "successfully authenticated" in said


def test_pam_radius_refuses_a_wrong_code(unsigned_server: Server, tmp_path: Path) -> None:
    """The password and a code that is none: authentication fails."""
    alice = unsigned_server.add_user()
    said = authenticate(unsigned_server, tmp_path, alice.name, "correct horse", "12345")
    assert "Authentication failure" in said
    assert "successfully" not in said


def test_pam_radius_refuses_a_wrong_password(unsigned_server: Server, tmp_path: Path) -> None:
    """A wrong password: authentication fails, without a second prompt."""
    alice = unsigned_server.add_user()
    said = authenticate(unsigned_server, tmp_path, alice.name, "wrong horse", "123456")
    assert "Authentication failure" in said
    assert "Code" not in said
