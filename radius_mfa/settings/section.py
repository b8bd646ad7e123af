"""What every section of the file has in common, and how a value that comes in several shapes finds its model."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Discriminator


class Section(BaseModel):
    """Keys and values; frozen, and a key that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def by_type(*types: str) -> Discriminator:
    """Chooses among models by their key `type`; the models carry `Tag("<type>")`."""

    def choose(value: object) -> str | None:
        given = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
        return f"<{given}>" if given in types else None

    return discriminator(choose, f"takes a mapping whose type is {' or '.join(types)}")


def discriminator(choose: Callable[[object], str | None], says: str) -> Discriminator:
    """A chooser of tags `<...>`; the brackets keep them apart from keys where pydantic says the place of an error."""
    return Discriminator(choose, custom_error_type="mistake", custom_error_message=says)
