"""Long values in every field of the schema: what is said of them stays short, and ends with what is wrong."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ambient_components.cli.validate.command import as_github, as_json, as_text
from ambient_components.cli.validate.validation import validate_stacks
from ambient_components.printable import LIMIT
from tests.support.stack_strategies import SCHEMA

LENGTH = 3 * LIMIT
VALUES = {
    "text": "x" * LENGTH,
    "digits": "9" * LENGTH + "d",
    "number": int("9" * 18),
    "list": ["x" * LENGTH],
    "mapping": {"x" * 1000: "user:" + "x" * LENGTH},  # YAML has no longer keys
}


def fields(schema: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all fields of the schema; a mapping by name has the name `aa`, a list one item."""
    if path:
        yield path
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from (field for field in fields(choice, path) if field != path)
    if "$ref" in schema:
        yield from (field for field in fields(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], path) if field != path)
    for name, below in schema.get("properties", {}).items():
        yield from fields(below, (*path, name))
    if isinstance(below := schema.get("additionalProperties"), dict):
        yield from fields(below, (*path, "aa"))
    if "items" in schema:
        yield from fields(schema["items"], (*path, 0))


# Templates have the fields of the defaults.
FIELDS = sorted((path for path in set(fields(SCHEMA)) if path[0] != "templates"), key=str)


def stack(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = [value] if part == 0 else {part: value}
    return {"workspaces": {}, **value}


def test_every_field_is_here():
    assert len(FIELDS) > 300
    assert ("workspaces", "aa", "secrets", "integrations", "aa", "secret", "key") in FIELDS
    assert ("workspaces", "aa", "schedules", "aa", "sessionTemplate", "repos", 0, "url") in FIELDS


@pytest.mark.parametrize("kind", VALUES)
def test_a_long_value_is_not_quoted_in_full(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quoted = 0
    for path in FIELDS:
        (tmp_path / "s.yaml").write_text(json.dumps(stack(path, VALUES[kind])))
        result = validate_stacks(["s.yaml"])
        for problem in result.problems:
            assert len(problem.path) + len(problem.problem) < LIMIT
            assert all(len(hint) < LIMIT + 100 for hint in problem.hints)
        for text in (as_text(result), as_github(result), as_json(result, ok=False)):
            assert not any(sign * LIMIT in text for sign in "x9"), path
            assert all(len(line) < 2 * LIMIT for line in text.splitlines()), path
        quoted += "more characters" in as_text(result)
    assert quoted or kind == "number"


def test_the_end_of_a_message_says_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(f"runEvery: {VALUES['digits']}\nworkspaces: {{}}\n")
    (line, *_) = as_text(validate_stacks(["s.yaml"])).splitlines()
    assert line.startswith("s.yaml:1:11: error: runEvery: '999")
    assert line.endswith("9d' is not a duration")
    assert len(line) < LIMIT
