"""Why a datagram is dropped: one closed list for the log, the counters, the documentation and the tests."""

from __future__ import annotations

from enum import StrEnum

from radius_mfa.errors import PacketError


class Drop(StrEnum):
    """The reason of a drop, as the log writes it. A dropped datagram is never answered."""

    UNKNOWN_CLIENT = "unknown-client"
    """No `clients` entry covers the source address."""

    SHORT = "short"
    """Fewer than 20 octets."""
    LONG = "long"
    """The Length field says more than 4,096 octets."""
    BAD_LENGTH = "bad-length"
    """The Length field says fewer than 20 octets, or more than came."""
    BAD_CODE = "bad-code"
    """Neither Access-Request nor Status-Server."""
    BAD_ATTRIBUTE = "bad-attribute"
    """An attribute of type 0, shorter than its own head, or that overruns the packet."""
    TOO_MANY_ATTRIBUTES = "too-many-attributes"
    """More than 200 attributes, or as many inside the Vendor-Specific ones."""
    REPEATED_ATTRIBUTE = "repeated-attribute"
    """Two of an attribute that may be there once, so that two readers could take different ones."""
    BAD_PASSWORD_LENGTH = "bad-password-length"
    """A User-Password that is not 16 to 128 octets in blocks of 16."""
    PASSWORD_AND_CHAP = "password-and-chap"
    """User-Password and CHAP-Password in one request."""
    PROXY_STATE_TOO_LONG = "proxy-state-too-long"
    """More Proxy-State than a reply has room for."""

    NO_MESSAGE_AUTHENTICATOR = "no-message-authenticator"
    """The client has to send one, or EAP-Message or Status-Server came without."""
    BAD_MESSAGE_AUTHENTICATOR_LENGTH = "bad-message-authenticator-length"
    WRONG_MESSAGE_AUTHENTICATOR = "wrong-message-authenticator"
    """The shared secrets differ, or somebody has changed the packet."""
    PROXY_STATE_UNSIGNED = "proxy-state-unsigned"
    """Proxy-State without a Message-Authenticator: the shape of a forged Accept (CVE-2024-3596)."""
    VENDOR_UNSIGNED = "vendor-unsigned"
    """Trusted-device attributes without a Message-Authenticator."""

    DUPLICATE_CONFLICT = "duplicate-conflict"
    """The Identifier and authenticator of a request before it, with other octets."""
    DUPLICATE_IN_WORK = "duplicate-in-work"
    """The same datagram again while it is at work; its answer is on the way."""

    BUSY = "busy"
    """Every hash slot is taken and the queue is full."""
    DEADLINE = "deadline"
    """The work waited so long that the client has given up."""
    PASSWORDS_UNAVAILABLE = "passwords-unavailable"
    """What checks the passwords of this host is not there, or could not check one."""
    STORE_BUSY = "store-busy"
    STORE_FAILED = "store-failed"
    AUDIT_LOST = "audit-lost"
    """The audit line could not be written, so the reply must not be sent."""
    INTERNAL = "internal-error"
    """A fault of the program; the log has the trace."""

    def hint(self, client: str) -> str:
        """What in the configuration or on the host would mend it for the client of this shortname; may be empty."""
        return _HINTS.get(self, "").format(client=client)


_HINTS = {
    Drop.UNKNOWN_CLIENT: "add its address to clients",
    Drop.NO_MESSAGE_AUTHENTICATOR: "set require_message_authenticator: no for {client} if it cannot send one",
    Drop.WRONG_MESSAGE_AUTHENTICATOR: "compare the secret of {client} on both sides",
    Drop.PROXY_STATE_UNSIGNED: "make the proxy behind {client} send Message-Authenticator",
    Drop.VENDOR_UNSIGNED: "make the front end behind {client} send Message-Authenticator",
    Drop.BUSY: "raise passwords.hash_memory",
    Drop.DEADLINE: "raise passwords.hash_memory",
    Drop.PASSWORDS_UNAVAILABLE: "see radius-mfa pam-check and passwords.helper",
    Drop.STORE_BUSY: "see what else writes to the store",
    Drop.STORE_FAILED: "see the log and the free space of the store",
    Drop.AUDIT_LOST: "see the free space of audit.file",
}


class Dropped(PacketError):
    """A datagram that gets no answer; `reason` says why."""

    def __init__(self, reason: Drop) -> None:
        super().__init__(f"datagram dropped: {reason.value}")
        self.reason = reason
