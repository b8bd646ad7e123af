"""The section `clients`: who may send requests, and what each gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from radius_mfa.settings.addresses import ClientNetwork
from radius_mfa.settings.scalars import Flag, GroupName, line, mistake, text
from radius_mfa.settings.secrets import SecretSource
from radius_mfa.settings.section import Section

_SHORTNAME = text("[A-Za-z0-9._-]{1,32}", "takes 1 to 32 letters, digits, dots, dashes or underscores", "pbx")

Shortname = Annotated[str, _SHORTNAME]
AttributeValue = Annotated[str, line(253, "Administrative-User")]
Groups = Annotated[frozenset[GroupName], Field(min_length=1)]

_ATTRIBUTES: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": ["string", "integer"]},
}
_GROUPS: dict[str, Any] = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_RULE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["attributes"],
    "properties": {"groups": _GROUPS, "attributes": _ATTRIBUTES},
}
_REPLY: dict[str, Any] = {"anyOf": [_ATTRIBUTES, {"type": "array", "minItems": 1, "items": _RULE}]}


class ReplyRule(Section):
    """Attributes of the final Accept for members of `groups`; None: for everyone."""

    groups: Groups | None = Field(default=None, description="Groups this rule is for; leave it out for everyone else.")
    attributes: Mapping[str, AttributeValue] = Field(description="RADIUS attributes and their values.")


def reply_rules(value: object) -> object:
    """`reply` as a list of rules: a plain map is one rule for everyone."""
    if isinstance(value, dict) and "attributes" in value:
        raise mistake("takes a list of rules here: begin each with '- groups:'")
    if isinstance(value, dict):
        return [{"attributes": value}]
    if isinstance(value, (list, tuple)):
        return value
    raise mistake("takes {ATTRIBUTE: VALUE}, or a list of {groups: [...], attributes: {...}}")


class Client(Section):
    """One RADIUS client (NAS). The longest prefix that covers a request's source decides which."""

    shortname: Shortname = Field(description="Name of the client in logs, audit and commands.", examples=["pbx"])
    ipaddr: ClientNetwork = Field(
        description="Address or network the client sends from; the longest prefix wins.", examples=["192.0.2.10"]
    )
    secret: SecretSource = Field(
        description="Shared secret: text, {file: PATH} or {credential: NAME}.",
        examples=["{file: /etc/radius-mfa/secrets/pbx}"],
    )
    dialogue: Literal["challenge", "append", "both"] = Field(
        default="challenge",
        description="How the client brings a code: in an answer of its own, behind the password, or either.",
    )
    require_message_authenticator: Flag = Field(
        default=True,
        description="Drop requests without Message-Authenticator (CVE-2024-3596); no: for gear that sends none.",
    )
    always_challenge: Flag = Field(
        default=False, description="Ask for a code even after a wrong password, so that nobody learns which was wrong."
    )
    mfa: Literal["inherit", "required", "off"] = Field(
        default="inherit", description="Whether logins of this client owe a code; inherit asks mfa.required."
    )
    groups: Groups | None = Field(
        default=None, description="Groups whose members may log in here; leave it out for everyone."
    )
    trusted_devices: Literal["off", "token", "calling-station"] = Field(
        default="off", description="How a device can be trusted for some days, so that only the password is asked."
    )
    reply: Annotated[tuple[ReplyRule, ...], BeforeValidator(reply_rules), WithJsonSchema(_REPLY)] = Field(
        default=(),
        description="Attributes of the Accept: a map, or a list of {groups, attributes}; the first match counts.",
    )
