"""Run a program the way its unit confines it, as far as that can be done without systemd; started by root.

Usage: python -m tests.service.confine SERVICE SOCKET ROOT PREFIX PROGRAM [ARGUMENT]...

ROOT becomes the root directory; /usr of the host and PREFIX are put there. Of the service are kept: user, groups,
capabilities, NoNewPrivileges, UMask, system call filter, address families, MemoryDenyWriteExecute, RestrictNamespaces,
PrivateUsers, PrivateNetwork, PrivateIPC, PrivateDevices, PrivateTmp, ProtectProc, ProcSubset, ProtectSystem=strict with
its directories, InaccessiblePaths, NoExecPaths. Of the socket (a hyphen for none): path, owner, mode.
"""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from tests.service.seccomp import numbers, program_of
from tests.service.unit import read

NEWNS, NEWIPC, NEWUSER, NEWNET, DETACH = 0x20000, 0x8000000, 0x10000000, 0x40000000, 2
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
NO_NEW_PRIVS, SECCOMP, CAPBSET_DROP = 38, 22, 24
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
CAPABILITIES = {"CAP_DAC_READ_SEARCH": 2}
FIRST = 3
LIBC = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """A function of libc that has to succeed."""
    given = [argument.encode() if isinstance(argument, str) else argument for argument in arguments]
    if getattr(LIBC, name)(*given) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def mount(source: Path | str, target: Path, kind: str | None, flags: int, options: str | None = None) -> None:
    call("mount", str(source), str(target), kind, ctypes.c_ulong(flags), options)


def bind(source: Path, target: Path, flags: int = 0) -> None:
    """`source` at `target`, with these flags."""
    mount(source, target, None, BIND | REC)
    mount("none", target, None, REMOUNT | BIND | flags)


def lay_out(root: Path, unit: dict[str, list[str]], programs: Path) -> None:
    """The file system as the unit shows it."""
    mount("none", Path("/"), None, REC | PRIVATE)
    bind(root, root, RDONLY | NODEV)
    bind(Path("/usr"), root / "usr", RDONLY)
    bind(programs, root / "opt/radius-mfa", RDONLY)
    mount("proc", root / "proc", "proc", NOSUID | NODEV | NOEXEC, "hidepid=invisible,subset=pid")
    for name in ("tmp", "var/tmp", "dev"):
        mount("tmpfs", root / name, "tmpfs", NOSUID | (0 if name == "dev" else NOEXEC), "mode=1777")
    for name in DEVICES:
        (root / "dev" / name).touch()
        bind(Path("/dev") / name, root / "dev" / name)
    for key, parent in (("StateDirectory", "var/lib"), ("LogsDirectory", "var/log")):
        for name in unit.get(key, []):
            noexec = NOEXEC if f"/{parent}/{name}" in unit["NoExecPaths"] else 0
            bind(root / parent / name, root / parent / name, NOSUID | NODEV | noexec)
    for path in unit.get("InaccessiblePaths", []):
        hidden = root / path.removeprefix("-").removeprefix("/")
        if hidden.is_dir():
            mount("tmpfs", hidden, "tmpfs", RDONLY, "mode=000")
        elif hidden.exists():
            bind(root / "inaccessible", hidden, RDONLY)


def enter(root: Path) -> None:
    """Leave the old root behind: a mere chroot could have no user namespace."""
    os.chdir(root)
    call("syscall", numbers()["pivot_root"], ".", ".")
    call("umount2", ".", DETACH)
    os.chdir("/")


def map_users(root: Path, name: str) -> Callable[[], None]:
    """What makes a user namespace in which root and this user alone exist; a process outside writes the map."""
    entries = [line.split(":") for line in (root / "etc/passwd").read_text().splitlines()]
    (user,) = (entry for entry in entries if entry[0] == name)
    parent, (heard, said) = os.getpid(), os.pipe()
    writer = os.fork()
    if writer == 0:
        os.read(heard, 1)
        for kind, number in (("uid", user[2]), ("gid", user[3])):
            Path(f"/proc/{parent}/{kind}_map").write_text(f"0 0 1\n{number} {number} 1\n")
        os._exit(0)

    def unshare() -> None:
        call("unshare", NEWUSER)
        os.write(said, b"1")
        assert os.waitpid(writer, 0)[1] == 0

    return unshare


def become(unit: dict[str, list[str]]) -> None:
    """User, groups and capabilities."""
    user = pwd.getpwnam(unit["User"][-1])
    groups = [grp.getgrnam(name).gr_gid for name in unit.get("SupplementaryGroups", [])]
    kept = {CAPABILITIES[name] for name in unit.get("CapabilityBoundingSet", [])}
    for capability in set(range(64)) - kept:
        LIBC.prctl(CAPBSET_DROP, capability, 0, 0, 0)  # fails for numbers that this kernel does not know
    os.setgroups(groups)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


def listen(unit: dict[str, list[str]], root: Path) -> socket.socket:
    """The socket of a socket unit; its path is the one it has under ROOT."""
    (path,) = unit["ListenStream"]
    outside = os.open("/", os.O_RDONLY)
    os.chroot(root)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(path)
    os.chown(path, pwd.getpwnam(unit["SocketUser"][0]).pw_uid, grp.getgrnam(unit["SocketGroup"][0]).gr_gid)
    Path(path).chmod(int(unit["SocketMode"][0], 8))
    bound.listen()
    os.fchdir(outside)
    os.chroot(".")
    os.close(outside)
    return bound


def hand_over(bound: socket.socket) -> None:
    """As sd_listen_fds(3) expects it."""
    if bound.fileno() != FIRST:
        os.dup2(bound.fileno(), FIRST)
    os.set_inheritable(FIRST, True)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))


def main(service: Path, socket_unit: str, root: Path, programs: Path, command: list[str]) -> None:
    unit = read(service)
    filters = program_of(unit)
    bound = listen(read(Path(socket_unit)), root) if socket_unit != "-" else None
    unshare_users = map_users(root, unit["User"][-1]) if unit.get("PrivateUsers") == ["yes"] else None
    network = NEWNET if unit.get("PrivateNetwork") == ["yes"] else 0
    call("unshare", NEWNS | NEWIPC | network)
    lay_out(root, unit, programs)
    enter(root)
    if unshare_users:
        unshare_users()
    os.umask(int(unit["UMask"][-1], 8))
    become(unit)
    if bound is not None:
        hand_over(bound)
    call("prctl", NO_NEW_PRIVS, 1, 0, 0, 0)
    call("prctl", SECCOMP, 2, filters, 0, 0)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
