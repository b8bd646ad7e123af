"""Mail that could not leave, or not as the admin wants it: said before the daemon serves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from radius_mfa.daemon.mail import _check_directory, _check_templates
from radius_mfa.daemon.privileges import become
from radius_mfa.errors import ConfigurationError
from tests.daemon.conftest import Start
from tests.daemon.mails import by_file
from tests.daemon.server import Server

SMTP = "mail: {{from: {sender}, transport: {{type: smtp, host: {host}{more}}}}}\n"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            SMTP.format(sender="pbx@example.com", host="mail.example.com", more=", tls: none"),
            "error: mail.transport: mail to mail.example.com would go over the network unencrypted\nhint: set tls",
        ),
        (
            SMTP.format(sender="pbx@example.com", host="127.0.0.1", more=", username: pbx, password: geheim-ü"),
            "error: mail.transport: username and password can only be ASCII\n",
        ),
        (
            SMTP.format(sender="a..b@example.com", host="mail.example.com", more=""),
            "error: mail.from is not one plain mail address\nhint: write it like",
        ),
        (
            "mail: {from: pbx@example.com, transport: {type: file, directory: none}}\n",
            "/none is no directory the server can write into\nhint: run: install -d -m 700 -o root ",
        ),
    ],
)
def test_mail_that_could_not_leave_does_not_start(tmp_path: Path, more: str, said: str) -> None:
    """Sender, server, login and directory are looked at before anything is forked to serve."""
    server = Server(tmp_path / "server", more=more)
    server.launch()
    assert server.process is not None
    assert server.process.wait(20) == 78
    assert said in server.log()
    assert "Traceback" not in server.log()
    assert "geheim" not in server.log()


def test_a_broken_template_does_not_start(tmp_path: Path) -> None:
    """The message names file and line."""
    page = tmp_path / "templates/en/invitation.txt"
    page.parent.mkdir(parents=True)
    page.write_text("{{ key }}\n{{ ky }}\n")
    server = Server(tmp_path / "server", more=by_file(tmp_path / "box", f", templates: {tmp_path}/templates"))
    server.launch()
    assert server.process is not None
    assert server.process.wait(20) == 78
    assert f"error: {page}:2: unknown variable ky (did you mean key?)\nhint: mend" in server.log()


def test_a_template_that_no_mail_uses_is_warned_of(start: Start, tmp_path: Path) -> None:
    """A file whose name is misspelt changes nothing, and the start says so."""
    page = tmp_path / "templates/en/invitatoin.txt"
    page.parent.mkdir(parents=True)
    page.write_text("{{ key }}")
    server = start(more=by_file(tmp_path / "box", f", templates: {tmp_path}/templates"))
    assert f"warning {page}: no mail has a template of this name (did you mean en/invitation.txt?)" in server.log()


@pytest.mark.needs_root
@pytest.mark.parametrize(
    ("look", "place"),
    [
        (lambda path: _check_directory(path, "nobody"), "/usr"),
        (lambda path: _check_directory(path, "nobody"), "/root/mail"),
        (_check_templates, "/root/templates"),
    ],
)
def test_directories_are_tried_as_the_user_who_will_serve(look: Callable[[Path], object], place: str) -> None:
    """What only root may write or read is refused with a message."""
    child = os.fork()
    if child == 0:
        become("nobody")
        try:
            look(Path(place))
        except ConfigurationError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
