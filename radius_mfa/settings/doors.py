"""The sections `listen`, `radius`, `pam`, `mail` and `portal`: where logins come in and mail goes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Annotated, Literal

from pydantic import Field, Tag

from radius_mfa.settings.addresses import ClientNetwork, PortalEndpoint, RadiusEndpoint
from radius_mfa.settings.factors import ServiceName
from radius_mfa.settings.scalars import FilePath, Flag, Scalar, duration, line, text, whole
from radius_mfa.settings.secrets import SecretSource
from radius_mfa.settings.section import Section, by_type


def sender(given: str) -> str:
    """One mail address, with or without a name before it; ValueError for anything else."""
    _, address = parseaddr(given)
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", address):
        raise ValueError
    if "\n" in given or given.count("@") != 1 or not given.rstrip(">").endswith(address):
        raise ValueError
    return given


_SENDER = Scalar(read=sender, says="takes one mail address, such as PBX <pbx@example.com>", schema={"type": "string"})
_HOST = text(
    r"[A-Za-z0-9.:-]{1,253}", "takes the name or address of a host, such as mail.example.com", "mail.example.com"
)
_HELP = text(r"[\s\S]{1,1000}", "takes at most 1000 characters of text", "Call the help desk: 4711")
_URL = text(
    r"https://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]{0,4})?/?",
    "takes an https:// address without a path, such as https://pbx.example.com:8443",
    "https://pbx.example.com:8443",
)


class Listen(Section):
    """Where logins come in."""

    radius: Annotated[tuple[RadiusEndpoint, ...], Field(min_length=1)] = Field(
        description="UDP addresses for RADIUS; [::] is IPv6 only.", examples=['["0.0.0.0:1812", "[::]:1812"]']
    )
    pam: FilePath | None = Field(default=None, description="Socket for the PAM module; leave it out to switch it off.")
    portal: PortalEndpoint | None = Field(
        default=None, description="Address or unix:/path of the portal; leave it out to switch it off."
    )


class Radius(Section):
    """How the RADIUS server answers."""

    reject_delay: Annotated[float, duration("0s", "5s", "1s")] = Field(
        default=1.0, description="A Reject leaves so long after its request came."
    )
    duplicates: Annotated[float, duration("5s", "30s", "30s")] = Field(
        default=30.0, description="How long a reply is kept for a client that sends the same datagram again."
    )


class PamService(Section):
    """A PAM service of this host."""

    mfa: Literal["inherit", "required", "off"] = Field(
        default="inherit", description="Whether logins of this service owe a code."
    )
    password: Flag = Field(default=True, description="no: the stack has checked the password, only the code is asked.")
    trusted_devices: Literal["off", "ssh-key", "calling-station"] = Field(
        default="off", description="How a device can be trusted."
    )


class Pam(Section):
    """Logins on this host."""

    services: Mapping[ServiceName, PamService] = Field(
        default={}, description="PAM services that differ from the defaults, by name."
    )


class SmtpTransport(Section):
    """Mail handed to an SMTP server."""

    type: Literal["smtp"] = Field(description="smtp: hand mail to a server.")
    host: Annotated[str, _HOST] = Field(description="Mail server.", examples=["mail.example.com"])
    port: Annotated[int, whole(1, 65535)] = Field(default=587, description="Its port.")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="Encryption: after STARTTLS, from the start, or none."
    )
    timeout: Annotated[float, duration("1s", "5m", "30s")] = Field(
        default=30.0, description="Time for a mail to be taken."
    )
    username: Annotated[str, line(255, "pbx")] | None = Field(
        default=None, description="Name to log in with; leave it out for none."
    )
    password: SecretSource | None = Field(
        default=None, description="Its password: text, {file: PATH} or {credential: NAME}."
    )


class FileTransport(Section):
    """Mail written into a directory, for tests and for other mailers."""

    type: Literal["file"] = Field(description="file: write mail into a directory.")
    directory: FilePath = Field(description="That directory.", examples=["/var/lib/radius-mfa/mail"])


Transport = Annotated[
    Annotated[SmtpTransport, Tag("<smtp>")] | Annotated[FileTransport, Tag("<file>")],
    by_type("smtp", "file"),
]


class Mail(Section):
    """Mail to users."""

    from_: Annotated[str, _SENDER] = Field(
        alias="from", description="Sender of all mail.", examples=["PBX <pbx@example.com>"]
    )
    help: Annotated[str, _HELP] | None = Field(default=None, description="Line at the end of every mail: where to ask.")
    language: Literal["en"] = Field(default="en", description="Language of users without one of their own.")
    templates: FilePath | None = Field(
        default=None, description="Directory of your own templates; leave it out for the built-in ones."
    )
    transport: Transport = Field(description="How mail leaves.", examples=["{type: smtp, host: mail.example.com}"])


class Portal(Section):
    """The web pages where users look after their second factor."""

    url: Annotated[str, _URL] = Field(
        description="Address under which users reach it.", examples=["https://pbx.example.com:8443"]
    )
    certificate: FilePath | None = Field(
        default=None, description="TLS certificate, with its chain; leave it out behind a proxy that ends TLS."
    )
    key: FilePath | None = Field(default=None, description="Key of the certificate, without a passphrase.")
    trusted_proxies: tuple[ClientNetwork, ...] = Field(
        default=(), description="Proxies whose X-Forwarded-For is believed; whoever comes over a Unix socket is."
    )
    idle: Annotated[float, duration("1m", "1d", "30m")] = Field(
        default=1800.0, description="A session without a click ends after this."
    )
    lifetime: Annotated[float, duration("5m", "7d", "12h")] = Field(
        default=43200.0, description="A session ends after this."
    )
    step_up: Annotated[float, duration("1m", "1h", "10m")] = Field(
        default=600.0, description="A change needs a code no older than this."
    )
