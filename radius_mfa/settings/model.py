"""The whole configuration file. Every key has the name and the default it has in the YAML (DESIGN 10)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PrivateAttr

from radius_mfa.settings.addresses import Store, database_path
from radius_mfa.settings.clients import Client
from radius_mfa.settings.doors import Listen, Mail, Pam, Portal, Radius
from radius_mfa.settings.factors import Enrollment, Mfa, Passwords
from radius_mfa.settings.scalars import FilePath, text, whole_or_auto
from radius_mfa.settings.secrets import SecretSource
from radius_mfa.settings.section import Section

_ISSUER = text(
    r"[^:\s](?:[^:\n]{0,62}[^:\s])?",
    "takes one line of at most 64 characters without a colon, such as Example PBX",
    "Example PBX",
)
_USER = text("[a-z_][a-z0-9_-]{0,31}", "takes the name of a system user, such as radius-mfa", "radius-mfa")
_SUFFIX = text(r"[^\s@\\/]{1,253}", "takes one name without @ and backslash, such as example.com", "example.com")

NameSuffix = Annotated[str, _SUFFIX, AfterValidator(str.lower)]


class Accounts(Section):
    """How a User-Name becomes the name of an account."""

    case: Literal["fold", "keep"] = Field(
        default="fold", description="fold: Alice and alice are one account; keep: they are two."
    )
    realms: tuple[NameSuffix, ...] = Field(
        default=(), description="Realms that are cut off: alice@example.com is alice."
    )
    domains: tuple[NameSuffix, ...] = Field(
        default=(), description="Domains that are cut off: EXAMPLE\\alice is alice."
    )


class Audit(Section):
    """One JSON line for every decision."""

    file: FilePath = Field(
        default=Path("/var/log/radius-mfa/audit.jsonl"), description="File the lines are appended to."
    )


class Log(Section):
    """Messages on standard error."""

    format: Literal["text", "json"] = Field(default="text", description="Form of a line.")
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is shown.")


class Settings(Section):
    """radius-mfa.yaml. Durations are float seconds, sizes int bytes, paths absolute."""

    issuer: Annotated[str, _ISSUER] = Field(
        description="Name shown in the authenticator app.", examples=["Example PBX"]
    )
    user: Annotated[str, _USER] = Field(
        default="radius-mfa", description="System user that serve and the commands become when started as root."
    )
    listen: Listen = Field(description="Where logins come in.", examples=['{radius: ["0.0.0.0:1812"]}'])
    workers: Annotated[Literal["auto"] | int, whole_or_auto(1, 256)] = Field(
        default="auto", description="Processes that answer RADIUS; auto: one a core."
    )
    store: Store = Field(description="Database.", examples=["sqlite:////var/lib/radius-mfa/radius-mfa.db"])
    master_key: SecretSource = Field(
        description="Key that protects the secrets in the database: text, {file: PATH} or {credential: NAME}.",
        examples=["{file: /etc/radius-mfa/master.key}"],
    )
    accounts: Accounts = Field(default=Accounts(), description="How a User-Name becomes the name of an account.")
    radius: Radius = Field(default=Radius(), description="How the RADIUS server answers.")
    clients: Annotated[tuple[Client, ...], Field(min_length=1)] = Field(
        description="RADIUS clients.", examples=["[{shortname: pbx, ipaddr: 192.0.2.10, secret: {file: secrets/pbx}}]"]
    )
    passwords: Passwords = Field(default=Passwords(), description="The first factor.")
    mfa: Mfa = Field(default=Mfa(), description="The second factor.")
    enrollment: Enrollment = Field(default=Enrollment(), description="How a user comes to an authenticator.")
    pam: Pam = Field(default=Pam(), description="Logins on this host.")
    mail: Mail | None = Field(default=None, description="Mail to users; without this section nobody can enrol by mail.")
    audit: Audit = Field(default=Audit(), description="One JSON line for every decision.")
    log: Log = Field(default=Log(), description="Messages on standard error.")
    portal: Portal | None = Field(default=None, description="The web page where users look after their authenticators.")

    _path: Path | None = PrivateAttr(default=None)

    def model_post_init(self, context: dict[str, Path] | None, /) -> None:
        """Remember which file this is."""
        self._path = (context or {}).get("file")

    @property
    def path(self) -> Path | None:
        """The file these settings were read from; None when they were built by hand."""
        return self._path

    @property
    def database(self) -> Path:
        """The file that `store` names."""
        return database_path(self.store)
