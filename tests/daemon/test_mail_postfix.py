"""From the first password to the first code by way of a real mail server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.daemon.conftest import Start
from tests.daemon.mails import invite, key_in
from tests.mail.authority import Authority
from tests.mail.postfix import PASSWORD, USER, Postfix
from tests.mail.reading import parts, scan


@pytest.mark.needs_root
@pytest.mark.needs("postfix", package="postfix")
@pytest.mark.needs("saslpasswd2", package="sasl2-bin")
@pytest.mark.needs("/usr/lib/*/sasl2/libplain.so", package="libsasl2-modules")
@pytest.mark.needs("zbarimg", package="zbar-tools")
@pytest.mark.needs("oathtool", package="oathtool")
def test_the_code_of_a_scanned_picture_is_let_in(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STARTTLS, login, mailbox; what zbarimg reads in the picture makes oathtool say the code that logs in."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    password = tmp_path / "smtp"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    with Postfix(authority) as there:
        login = f"username: {USER}, password: {{file: {password}}}"
        transport = f"{{type: smtp, host: localhost, port: {there.port}, {login}}}"
        server = start(more=f"mail: {{from: PBX <pbx@example.com>, transport: {transport}}}\n")
        _, challenge = invite(server)
        there.wait_for("status=sent")
        [mail] = there.arrived()
        uri, client = picture_in(mail, tmp_path), server.client()
        code = subprocess.run(["oathtool", "--totp", "-b", uri["secret"]], capture_output=True, text=True, check=True)
        answer = client.request("alice", code.stdout.strip(), state=challenge.state)
        assert client.ask(answer).result == "accept"
        there.wait_for("status=sent")  # the notice
    assert uri == {"type": "totp", "label": "Tests:alice", "issuer": "Tests", "secret": key_in(mail)}
    assert PASSWORD not in server.log()


def picture_in(mail: bytes, directory: Path) -> dict[str, str]:
    """The URI in the picture of a mail, taken apart. What equals every app's default (SHA1, 6, 30) is not in it."""
    picture = directory / "qr.png"
    picture.write_bytes(parts(mail)["image/png"])
    assert picture.stat().st_size <= 4096
    uri = urlsplit(scan(picture))
    values = {key: value for key, [value] in parse_qs(uri.query).items()}
    return {"type": uri.netloc, "label": unquote(uri.path[1:]), **values}
