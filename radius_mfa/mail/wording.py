"""The texts of the mails: Jinja2 templates in a sandbox, ours or, file by file, those of the admin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from radius_mfa.auth.notices import Facts, Invitation
from radius_mfa.errors import ConfigurationError
from radius_mfa.mail import otpauth
from radius_mfa.mail.letterhead import Letterhead, header_text, plain

BUILT_IN = Path(__file__).parent / "templates"
_TIMES = {"ends", "at", "until"}
_ABOUT_KEYS = {"key", "mode", "digits", "period", "algorithm"}
_DATES = {"en": "%-d %B %Y, %H:%M %Z"}
LANGUAGES = tuple(_DATES)


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered mail. The key is in it."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


class Wording:
    """Renders facts in the language of their account; a language that does not exist is that of the letterhead."""

    def __init__(self, directory: Path | None = None) -> None:
        """`directory` holds the admin's own templates, `en/invitation.txt` and so on; what it lacks is built in."""
        self.environment = environment(directory)

    def render(self, facts: Facts, letterhead: Letterhead, picture: str = "", size: int = 0) -> Text:
        """The mail in its three parts; `picture` is the address of the QR code and `size` its CSS pixels.

        Raises ConfigurationError where a template of the admin is at fault, OperationFailed for a name that no app
        can show.
        """
        language = facts.language if facts.language in LANGUAGES else letterhead.language
        values = variables(facts, letterhead, language) | {"picture": picture, "size": size}
        stem = f"{language}/{facts.template}"
        subject = header_text(self._fill(f"{stem}.subject", {"issuer": header_text(letterhead.issuer)}))
        values["subject"] = subject
        return Text(subject, self._fill(f"{stem}.txt", values), self._fill(f"{stem}.html", values))

    def _fill(self, name: str, values: Mapping[str, object]) -> str:
        try:
            return self.environment.get_template(name).render(values)
        except Exception as error:  # noqa: BLE001 - whatever a template raises; what it says may quote the key
            raise ConfigurationError(
                f"the mail template {name} cannot be rendered ({type(error).__name__})",
                "radius-mfa config check says where",
            ) from None


def environment(directory: Path | None = None) -> ImmutableSandboxedEnvironment:
    """The sandbox: no attribute with an underscore, no changing of what is passed in, no unknown name."""
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([*([directory] if directory else []), BUILT_IN]),
        undefined=StrictUndefined,
        autoescape=lambda name: bool(name and name.endswith(".html")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def variables(facts: Facts, letterhead: Letterhead, language: str) -> dict[str, object]:
    """What a template of these facts may use, but for subject, picture and size: only text, numbers and yes or no."""
    shared: dict[str, object] = {
        "issuer": plain(letterhead.issuer),
        "help": plain(letterhead.help, keep="\n").strip(),
        "portal": plain(letterhead.portal),
    }
    own = dict(_told(facts, letterhead.zone, language)) | {"language": language}
    if isinstance(facts, Invitation):
        left_out = _ABOUT_KEYS if facts.mode == "link" else {"link"}
        own |= _key(facts, letterhead.issuer) if facts.mode != "link" else {}
        own = {name: value for name, value in own.items() if name not in left_out}
    return shared | own


def _told(facts: Facts, zone: tzinfo | None, language: str) -> Iterator[tuple[str, object]]:
    for one in fields(facts):
        value: Any = getattr(facts, one.name)
        if one.name in _TIMES:
            value = datetime.fromtimestamp(value, UTC).astimezone(zone).strftime(_DATES[language])
        yield one.name, plain(value) if isinstance(value, str) else value


def _key(facts: Invitation, issuer: str) -> dict[str, object]:
    return {
        "key": otpauth.grouped(facts.key),
        "uri": otpauth.of(facts, issuer),
        "qr": facts.mode == "qr",
        "algorithm": facts.algorithm.upper().replace("SHA", "SHA-"),
    }
