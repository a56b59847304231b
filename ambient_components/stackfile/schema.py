"""The JSON Schema of the stack file, generated from the models."""

import json
import re
from functools import cache
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from ambient_components.model.base import KIND, Model, models_in
from ambient_components.model.derive import field_texts
from ambient_components.model.stack import StackFile
from ambient_components.model.types import REVIEWER_FORMS
from ambient_components.platform.subjects import SUBJECT_FORMS
from ambient_components.rules.durations import DURATION_FORMS, format_seconds
from ambient_components.rules.quantities import QUANTITY_FORMS

SCHEMA_FILE: Final = "stack.schema.json"
"""Name of the schema file next to the stack files; their first line names it for the YAML language server."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NULL: Final = {"type": "null"}
FORMS: Final = {
    "duration": DURATION_FORMS,
    "duration or never": f"never, or {DURATION_FORMS}",
    "duration or 0": f"0, or {DURATION_FORMS}",
    "whole days": "a whole number and a unit of d or y (365 days), such as 90d",
    "day": "YYYY-MM-DD, such as 2026-12-31",
    "day or moment": "YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SS and Z or an offset, such as 2026-12-31T18:00:00+01:00",
    "quantity": QUANTITY_FORMS,
    "subject": SUBJECT_FORMS,
    "reviewer": REVIEWER_FORMS,
    "address": "http://… or https://…",
    "address of a store": "https://HOST or http://HOST, with :PORT if it needs one",
    "network": "an address and a mask, such as 10.0.0.0/8",
}
"""Formats of the text kinds; editors show them for invalid text."""

_FIRST: Final = ("$schema", "$id", "title", "description", "$ref", "type")
"""Keywords that come first; the others follow in the generator's order, definitions last."""

_SOURCE_OF_A_RULE: Final = re.compile(r" ?Contract [0-9][0-9., ]*\.")
"""References such as `Contract 4.` in docstrings, which are for readers of the code."""


class _Generator(GenerateJsonSchema):
    """pydantic's generator, without titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema | Any) -> bool:  # noqa: ARG002
        return False


def stack_schema() -> dict[str, Any]:
    _describe_fields(StackFile)
    generated = StackFile.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _tidy({"$schema": _DIALECT, "$id": SCHEMA_FILE, **generated})


def schema_text() -> str:
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"


@cache
def _describe_fields(model: type[Model]) -> None:
    """Give the fields of a model, and of the models below it, the texts after them as descriptions.

    pydantic's `use_attribute_docstrings` parses the source of every model when a process imports it. That was a fifth
    of the time of loading a stack file (measured), and only the schema needs the texts.
    """
    for field in model.model_fields.values():
        for below in models_in(field.annotation):
            _describe_fields(below)
    for name, text in field_texts(model).items():
        model.model_fields[name].description = text
    model.model_rebuild(force=True)


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema for users: no nulls, defaults in the file's notation, descriptions on one line."""
    schema = {key: _below(key, value) for key, value in schema.items()}
    choices = [choice for choice in schema.pop("anyOf", ()) if choice != _NULL]
    if len(choices) > 1:
        schema = {**schema, "oneOf": choices}
    elif choices:  # an optional field: left out, never null
        schema = {**choices[0], **schema}
    if "description" in schema:
        schema["description"] = _SOURCE_OF_A_RULE.sub("", " ".join(schema["description"].split()))
    kind = schema.pop(KIND, None)
    if kind is not None:
        schema["title"] = kind
    if kind in FORMS:
        schema["patternErrorMessage"] = FORMS[kind]
    if isinstance(schema.get("default"), list | dict | None) or schema["default"] == "":
        schema.pop("default", None)  # empty, or the default of a model, which is visible in its fields
    elif kind in ("duration", "duration or never"):
        schema["default"] = format_seconds(schema["default"])
    order = [*_FIRST, *(key for key in schema if key not in (*_FIRST, "$defs")), "$defs"]
    return {key: schema[key] for key in order if key in schema}


def _below(key: str, value: Any) -> Any:
    if key in ("properties", "$defs"):
        return {name: _tidy(schema) for name, schema in value.items()}
    if key in ("anyOf", "oneOf"):
        return [_tidy(schema) for schema in value]
    if key in ("items", "additionalProperties", "propertyNames") and isinstance(value, dict):
        return _tidy(value)
    return value
