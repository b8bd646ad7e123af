"""Calls PAM, through python-pam. For a process that talks to nobody but our server and has one conversation at a time.

python-pam leaves out what a server needs: where the user sits, no delay inside PAM after a wrong password, no account
without a password, and whether the stack has asked for a password at all. It looks up its calls on the instance, so
they are put in there. Never import this in a process that holds a network socket: it runs modules of others.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from ctypes import CDLL, CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_uint, c_void_p, cast, string_at
from pathlib import Path
from typing import Any

import pam
from pam.__internals import PamConv, PamHandle, conv_func

from radius_mfa.backends.pam_account import account
from radius_mfa.backends.pam_question import Answer, Question, Result
from radius_mfa.errors import ConfigurationError

_FLAGS = pam.PAM_SILENT | pam.PAM_DISALLOW_NULL_AUTHTOK
_FAIL_DELAY = 10
"""Linux-PAM's item for the function that waits after a failure."""
_NO_DELAY = CFUNCTYPE(None, c_int, c_uint, c_void_p)(lambda *_: None)
_NO = {
    pam.PAM_PERM_DENIED,
    pam.PAM_AUTH_ERR,
    pam.PAM_CRED_INSUFFICIENT,
    pam.PAM_USER_UNKNOWN,
    pam.PAM_MAXTRIES,
    pam.PAM_NEW_AUTHTOK_REQD,
    pam.PAM_ACCT_EXPIRED,
    pam.PAM_CRED_EXPIRED,
    pam.PAM_AUTHTOK_EXPIRED,
}
"""What a stack returns when it has decided. Every other code but PAM_SUCCESS says that it could not."""
_C = Any
"""What ctypes and python-pam hand over, without a type."""
_NETWORK = {socket.AF_INET, socket.AF_INET6, socket.AF_PACKET}


def load() -> None:
    """Load libpam now, so that no check pays for it. Raises ConfigurationError as check() does."""
    refuse_network()
    pam.pam()


def refuse_network() -> None:
    """Raise ConfigurationError if this process holds a socket of the network."""
    for descriptor in Path("/proc/self/fd").iterdir():
        if _is_network(int(descriptor.name)):
            hint = "the server asks radius-mfa pam-check, a process of its own"
            raise ConfigurationError("PAM is not called in a process that holds a network socket", hint)


def check(question: Question) -> Answer:
    """Run the stack of the service, authentication and account. Unknown users cost the stack too.

    Raises ConfigurationError where a socket of the network is open.
    """
    refuse_network()
    conversation = _Conversation(question)
    code, user = conversation.run()
    if code != pam.PAM_SUCCESS:
        if code not in _NO:
            return _unavailable(f"the PAM service {question.service} could not check a password: {conversation.reason}")
        return Answer(Result.NOT_ALLOWED if conversation.authenticated else Result.WRONG)
    if not conversation.asked:
        return _unavailable(
            f"the stack of the PAM service {question.service} lets a user in without asking for the password",
            "leave the modules out that do not check a password, such as pam_permit and pam_rootok",
        )
    if user != os.fsencode(question.user):
        return Answer(Result.NOT_ALLOWED)
    return account(question.user, question.min_uid)


class _Conversation:
    """One conversation with a stack. `asked`: for the password. `authenticated`: its first part is done.

    `reason`: libpam's words for what it came to.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._rhost = c_char_p(question.rhost.encode("ascii"))
        self._listens: _C = None
        self.reason = ""
        self.asked = False
        self.authenticated = False

    def run(self) -> tuple[int, bytes]:
        """What the stack came to, a code of PAM, and the name of the user it was about in the end."""
        calls = self._calls = pam.pam()
        calls.pam_start, calls.pam_authenticate, calls.pam_acct_mgmt = self._start, self._authenticate, self._account
        calls.pam_set_item = lambda *_: pam.PAM_SUCCESS  # the terminal of this process is not the user's
        question = self._question
        try:
            calls.authenticate(
                os.fsencode(question.user), question.password, question.service,
                call_end=False, encoding="latin-1", resetcreds=False,
            )  # fmt: skip
            self.reason = str(calls.reason)
            return calls.code, _user(calls.handle)
        finally:
            calls.end()

    def _start(self, service: bytes, user: bytes, conversation: _C, handle: _C) -> int:
        started = cast(conversation, POINTER(PamConv)).contents
        answer = conv_func(cast(started.conv, c_void_p).value)  # a copy: the field is about to change
        self._listens = started.conv = _listening(answer, self._prompted)
        code: int = pam.pam.pam_start(service, user, conversation, handle)
        for item, value in ((pam.PAM_RHOST, self._rhost), (_FAIL_DELAY, cast(_NO_DELAY, c_void_p))):
            if code == pam.PAM_SUCCESS:
                code = pam.pam.pam_set_item(self._calls.handle, item, value)
        return code

    def _prompted(self) -> None:
        self.asked = True

    def _authenticate(self, handle: _C, _flags: int) -> int:
        code: int = pam.pam.pam_authenticate(handle, _FLAGS)
        return code

    def _account(self, handle: _C, _flags: int) -> int:
        self.authenticated = True
        code: int = pam.pam.pam_acct_mgmt(handle, _FLAGS)
        return code


def _listening(answer: _C, prompted: Callable[[], None]) -> _C:
    """The same conversation function; `prompted` is called before a hidden prompt is answered."""

    def listen(count: int, messages: _C, replies: _C, data: _C) -> int:
        if any(messages[i].contents.msg_style == pam.PAM_PROMPT_ECHO_OFF for i in range(count)):
            prompted()
        code: int = answer(count, messages, replies, data)
        return code

    return conv_func(listen)


def _user(handle: _C) -> bytes:
    if handle is None:
        return b""
    libpam = CDLL("libpam.so.0")
    libpam.pam_get_item.argtypes = [PamHandle, c_int, POINTER(c_void_p)]
    found = c_void_p()
    code = libpam.pam_get_item(handle, pam.PAM_USER, byref(found))
    return string_at(found.value) if code == pam.PAM_SUCCESS and found.value else b""


def _is_network(descriptor: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as held:
            return held.family in _NETWORK
    except OSError:
        return False  # the directory that was listed, closed by now


def _unavailable(message: str, hint: str = "") -> Answer:
    return Answer(Result.UNAVAILABLE, message=message, hint=hint)
