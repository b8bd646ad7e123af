"""The stack that checks passwords for us may not ask us."""

from __future__ import annotations

from pathlib import Path

import pytest

from radius_mfa.backends.pam_stack import check_stack
from radius_mfa.errors import Unavailable

PLAIN = "auth required pam_unix.so\naccount required pam_unix.so\n"


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """A directory with files that have the hook in them, under each of the names a stack can call it by."""
    (tmp_path / "plain").write_text(PLAIN)
    (tmp_path / "hooked").write_text("auth requisite pam_radius_mfa.so\n")
    (tmp_path / "between").write_text(f"{PLAIN}@include hooked\n")
    (tmp_path / "circle").write_text("auth include circle\n@include plain\n")
    (tmp_path / "other").write_text("auth required pam_deny.so\n")
    (tmp_path / "link.so").symlink_to("/nowhere/pam_radius_mfa.so")
    return tmp_path


@pytest.mark.parametrize(
    "lines",
    [
        "auth required pam_radius_mfa.so",
        "auth required /usr/lib/security/pam_radius_mfa.so debug",
        "-auth [success=done new_authtok_reqd=ok \\\n default=die] pam_radius_mfa.so",
        "AUTH\tsufficient\tpam_radius_mfa.so",
        "auth required \\\n pam_radius_mfa.so",
        "auth required pam_radius_mfa.so\\\n debug",
        "auth include \\\n hooked",
        "auth include\\\nhooked",
        "account required pam_radius_mfa.so",
        "auth required {stacks}/link.so",
        "@include hooked",
        "@INCLUDE hooked",
        "auth include hooked",
        "auth Substack hooked",
        "auth include {stacks}/hooked",
        "@include between",
        "@include circle\n@include between",
    ],
)
def test_a_stack_with_the_hook_in_it_is_refused(stacks: Path, lines: str) -> None:
    """However the hook is named, and however far down it is included."""
    (stacks / "radius-mfa").write_text(f"{PLAIN}{lines.format(stacks=stacks)}\n")
    with pytest.raises(Unavailable, match=r"has pam_radius_mfa\.so in it"):
        check_stack("radius-mfa", [stacks])


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "# auth required pam_radius_mfa.so",
        "auth optional pam_echo.so # pam_radius_mfa.so",
        "auth required pam_radius_auth.so",
        "@include plain",
        "auth include circle",
    ],
)
def test_a_stack_without_it_is_taken(stacks: Path, lines: str) -> None:
    """Comments, and a stack that includes itself, which is for libpam to refuse."""
    (stacks / "radius-mfa").write_text(f"{PLAIN}{lines}\n")
    check_stack("radius-mfa", [stacks])


def test_the_name_of_a_service_is_taken_in_lower_case(stacks: Path) -> None:
    """libpam does so: another file would be read than the one that counts."""
    (stacks / "HOOKED").write_text(PLAIN)
    with pytest.raises(Unavailable, match="in it"):
        check_stack("HOOKED", [stacks])


def test_a_service_without_lines_of_its_own_is_that_of_other(stacks: Path) -> None:
    """libpam takes the lines of `other` where a service has none for authentication."""
    (stacks / "radius-mfa").write_text("account required pam_unix.so\n")
    check_stack("radius-mfa", [stacks])
    (stacks / "other").write_text("@include hooked\n")
    with pytest.raises(Unavailable, match="in it"):
        check_stack("radius-mfa", [stacks])


def test_the_first_directory_that_has_the_file_counts(stacks: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """/etc/pam.d goes before what the distribution ships."""
    ours = tmp_path_factory.mktemp("etc")
    (ours / "hooked").write_text(PLAIN)
    check_stack("hooked", [ours, stacks])
    check_stack("plain", [ours, stacks])
    with pytest.raises(Unavailable, match="in it"):
        check_stack("hooked", [stacks, ours])


@pytest.mark.parametrize("lines", [None, "@include nowhere", "auth include /nowhere/stack"])
def test_a_stack_that_is_not_there_is_refused(stacks: Path, lines: str | None) -> None:
    """Without its file a service would be that of `other`, without a word."""
    if lines is not None:
        (stacks / "radius-mfa").write_text(lines + "\n")
    with pytest.raises(Unavailable, match="has no stack"):
        check_stack("radius-mfa", [stacks])


def test_a_stack_that_cannot_be_read_is_refused(stacks: Path) -> None:
    """What cannot be read may have the hook in it."""
    (stacks / "radius-mfa").mkdir()
    with pytest.raises(Unavailable, match="cannot read"):
        check_stack("radius-mfa", [stacks])
