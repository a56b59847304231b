"""The JSON Schema of the stack file, generated from the models, and the field reference as a Markdown page."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, get_args

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from ambient_components.documentation import page
from ambient_components.model.base import KIND, Model
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
        for below in _models_in(field.annotation):
            _describe_fields(below)
    for name, text in field_texts(model).items():
        model.model_fields[name].description = text
    model.model_rebuild(force=True)


def _models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


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


_TOP: Final = "StackFile"
_ORDER: Final = (_TOP, "Workspace", "Defaults")
"""Objects in this order; each is followed by the objects that it uses first."""

_HEAD: Final = """\
# Fields of the stack file

`ambient schema --format markdown` prints this page for the installed version. How to use the fields:
[the stack file](STACK_FILE_PAGE). What has a default may be left out.
"""
_KINDS: Final = "Kinds of text"
_DEFAULT: Final = re.compile(r" Default: (?P<value>[^.]+)\.")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def reference_text(stack_file: str = page("reference/stack-file")) -> str:
    """Return the content of the page."""
    schema = stack_schema()
    objects = {_TOP: schema, **schema["$defs"]}
    sections = [line for name in _reading_order(objects) for line in _section(name, objects)]
    return "\n".join([_HEAD.replace("STACK_FILE_PAGE", stack_file), *sections, *_kinds()])


def _reading_order(objects: dict[str, Any]) -> list[str]:
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or "properties" not in objects[name]:
            return
        order.append(name)
        for field in objects[name]["properties"].values():
            for used in _uses(field):
                if used not in _ORDER:
                    visit(used)

    for name in _ORDER:
        visit(name)
    return order


def _uses(field: dict[str, Any]) -> Iterator[str]:
    for schema in (field, field.get("items"), field.get("additionalProperties")):
        for part in (schema, *schema.get("oneOf", ())) if isinstance(schema, dict) else ():
            if "$ref" in part:
                yield part["$ref"].rpartition("/")[2]


def _section(name: str, objects: dict[str, Any]) -> Iterator[str]:
    schema = objects[name]
    yield f"## {_heading(name)}"
    yield ""
    yield schema["description"]
    yield ""
    yield "| field | allowed | default | meaning |"
    yield "|---|---|---|---|"
    either = {field for choice in schema.get("oneOf", ()) for field in choice["required"]}
    for field, rules in schema["properties"].items():
        default, meaning = _default(rules)
        if field in schema.get("required", ()):
            default = "required"
        elif field in either:
            default = "exactly one"
        yield _row(f"`{field}`", _allowed(rules, objects), default, meaning)
    yield ""


def _kinds() -> Iterator[str]:
    yield f"## {_KINDS}"
    yield ""
    yield "| kind | written as |"
    yield "|---|---|"
    for kind, form in FORMS.items():
        yield _row(kind, form)
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _default(rules: dict[str, Any]) -> tuple[str, str]:
    """Return the default of a field, and its meaning without a default that only repeats it.

    The schema has no default that depends on other values. The field's text has it then: "Default: the key's id."
    """
    meaning = rules["description"]
    described = _DEFAULT.search(meaning)
    if "default" not in rules:
        if described is None:
            return "", meaning
        default = described["value"]
        return default if " " in default or default == "none" else f"`{default}`", _DEFAULT.sub("", meaning)
    value = str(rules["default"])
    value = value.lower() if isinstance(rules["default"], bool) else value
    return f"`{value}`", _DEFAULT.sub("", meaning) if described and described["value"] == value else meaning


def _allowed(rules: dict[str, Any], objects: dict[str, Any]) -> str:
    """Return what a field accepts: a choice, a custom type, text with its length, or a list or mapping of these."""
    if "$ref" in rules:
        name = rules["$ref"].rpartition("/")[2]
        target = objects[name]
        return _choices(target["enum"]) if "enum" in target else f"[{_in_a_row(name)}](#{_anchor(name)})"
    if "oneOf" in rules:
        return " or ".join(_allowed(choice, objects) for choice in rules["oneOf"])
    kind = rules["type"]
    if kind == "array":
        return f"list of: {_allowed(rules['items'], objects)}"
    if kind == "object":
        names = rules.get("propertyNames", {}).get("enum")
        key = _choices(names) if names else "name"
        return f"mapping of {key} to: {_allowed(rules['additionalProperties'], objects)}"
    if kind == "boolean":
        return _choices(["true", "false"])
    if "enum" in rules:
        return _choices(rules["enum"])
    if "title" in rules:
        kind = rules["title"]
        return f"[{kind}](#{_KINDS.lower().replace(' ', '-')})" if kind in FORMS else kind
    if kind == "number":
        return f"number from {rules['minimum']} to {rules['maximum']}"
    if kind == "integer":
        return f"whole number from {rules['minimum']}" + (f" to {rules['maximum']}" if "maximum" in rules else "")
    return f"text, up to {rules['maxLength']} characters" if "maxLength" in rules else "text"


def _choices(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _heading(name: str) -> str:
    if name == _TOP:
        return "The file"
    return _CAMEL.sub(" ", name).capitalize().replace("Mcp", "MCP").replace("Ca ", "CA ").replace("Llm ", "LLM ")


def _in_a_row(name: str) -> str:
    heading = _heading(name)
    return heading if heading[1].isupper() else heading.lower()


def _anchor(name: str) -> str:
    return _heading(name).lower().replace(" ", "-")
