"""Values of a stack file's fields, from its JSON Schema: for each field several, common ones first.

What a schema cannot say (a duration, a day from today, a file that is there) is in two small tables: `KINDS`, by the
schema's title, and `NAMED`, by object and field. The names in them are those of `tests.support.walk_world`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample, Unsatisfiable

Schema = Mapping[str, Any]

_TODAY = datetime.now(UTC).replace(microsecond=0)


def _day(days: int) -> str:
    return (_TODAY + timedelta(days=days)).date().isoformat()


_DURATIONS: Final = ("2m", "7d", "36h", "45s")
_DAYS: Final = (_day(30), _day(400), _day(-20), _day(-3))
_NAMESPACES: Final = ("walk-one", "walk-two")
_FILES: Final = ("walk/one.txt", "walk/two.txt")

KINDS: Final[dict[str, tuple[Any, ...]]] = {
    "duration": _DURATIONS,
    "duration or never": ("30d", "never", "36h"),
    "duration or 0": ("1d", "0"),
    "whole days": ("90d", "1y"),
    "day": _DAYS,
    "days of rest": ("sat", "2026-12-24", "2027-02-01/2027-02-05"),
    "day or moment": (*_DAYS, f"{_day(-2)}T18:00:00+01:00"),
    "quantity": ("2", "0.5", 3),
    "subject": ("user:walk.owner@example.com", "group:Walk Owners", "serviceaccount:walk-one:robot"),
    "reviewer": ("group:walk-leads", "user:walk.lead@example.com"),
    "name": ("walk.er@example.com", "Walk:Ers/of+the%edge", "w" * 253),
    "address": ("https://mcp.example.com/v1", "http://mcp.example.com:8080/a?b=c&d=%20"),
    "address of a store": ("https://s3.example.com", "http://store.example.com:9000"),
    "address of an issuer": ("https://ci.example.com", "https://ci.example.com:8443/_services/token"),
    "repository": ("acme/payments", "Acme.Inc/Pay_of-the.edge"),
    "project": ("acme/payments", "Acme/of_the/Edge.pay"),
    "branch": ("main", "release/1.2-of_the#edge"),
    "network": ("10.0.0.0/8", "2001:db8::/32"),
    "time zone": ("Europe/Berlin", "Asia/Kathmandu"),
    "path": _FILES,
    "name of a bucket": ("THIS-sessions", "THIS.sessions.of-the-edge"),
    "name of a namespace": _NAMESPACES,
    "name of a Secret": ("one", "two.of-the.edge"),
    "key of a Secret": ("one", "TWO_of.the-edge"),
    "name in the config": ("walk/one", "walk/two"),
    "name of a variable": ("WALK_ONE", "WALK_TWO"),
    "ServiceAccount of a key": ("ambient-key-ci-0a1b2c3d", "ambient-key-of-the-edge-99999999"),
    "User id of the platform": ("walk.user", "A_B.c-d"),
}
"""Values by the title of a kind of text."""

NAMED: Final[dict[str, tuple[Any, ...]]] = {
    "Workspace.template": ("small", "large"),
    "CaBundle.file": ("walk/one.pem", "walk/two.pem"),
    "DeliverySecret.name": ("THIS-one", "THIS.two"),
    "Workspace.state": ("closed", "released"),
    "Bucket.driver": ("s3",),
    "Acknowledgement.date": (_day(-20), _day(-3)),
}
"""Values by object and field, where the field's kind alone would not do."""

_TEXTS: Final = ("Text", "value", "x", "0", "VALUE_2", "text/plain", "one-two", 'a "quoted" <b>ü</b> text: #1')
_KEYS: Final = ("one", "X_TWO_NAME", "example.com/two", "two")
"""Texts and keys of mappings for schemas that say little or nothing of theirs, if their patterns take them."""


class NoValueError(AssertionError):
    """No value can be derived for a field."""


class Values:
    """Values of the fields of a schema.

    Args:
        schema: The whole schema, with `$defs`.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def resolved(self, schema: Schema) -> tuple[dict[str, Any], str]:
        """Return a schema without a reference, and the name of the object that was referred to."""
        if "$ref" not in schema:
            return dict(schema), ""
        name = schema["$ref"].rpartition("/")[2]
        return {**self._schema["$defs"][name], **{k: v for k, v in schema.items() if k != "$ref"}}, name

    def of(self, schema: Schema, place: str) -> list[Any]:
        """Return values that the schema allows, each once.

        Args:
            schema: The field's.
            place: Object and field, such as `Key.lifetime`.

        Raises:
            NoValueError: There is none.
        """
        found = list(self._of(schema, place))
        distinct = [value for index, value in enumerate(found) if value not in found[:index]]
        if not distinct:
            message = (
                f"{place}: no value can be derived from {dict(schema)}; give the schema an enum, a minimum, an example"
                " or a pattern, or its kind a line in tests/support/walk_values.py"
            )
            raise NoValueError(message)
        return distinct

    def _of(self, schema: Schema, place: str) -> Iterator[Any]:
        schema, _ = self.resolved(schema)
        if len(schema.get("examples", ())) == 1:
            yield from self._parts(schema["examples"][0])
        if place in NAMED:
            yield from NAMED[place]
        elif len(schema.get("examples", ())) > 1:
            yield from schema["examples"]
        elif "enum" in schema:
            default = schema.get("default")
            yield from (value for value in schema["enum"] if value != default)
            yield from (value for value in schema["enum"] if value == default)
        elif schema.get("title") in KINDS:
            yield from KINDS[schema["title"]]
        elif "oneOf" in schema and "properties" not in schema:
            for choice in schema["oneOf"]:
                yield from self._of(choice, place)
        else:
            yield from self._of_type(schema, place)

    def _parts(self, example: Any) -> Iterator[Any]:
        """Yield an example, and of a mapping each of its parts."""
        yield example
        if isinstance(example, dict):
            yield from ({key: value} for key, value in example.items())

    def _of_type(self, schema: Schema, place: str) -> Iterator[Any]:
        match schema.get("type"):
            case "boolean":
                default = schema.get("default", False)
                yield from (not default, default)
            case "integer" | "number":
                low, high = schema.get("minimum", 0), schema.get("maximum")
                yield from (low + 1, high if high is not None else low + 7, low)
            case "string":
                yield from self._texts(schema)
            case "array":
                items = self.of(schema["items"], f"{place}[]")
                yield from ([items[0]], items[:2], items[1:2], items[-1:])
            case "object" if "properties" in schema:
                yield from self.objects(schema, place)
            case "object" if isinstance(schema.get("additionalProperties"), dict):
                yield from self._mappings(schema, place)

    def objects(self, schema: Schema, place: str) -> Iterator[dict[str, Any]]:
        """Yield objects with what they must have: the required fields, and one of each choice; else one field each."""
        name = schema.get("title", place)
        required = list(schema.get("required", ()))
        choices = [choice["required"] for choice in schema.get("oneOf", ()) if "required" in choice] or [[]]
        forbidden = schema.get("not", {}).get("required", [])
        for choice in choices:
            fields = [*required, *choice]
            if any(field in forbidden for field in fields):
                continue
            of_each = {field: self.of(schema["properties"][field], f"{name}.{field}") for field in fields}
            if fields:
                yield {field: values[0] for field, values in of_each.items()}
                yield {field: values[min(1, len(values) - 1)] for field, values in of_each.items()}
            else:
                yield from ({field: self.of(one, f"{name}.{field}")[0]} for field, one in schema["properties"].items())

    def _mappings(self, schema: Schema, place: str) -> Iterator[dict[str, Any]]:
        values = self.of(schema["additionalProperties"], f"{place}{{}}")
        keys = self.keys(schema)
        yield {keys[0]: values[0]}
        yield {key: values[min(index, len(values) - 1)] for index, key in enumerate(keys[:3])}
        yield from ({keys[-1]: value} for value in (values[0], values[-1]))

    def keys(self, schema: Schema) -> list[str]:
        """Return keys of a mapping."""
        rules = schema.get("propertyNames", {})
        if "enum" in rules:
            return list(rules["enum"])
        return [key for key in _KEYS if re.search(rules.get("pattern", ""), key)] or list(self._texts(rules))

    def _texts(self, schema: Schema) -> Iterator[str]:
        pattern, low, high = schema.get("pattern"), schema.get("minLength", 0), schema.get("maxLength")
        fitting = [
            text
            for text in _TEXTS
            if low <= len(text) <= (high or len(text)) and (pattern is None or re.search(pattern, text))
        ]
        if fitting:
            yield fitting[0]
            longest = fitting[-1]
            yield longest + "x" * (high - len(longest)) if high and pattern is None else longest
        elif pattern is not None:
            yield from _out_of(pattern, low, high or 200)


def _out_of(pattern: str, low: int, high: int) -> Iterator[str]:
    """Yield a short and a longer text of a pattern."""
    quiet = settings(
        database=None, max_examples=300, derandomize=True, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for least in (max(low, 1), max(low, 1) + 4):
        try:
            yield find(
                st.from_regex(pattern), lambda text, least=least: least <= len(text) <= high and text.isascii(),
                settings=quiet,
            )  # fmt: skip
        except (NoSuchExample, Unsatisfiable):
            return
