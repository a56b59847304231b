"""What a JSON Schema refuses."""

from typing import Any

from jsonschema import Draft202012Validator


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> list[str]:
    """The places in a value that the schema refuses, each with the keyword. The root has the definitions."""
    validator = Draft202012Validator({**schema, "$defs": root.get("$defs", {})})
    return [f"{error.json_path}: {error.validator}" for error in validator.iter_errors(value)]
