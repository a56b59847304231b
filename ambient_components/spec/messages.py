"""pydantic's errors in the words of the stack file: YAML's type names, allowed values, what was perhaps meant."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic_core import ErrorDetails

from ambient_components.contract import RUNNER_SECRET_KEYS
from ambient_components.errors import PathPart
from ambient_components.spec.models import Model, StackFile
from ambient_components.spec.privacy import is_private
from ambient_components.spec.types import ERROR_TYPE
from ambient_components.suggest import did_you_mean

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "enum": "text",
}


def explain(error: ErrorDetails, data: object) -> tuple[str, str]:
    """Return problem and remedy of one of pydantic's errors.

    Args:
        error: The error.
        data: The whole file's data; of what is private only the type is read.
    """
    kind, path = error["type"], error["loc"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == ERROR_TYPE:
        return context["problem"], context["remedy"] or _secret_remedy(path)
    if kind == "extra_forbidden":
        return _unknown_field(path)
    if kind == "missing":
        return "is missing", "add it"
    return _bad_value(kind, _at(data, path), context) or (error["msg"], "")  # pydantic's own text holds no input either


def _bad_value(kind: str, value: object, context: Mapping[str, Any]) -> tuple[str, str] | None:
    if kind == "string_too_long":
        return f"has {len(str(value))} characters", f"allowed: up to {context['max_length']}"
    if kind == "greater_than_equal":
        return f"{value} is too low", f"allowed: whole numbers from {context['ge']}"
    return _wrong_type(value, _EXPECTED[kind]) if kind in _EXPECTED else None


def _wrong_type(value: object, expected: str) -> tuple[str, str]:
    allowed = f"allowed: {expected}"
    if value is None and expected == "a mapping":
        allowed += "; write {} for an empty one"
    elif expected == "text" and isinstance(value, bool | int | float):
        allowed += "; put it in quotes"
    return f"is {type_name(value)}", allowed


def type_name(value: object) -> str:
    """Name the type of a value as somebody who writes YAML would."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a number with a fraction"}
    return names.get(type(value), "something else")


def _unknown_field(path: Sequence[PathPart]) -> tuple[str, str]:
    word = str(path[-1])
    allowed = [field.alias or name for name, field in _model_at(path[:-1]).model_fields.items()]
    problem = "is a field that doesn't exist" if is_private(path) else f"{word!r} is not a field"
    suggestion = did_you_mean(word, allowed)
    return problem, f"allowed: {', '.join(allowed)}" + (f"; {suggestion}" if suggestion else "")


def _model_at(path: Sequence[PathPart]) -> type[Model]:
    """Return the model of the mapping at a path."""
    annotation: Any = StackFile
    for part in path:
        if isinstance(annotation, type) and issubclass(annotation, Model):
            by_alias = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
            annotation = by_alias[str(part)]
        else:
            annotation = get_args(annotation)[-1]  # of a list or a dict: its items
    return annotation  # type: ignore[no-any-return]


def _secret_remedy(path: Sequence[PathPart]) -> str:
    """Say how to bring a secret in, with a name that fits the workspace and the variable."""
    workspace, key = str(path[1]), str(path[-1])
    name = key.removesuffix("_API_KEY").lower() if key in RUNNER_SECRET_KEYS else "name"
    reference = f"{workspace}/{name}"
    return (
        "put the value into the stack's encrypted config with "
        f"`pulumi config set --secret {reference}` and write {{config: {reference}}}"
    )


def _at(data: object, path: Sequence[PathPart]) -> object:
    for part in path:
        data = data[part]  # type: ignore[index]
    return data
