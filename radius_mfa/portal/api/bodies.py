"""What callers send: the models, from which the OpenAPI document is made too."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from radius_mfa.auth.credential import LONGEST_PASSWORD, can_be_password
from radius_mfa.auth.model import Mfa
from radius_mfa.auth.policy import LONGEST_NAME
from radius_mfa.mail.address import LONGEST, is_address

MOST = 1000
"""Accounts in an answer."""
PAGE = 100
"""Accounts in an answer, if nobody says how many."""


class Body(BaseModel):
    """A JSON object: nothing in it is converted, and nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


def _mail(given: str) -> str:
    if not is_address(given):
        raise ValueError("takes one plain mail address in ASCII, such as alice@example.com")
    return given


def _group(given: str) -> str:
    if not given.isprintable():
        raise ValueError("takes printable characters")
    return given


def _password(given: SecretStr) -> SecretStr:
    if not can_be_password(given.get_secret_value().encode()):
        raise ValueError(f"takes 1 to {LONGEST_PASSWORD} octets in UTF-8, without a NUL")
    return given


def _count(given: str) -> int:
    if not given.isascii() or not given.isdecimal() or given.startswith("0") or len(given) > len(str(MOST)):
        raise ValueError(f"takes a whole number from 1 to {MOST}")
    return int(given)


def _nothing() -> Any:  # noqa: ANN401 - stands for a key that was not given; null is refused as a value
    return None


MailAddress = Annotated[str, Field(max_length=LONGEST, json_schema_extra={"format": "email"}), AfterValidator(_mail)]
Group = Annotated[str, Field(min_length=1), AfterValidator(_group)]
Language = Literal["en"]


class NewUser(Body):
    """An account to be made. Without a password it cannot log in until it is given one."""

    name: str = Field(
        min_length=1, max_length=LONGEST_NAME, description="Canonical: as `accounts` leaves a User-Name.",
        examples=["carol"],
    )  # fmt: skip
    mail: MailAddress | None = Field(default=None, description="Where mail goes.", examples=["carol@example.com"])
    groups: list[Group] = Field(default=[], examples=[["pbx-admins"]])
    language: Language | None = Field(default=None, description="Of texts and mails.")
    mfa: Mfa = Field(default=Mfa.INHERIT, description="Whether it owes a code; `off` needs the scope `mfa`.")
    password: Annotated[SecretStr, AfterValidator(_password)] | None = Field(
        default=None, min_length=1, max_length=LONGEST_PASSWORD, examples=["a password of carol"]
    )


class UserChanges(Body):
    """What is given is changed, the rest stays (RFC 7396): null takes the address or the language away."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    mail: MailAddress | None = Field(default_factory=_nothing, examples=["carol@example.com"])
    groups: list[Group] = Field(default_factory=_nothing, description="Replaces all.", examples=[["pbx-admins"]])
    language: Language | None = Field(default_factory=_nothing)
    mfa: Mfa = Field(
        default_factory=_nothing,
        description="`off`, and whatever lets the account do with less than before, needs the scope `mfa`.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("takes at least one key to change")
        return self


class Page(Body):
    """Which accounts: so many `limit` of those that come after the name `after`."""

    after: str = Field(default="", description="The `next` of the answer before.", examples=["bob"])
    limit: Annotated[int, BeforeValidator(_count)] = Field(default=PAGE, ge=1, le=MOST)
