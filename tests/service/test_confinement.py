"""What the units forbid is refused: tried from inside, under the same confinement as in test_confined.py."""

from __future__ import annotations

import json
import os

import pytest

from tests.conftest import ROOT
from tests.service.host import Host

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.needs("systemd-analyze", package="systemd"),
    pytest.mark.needs("cc", package="gcc"),
    pytest.mark.timeout(600),
]
TRIES = """
import ctypes, errno, json, mmap, os, socket

libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

def execute():
    with open("/var/lib/radius-mfa/program", "wb") as file:
        file.write(b"#!/bin/sh" + bytes([10]))
    os.chmod("/var/lib/radius-mfa/program", 0o700)
    os.execv("/var/lib/radius-mfa/program", ["program"])

tries = {
    "change the program": lambda: open("/opt/radius-mfa/bin/radius-mfa", "a"),
    "change the configuration": lambda: open("/etc/radius-mfa/radius-mfa.yaml", "a"),
    "read the configuration": lambda: open("/etc/radius-mfa/radius-mfa.yaml").read(),
    "read the master key": lambda: open("/etc/radius-mfa/master.key").read(),
    "read a shared secret": lambda: open("/etc/radius-mfa/secrets/pbx").read(),
    "read the passwords of the host": lambda: open("/etc/shadow").read(),
    "write state": lambda: open("/var/lib/radius-mfa/state", "w"),
    "write a log": lambda: open("/var/log/radius-mfa/log", "w"),
    "write in /etc": lambda: open("/etc/x", "w"),
    "write in /run": lambda: open("/run/radius-mfa/x", "w"),
    "write in /tmp": lambda: open("/tmp/x", "w"),
    "run what it has written": execute,
    "memory to write and run": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
    "IPv4": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "look up a name": lambda: socket.getaddrinfo("localhost", 25),
    "Unix sockets": lambda: socket.socket(socket.AF_UNIX),
    "stay who it is": lambda: os.setuid(os.getuid()),
    "become root": lambda: os.setresuid(0, 0, 0),
    "a namespace": lambda: call("unshare", 0x10000000),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "a lower priority": lambda: os.nice(1),
    "trace": lambda: call("ptrace", 16, os.getppid(), 0, 0),
    "set the clock": lambda: call("settimeofday", ctypes.create_string_buffer(16), None),
    "load a module": lambda: call("syscall", 313, 0, b"", 0),
    "see other processes": lambda: open("/proc/1/cmdline").read(),
    "open a disk": lambda: open("/dev/vda"),
}
came = {}
for name, attempt in tries.items():
    try:
        attempt()
        came[name] = "done"
    except OSError as error:
        came[name] = errno.errorcode[error.errno]
print(json.dumps(came))
"""
BOTH = {
    "change the program": "EACCES",
    "change the configuration": "EROFS",
    "read the configuration": "done",
    "write in /etc": "EROFS",
    "write in /run": "EROFS",
    "write in /tmp": "done",
    "memory to write and run": "EPERM",
    "netlink": "EAFNOSUPPORT",
    "packets": "EAFNOSUPPORT",
    "look up a name": "done",
    "Unix sockets": "done",
    "become root": "EPERM",
    "a namespace": "EPERM",
    "mount": "EPERM",
    "trace": "EPERM",
    "a lower priority": "EPERM",
    "set the clock": "EPERM",
    "load a module": "EPERM",
    "see other processes": "ENOENT",
    "open a disk": "ENOENT",
}
DAEMON = {
    "stay who it is": "EPERM",
    "read the master key": "done",
    "read a shared secret": "done",
    "read the passwords of the host": "EACCES",
    "write state": "done",
    "write a log": "done",
    "run what it has written": "EACCES",
    "IPv4": "done",
}
PORTAL = DAEMON | {"read a shared secret": "EACCES"}
HELPER = {
    "stay who it is": "done",
    "read the master key": "EACCES",
    "read a shared secret": "EACCES",
    "read the passwords of the host": "done",
    "write state": "EACCES",
    "write a log": "EACCES",
    "run what it has written": "EACCES",
    "IPv4": "EAFNOSUPPORT",
}


@pytest.fixture
def host(bare: Host) -> Host:
    """With a configuration that only the confinement protects."""
    (bare.root / "etc/radius-mfa/secrets/pbx").write_text("secret")
    bare.configure("nothing that is read")
    (bare.root / "etc/radius-mfa/radius-mfa.yaml").chmod(0o666)
    key = bare.root / "etc/radius-mfa/master.key"
    key.write_text("key")
    key.chmod(0o600)
    os.chown(key, bare.uid, bare.uid)
    return bare


@pytest.mark.parametrize(
    ("service", "expected"),
    [("radius-mfa", BOTH | DAEMON), ("radius-mfa-portal", BOTH | PORTAL), ("radius-mfa-pam-check", BOTH | HELPER)],
)
def test_a_program_can_do_what_it_has_to_and_no_more(service: str, expected: dict[str, str], host: Host) -> None:
    """Each try is done or refused, as the unit says."""
    said = host.said(ROOT / f"systemd/{service}.service", TRIES)
    assert expected == json.loads(said)
