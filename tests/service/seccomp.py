"""The seccomp program of a unit, as systemd makes it: what is not allowed ends with an error number."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator

LOAD, EQUAL, SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
WRITE, EXECUTE = 2, 4
NAMESPACES = 0x7E020080
Code = tuple[int, int, int, int]


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def program_of(unit: dict[str, list[str]]) -> ctypes.Array[ctypes.c_char]:
    """What prctl(PR_SET_SECCOMP) takes. Only for the machine it is made on: SystemCallArchitectures=native."""
    code = struct.pack("")
    for operation, yes, no, value in instructions(unit):
        code += struct.pack("HBBI", operation, yes, no, value)
    program_of.keep = code  # type: ignore[attr-defined]
    raw = bytes(Program(len(code) // 8, code))
    return ctypes.create_string_buffer(raw, len(raw))


def instructions(unit: dict[str, list[str]]) -> Iterator[Code]:
    """Refusals that look at arguments first, then the list of calls that are allowed."""
    number = numbers()
    families = {getattr(socket, name) for name in unit["RestrictAddressFamilies"]}
    yield from refused(number["socket"], not_among(families), errno.EAFNOSUPPORT)
    if unit["MemoryDenyWriteExecute"] == ["yes"]:
        yield from refused(number["mmap"], all_of(2, WRITE | EXECUTE), errno.EPERM)
        yield from refused(number["mprotect"], all_of(2, EXECUTE), errno.EPERM)
        yield from refused(number["pkey_mprotect"], all_of(2, EXECUTE), errno.EPERM)
    if unit["RestrictNamespaces"] == ["yes"]:
        yield from refused(number["clone"], any_of(0, NAMESPACES), errno.EPERM)
        yield from refused(number["unshare"], [(RETURN, 0, 0, ERROR | errno.EPERM)], errno.EPERM)
        yield from refused(number["clone3"], [(RETURN, 0, 0, ERROR | errno.ENOSYS)], errno.ENOSYS)
    yield (LOAD, 0, 0, 0)
    for name in sorted(allowed(unit["SystemCallFilter"]) & set(number)):
        yield (EQUAL, 0, 1, number[name])
        yield (RETURN, 0, 0, ALLOW)
    yield (RETURN, 0, 0, ERROR | getattr(errno, unit["SystemCallErrorNumber"][0]))


def refused(number: int, test: list[Code], error: int) -> Iterator[Code]:
    """Refuse the call where `test` does not jump over its last instruction, the refusal."""
    body = [*test[:-1], test[-1] if test[-1][0] == RETURN else (RETURN, 0, 0, ERROR | error)]
    yield (LOAD, 0, 0, 0)
    yield (EQUAL, 0, len(body), number)
    yield from body


def argument(index: int) -> Code:
    """Load the low half of an argument, on a machine with the small end first."""
    return (LOAD, 0, 0, 16 + 8 * index)


def not_among(values: Iterable[int]) -> list[Code]:
    known = sorted(values)
    tests = [(EQUAL, len(known) - place, 0, value) for place, value in enumerate(known)]
    return [argument(0), *tests, (0, 0, 0, 0)]


def any_of(index: int, bits: int) -> list[Code]:
    return [argument(index), (SET, 0, 1, bits), (0, 0, 0, 0)]


def all_of(index: int, bits: int) -> list[Code]:
    single = [1 << shift for shift in range(32) if bits >> shift & 1]
    tests = [(SET, 0, len(single) - place, bit) for place, bit in enumerate(single)]
    return [argument(index), *tests, (0, 0, 0, 0)]


def allowed(words: Iterable[str]) -> set[str]:
    """The names that are left when every word has been added or taken away, in order."""
    left: set[str] = {"execve", "exit", "exit_group", "rt_sigreturn"}
    for word in words:
        names = members(word.removeprefix("~"))
        left = left - names if word.startswith("~") else left | names
    return left | members("@default")


def members(word: str) -> set[str]:
    """The calls in a set of systemd, or the one call."""
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, capture_output=True, text=True)
    lines = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return set().union(*(members(line) for line in lines if line and not line.startswith("#")))


def numbers() -> dict[str, int]:
    """Every call of this machine, by name."""
    command = ["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"]
    defined = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    words = [line.split() for line in defined.splitlines() if line.startswith("#define __NR_")]
    return {word[1].removeprefix("__NR_"): int(word[2]) for word in words if word[2].isdecimal()}
