"""When many come at once: who makes room, who is denied, and that nobody waits in front of the door."""

from __future__ import annotations

import pytest

from tests.daemon.server import wait_for
from tests.pam.door import (
    ANSWER,
    ASK_CODE,
    ASK_PASSWORD,
    DENIED,
    GREETING,
    HELLO,
    PASSWORD,
    RIGHT,
    SUCCESS,
    Door,
    asked_for_a_code,
    asked_for_a_password,
    code,
    sitting_at,
)  # fmt: skip
from tests.pam.host import NEEDS_HOOK

pytestmark = [
    pytest.mark.needs_root,
    *NEEDS_HOOK,
]


def test_who_comes_when_all_places_are_taken_by_others_is_denied(door: Door) -> None:
    """Denied and not unavailable: a crowd must not open the way that is meant for a daemon that is down."""
    door.start(constants={"pam_socket.MOST_LOGINS": 4})
    first, *others = [asked_for_a_code(door, sitting_at(b"192.0.2.%d" % place)) for place in range(4)]
    assert [GREETING, *DENIED] == door.raw().rest()
    first.say(ANSWER % code().encode())
    assert [SUCCESS] == first.rest()
    assert "auth_err" == door.login("wrong").result
    for hook in others:
        hook.close()


def test_whoever_has_far_more_than_one_needs_gives_way(door: Door) -> None:
    """Also with the right password: one user at more than a quarter of the places keeps nobody else out."""
    door.start(constants={"pam_socket.MOST_LOGINS": 4})
    crowd = [asked_for_a_code(door, sitting_at(b"192.0.2.66")) for _ in range(2)]
    others = [asked_for_a_code(door, sitting_at(b"192.0.2.%d" % place)) for place in range(2)]
    others.append(asked_for_a_code(door, sitting_at(b"192.0.2.2")))
    assert [] == crowd[0].rest()
    for hook in (crowd[1], *others):
        hook.close()


def test_who_has_let_the_time_go_by_makes_room(door: Door) -> None:
    """The oldest of those whose time is over is hung up on when somebody else needs the place, and only then."""
    door.start(constants={"pam_socket.MOST_LOGINS": 2, "pam_conversation.PATIENCE": 0})
    first, second = asked_for_a_password(door), asked_for_a_password(door)
    asked_for_a_code(door)
    assert [] == first.rest()
    second.say(RIGHT)
    assert ASK_CODE == second.hear()


def test_a_crowd_of_one_user_makes_room_for_others(door: Door) -> None:
    """The oldest login of whoever has the most at the password gives way; who has proven something never does."""
    door.start(constants={"pam_socket.MOST_LOGINS": 4})
    proven = asked_for_a_code(door)
    crowd = [door.raw(HELLO.replace(b"\tssh\t\t", b"\tpts/1\tmallory\t").replace(b"192.0.2.7", b"")) for _ in range(3)]
    for hook in crowd:
        assert [GREETING, ASK_PASSWORD] == [hook.hear(), hook.hear()]
    alice = asked_for_a_password(door)
    assert [] == crowd[0].rest()
    alice.say(RIGHT)
    assert ASK_CODE == alice.hear()
    bob = asked_for_a_password(door)
    assert [] == crowd[1].rest()
    for hook in (proven, bob, crowd[2]):
        hook.close()


def test_who_says_nothing_makes_room(door: Door) -> None:
    """Connections without a greeting are hung up on, the oldest first; nobody waits in front of the door."""
    door.start(constants={"pam_socket.MOST_CONNECTIONS": 2})
    before = door.connections()
    silent = [door.raw(b"") for _ in range(2)]
    wait_for(lambda: door.connections() == before + 2, "two that say nothing")
    hook = asked_for_a_password(door)
    assert [GREETING] == silent[0].rest()
    hook.say(RIGHT)
    assert ASK_CODE == hook.hear()


def test_a_door_without_descriptors_recovers(door: Door) -> None:
    """When no connection can be taken it says so, and goes on once one can."""
    door.start(constants={"pam_socket.RECOVERY": 0.05}, descriptors=32)
    assert "auth_err" == door.login("wrong").result
    crowd = [door.raw(b"") for _ in range(32)]
    wait_for(lambda: "no PAM login can be taken: Too many open files" in door.log(), "the complaint")
    for hook in crowd:
        hook.close()
    assert "success" == door.login(PASSWORD, code()).result
