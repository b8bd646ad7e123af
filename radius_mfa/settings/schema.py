"""The model seen from outside: as JSON Schema for editors, and as the values in effect."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import SchemaError, SchemaSerializer, core_schema

from radius_mfa.settings.model import Settings
from radius_mfa.settings.section import Section

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of radius-mfa.yaml, as yaml-language-server takes it."""
    schema = Settings.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": DIALECT} | schema


def effective(settings: Settings) -> dict[str, Any]:
    """Every value in effect, defaults included, as the file spells them; a secret given as text is `***`."""
    return settings.model_dump(mode="json", by_alias=True, exclude_none=True)


class _Generator(GenerateJsonSchema):
    """Without titles, which only repeat the keys, and without null, which the file may not hold."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Defaults as the file spells them; those of a whole section stand at its keys."""
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if default is None or isinstance(default, Section) or (isinstance(default, tuple) and default):
            return inner
        try:
            spelled = SchemaSerializer(schema["schema"]).to_python(default, mode="json")
        except SchemaError:  # a choice among sections, whose default is a plain word
            spelled = default
        return {**inner, "default": spelled}
