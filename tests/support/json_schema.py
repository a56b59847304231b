"""As much of JSON Schema (2020-12) as our schema uses; a keyword that isn't known here fails the test that meets it."""

import re
from collections.abc import Iterator
from typing import Any

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": int | float,
}
_NOTES = {"$schema", "$id", "$defs", "title", "description", "default", "examples", "patternErrorMessage"}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[str]:
    """The places in a value that the schema refuses, each with the keyword."""
    for keyword, rule in schema.items():
        if keyword not in _NOTES:
            yield from _KEYWORDS[keyword](value, rule, schema, root, path)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _type(value, rule, _schema, _root, path):
    if not any(_is(value, kind) for kind in ([rule] if isinstance(rule, str) else rule)):
        yield f"{path}: type"


def _ref(value, rule, _schema, root, path):
    yield from faults(value, root["$defs"][rule.removeprefix("#/$defs/")], root, path)


def _properties(value, rule, _schema, root, path):
    for name, below in rule.items():
        if isinstance(value, dict) and name in value:
            yield from faults(value[name], below, root, f"{path}.{name}")


def _additional(value, rule, schema, root, path):
    for name, item in value.items() if isinstance(value, dict) else ():
        if name not in schema.get("properties", ()):
            yield from faults(item, rule, root, f"{path}.{name}") if rule else [f"{path}.{name}: additionalProperties"]


def _names(value, rule, _schema, root, path):
    for name in value if isinstance(value, dict) else ():
        yield from faults(name, rule, root, f"{path}.{name}")


def _items(value, rule, _schema, root, path):
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from faults(item, rule, root, f"{path}.{index}")


def _one_of(value, rule, _schema, root, path):
    if sum(not list(faults(value, choice, root)) for choice in rule) != 1:
        yield f"{path}: oneOf"


def _not(value, rule, _schema, root, path):
    if not list(faults(value, rule, root)):
        yield f"{path}: not"


def _required(value, rule, _schema, _root, path):
    if isinstance(value, dict) and not value.keys() >= set(rule):
        yield f"{path}: required"


def _dependent(value, rule, _schema, _root, path):
    if isinstance(value, dict) and any(
        name in value and not value.keys() >= set(needs) for name, needs in rule.items()
    ):
        yield f"{path}: dependentRequired"


def _when(keyword, kind, holds):
    """A keyword that judges values of one type."""

    def check(value, rule, _schema, _root, path):
        if _is(value, kind) and not holds(value, rule):
            yield f"{path}: {keyword}"

    return check


_KEYWORDS = {
    "type": _type,
    "$ref": _ref,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "oneOf": _one_of,
    "not": _not,
    "required": _required,
    "dependentRequired": _dependent,
    "enum": lambda value, rule, _schema, _root, path: [] if value in rule else [f"{path}: enum"],
    "pattern": _when("pattern", "string", lambda value, rule: re.search(rule, value)),
    "minLength": _when("minLength", "string", lambda value, rule: len(value) >= rule),
    "maxLength": _when("maxLength", "string", lambda value, rule: len(value) <= rule),
    "minimum": _when("minimum", "number", lambda value, rule: value >= rule),
    "maximum": _when("maximum", "number", lambda value, rule: value <= rule),
    "minProperties": _when("minProperties", "object", lambda value, rule: len(value) >= rule),
}
