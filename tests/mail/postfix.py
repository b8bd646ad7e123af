"""Postfix on free ports of the loopback interface, with everything it writes in a directory of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests.mail.authority import Authority

USER, PASSWORD = "pbx", "correct horse battery"
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
myhostname = localhost
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = inline:{{ {{ alice@example.com = alice/ }}, {{ later@example.com = later/ }} }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = example.com
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ {{ later@example.com = 450 4.2.1 come back later }} }}, reject_unlisted_recipient
"""
MASTER = """
{smtp} inet n - n - - smtpd
{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/etc/sasl/users
mech_list: PLAIN LOGIN
"""


class Postfix:
    """A running server: STARTTLS on `port`, TLS from the start on `tls_port`, and a box for alice."""

    def __init__(self, authority: Authority) -> None:
        # Not below pytest's directory: Postfix gives up root, and that one is root's alone.
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.folder.chmod(0o755)
        self.port, self.tls_port = _free_ports()
        self._configure(authority)
        command = ["postfix", "-c", str(self.folder / "etc"), "start-fg"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wait_for("daemon started")

    def __enter__(self) -> Postfix:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["postfix", "-c", str(self.folder / "etc"), "stop"], check=True, capture_output=True)
        assert self._process.stdout
        self._process.stdout.read()
        self._process.stdout.close()
        self._process.wait()
        shutil.rmtree(self.folder)

    def wait_for(self, event: str) -> str:
        """The next line of the log with this in it."""
        assert self._process.stdout
        said = []
        for line in self._process.stdout:
            said.append(line.decode())
            if event in said[-1]:
                return said[-1]
        raise AssertionError("".join(said))

    def arrived(self) -> list[bytes]:
        """The mails in alice's box, each taken out of it."""
        found = sorted((self.folder / "boxes/alice/new").glob("*"))
        contents = [path.read_bytes() for path in found]
        for path in found:
            path.unlink()
        return contents

    def _configure(self, authority: Authority) -> None:
        for name in ("etc", "etc/sasl", "queue", "data", "boxes"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "boxes", 65534)
        certificate, key = authority.certify("localhost")
        shutil.copy(certificate, self.folder / "etc/server.pem")
        shutil.copy(key, self.folder / "etc/server.key")
        values = {
            "folder": self.folder,
            "certificate": self.folder / "etc/server.pem",
            "key": self.folder / "etc/server.key",
            "smtp": self.port,
            "smtps": self.tls_port,
        }
        for name, text in (("etc/main.cf", MAIN), ("etc/master.cf", MASTER), ("etc/sasl/smtpd.conf", SASL)):
            (self.folder / name).write_text(text.format(**values))
        command = ["saslpasswd2", "-p", "-c", "-f", str(self.folder / "etc/sasl/users"), "-u", "example.com", USER]
        subprocess.run(command, input=PASSWORD.encode(), check=True)
        shutil.chown(self.folder / "etc/sasl/users", "postfix")


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
