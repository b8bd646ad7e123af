"""What this host knows of a user whose password was right: uid and groups, from NSS."""

from __future__ import annotations

import grp
import logging
import os
import pwd

from radius_mfa.backends.pam_question import Answer, Result

log = logging.getLogger(__name__)


def account(user: str, min_uid: int) -> Answer:
    """PASSED with uid and groups; NOT_ALLOWED below `min_uid`, or for a name that is not the user's own.

    A second spelling of a user's name (`alice@example.com` where NSS says `alice`) would be a second account, with
    counters and tokens of its own.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        log.warning("PAM knows the user %s, and NSS does not: there is no uid to go by", user)
        return Answer(Result.NOT_ALLOWED)
    if entry.pw_name != user:
        log.warning("the user %s is called %s by NSS: see accounts.realms and accounts.domains", user, entry.pw_name)
        return Answer(Result.NOT_ALLOWED)
    if entry.pw_uid < min_uid:
        return Answer(Result.NOT_ALLOWED)
    return Answer(Result.PASSED, entry.pw_uid, _groups(user, entry.pw_gid))


def _groups(user: str, gid: int) -> frozenset[str] | None:
    """The names of a user's groups; None if one of them has no name: it may be the one that owes a code."""
    try:
        names = frozenset(grp.getgrgid(number).gr_name for number in os.getgrouplist(user, gid))
    except (KeyError, OSError) as error:
        log.warning("the groups of %s cannot be read: %s", user, type(error).__name__)
        return None
    return names if all(name and name.isprintable() for name in names) else None
