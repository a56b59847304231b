"""The fields of a document: JSON Schema and conversion for each."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final

Schema = dict[str, Any]

_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


@dataclass(frozen=True, slots=True)
class Shape:
    schema: Schema
    convert: Callable[[Any], Any] = lambda value: value
    """Converts a value to JSON."""
    read: Callable[[Any], Any] | None = None
    """Reads the value from the object that has the field. None means the attribute of the same name."""
    optional: bool = False
    """Whether an empty value is left out."""

    def of(self, source: str | Callable[[Any], Any]) -> "Shape":
        """Return the same field with its value from another attribute or from a function."""
        return replace(self, read=attrgetter(source) if isinstance(source, str) else source)

    @property
    def or_none(self) -> "Shape":
        """The same field, left out if it is empty."""
        return replace(self, optional=True)


def text(description: str, **rules: Any) -> Shape:
    return Shape({"description": description, "type": "string", **rules})


def time(description: str) -> Shape:
    return text(description, pattern=_TIME)


def flag(description: str) -> Shape:
    return Shape({"description": description, "type": "boolean"})


def number(description: str, **rules: Any) -> Shape:
    return Shape({"description": description, "type": "integer", **rules})


def count(description: str) -> Shape:
    return replace(number(description, minimum=0), convert=len)


def counts(description: str, by: str) -> Shape:
    """Describe the sizes of a collection's groups. The attribute `by` decides the group."""
    rules = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
    kind = attrgetter(by)
    return Shape({"description": description, **rules}, lambda found: dict(sorted(Counter(map(kind, found)).items())))


def texts(description: str) -> Shape:
    return Shape({"description": description, "type": "array", "items": {"type": "string"}}, list)


def each(description: str, item: Shape) -> Shape:
    schema = {"description": description, "type": "array", "items": item.schema}
    return Shape(schema, lambda values: [item.convert(value) for value in values])


def record(description: str, **fields: Shape) -> Shape:
    """Describe an object with exactly these fields."""
    schema = {
        "description": description,
        "type": "object",
        "properties": {name: field.schema for name, field in fields.items()},
        "required": [name for name, field in fields.items() if not field.optional],
        "additionalProperties": False,
    }

    def convert(value: Any) -> dict[str, Any]:
        found = {}
        for name, field in fields.items():
            own = field.read(value) if field.read else getattr(value, name)
            if own or not field.optional:
                found[name] = field.convert(own)
        return found

    return Shape(schema, convert)
