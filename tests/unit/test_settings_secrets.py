"""Where secrets come from and who may be able to read them."""

import os
from pathlib import Path

import pytest

from radius_mfa.errors import SecretError
from radius_mfa.settings import Secrets, SecretSource, Settings, load, read_secrets, template


def written(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def configuration(directory: Path, secret: str, mode: int = 0o600) -> Settings:
    text = template.render(template.places_beside(directory), secret)
    return load(written(directory / "radius-mfa.yaml", text.encode(), mode))


@pytest.mark.parametrize(
    ("octets", "secret"),
    [
        (b"geheim\n", b"geheim"),
        (b"geheim\r\n", b"geheim"),
        (b"geheim", b"geheim"),
        (b" a b \n\n", b" a b \n"),
        (b"\xff", b"\xff"),
    ],
)
def test_a_file_gives_its_octets_without_one_line_end(tmp_path: Path, octets: bytes, secret: bytes) -> None:
    """One trailing line end is the editor's, everything else is the secret."""
    assert secret == SecretSource(file=written(tmp_path / "secret", octets)).read()


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o644, 0o666, 0o777])
def test_a_file_that_others_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    """Any bit for others and write for the group is refused with the command that mends it."""
    path = written(tmp_path / "secret", b"geheim", mode)

    with pytest.raises(SecretError) as caught:
        SecretSource(file=path).read()

    assert f"chmod 600 {path}" == caught.value.hint
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o440])
def test_owner_and_group_may_read(tmp_path: Path, mode: int) -> None:
    """A secret may be shared with a group."""
    assert b"geheim" == SecretSource(file=written(tmp_path / "secret", b"geheim", mode)).read()


@pytest.mark.parametrize("octets", [b"", b"\n", b"x" * 4097])
def test_an_empty_or_endless_file_is_no_secret(tmp_path: Path, octets: bytes) -> None:
    """Nothing, and more than 4096 octets, are refused."""
    with pytest.raises(SecretError):
        SecretSource(file=written(tmp_path / "secret", octets)).read()


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    """Only regular files are read."""
    os.mkfifo(tmp_path / "secret", 0o600)

    with pytest.raises(SecretError, match="not a regular file"):
        SecretSource(file=tmp_path / "secret").read()


def test_a_credential_comes_from_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """{credential: NAME} is the file NAME in $CREDENTIALS_DIRECTORY."""
    written(tmp_path / "pbx", b"geheim\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert b"geheim" == SecretSource(credential="pbx").read()


def test_a_credential_without_systemd_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names the setting of the unit."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

    with pytest.raises(SecretError) as caught:
        SecretSource(credential="pbx").read()

    assert "LoadCredential=pbx:PATH" in caught.value.hint


def test_all_secrets_are_read_at_once(tmp_path: Path) -> None:
    """The daemon gets the master key and the secret of each client by its shortname."""
    written(tmp_path / "master.key", b"key\n")

    secrets = read_secrets(configuration(tmp_path, "geheimgeheimgeheim"))

    assert b"key" == secrets.master_key
    assert {"localhost": b"geheimgeheimgeheim"} == dict(secrets.clients)
    assert secrets.smtp is None
    assert "geheim" not in repr(secrets)


def test_loading_reads_no_secret(tmp_path: Path) -> None:
    """`key generate` needs the settings while the master key does not exist."""
    settings = configuration(tmp_path, "geheimgeheimgeheim")

    assert not (tmp_path / "master.key").exists()
    with pytest.raises(SecretError, match=r"^master_key: .*no such file$"):
        read_secrets(settings)


def test_every_secret_that_is_wrong_is_named(tmp_path: Path) -> None:
    """One error for all, each with the key it stands at."""
    written(tmp_path / "master.key", b"key", 0o644)

    with pytest.raises(SecretError) as caught:
        read_secrets(configuration(tmp_path, "geheimgeheimgeheim", 0o644))

    first, second = caught.value.message.splitlines()
    assert first.startswith("master_key: ")
    assert "radius-mfa.yaml: mode 0644" in second
    assert f"chmod 600 {tmp_path}/master.key; chmod 600 {tmp_path}/radius-mfa.yaml" == caught.value.hint


def test_a_source_never_shows_its_text() -> None:
    """repr, str and formatting are masked; file names are not secret."""
    assert "SecretSource(***)" == f"{SecretSource(text='geheim')}"
    assert "/etc/key" in repr(SecretSource(file=Path("/etc/key")))
    assert "geheim" not in repr(Secrets(b"geheim", {"a": b"geheim"}))
