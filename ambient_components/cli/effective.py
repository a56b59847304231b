"""A workspace's merged entry, value by value, with the source of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from ambient_components.credentials import HIDDEN, without_credentials
from ambient_components.durations import format_seconds
from ambient_components.errors import PathPart
from ambient_components.spec.layers import RULES, Rules
from ambient_components.spec.loader import LoadedStack
from ambient_components.spec.provenance import Origin

Path = tuple[PathPart, ...]

_OPEN_FIELDS = frozenset({"type", "command"})
"""The visible fields of an MCP server. Its URL, arguments, headers and variables may hold a credential."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the entry, from the files or a default."""

    path: Path
    """The path in the workspace, such as `("keys", "ci", "role")`."""
    value: Any
    """The value as written, with durations as text. A list item or a secret is one value. Never a secret value."""
    origin: Origin
    """The layer and the position."""


def effective(stack: LoadedStack, workspace: str) -> list[Value]:
    """Return every value of a workspace in the order of the documentation, without undeclared empty sections."""
    whole = ("workspaces", workspace)
    found = _values(stack.file.workspaces[workspace], stack.data[workspace], (), RULES)
    return [_shown(path, _without_secrets(path, value), stack.origin((*whole, *path))) for path, value in found]


def _shown(path: Path, value: Any, origin: Origin) -> Value:
    """Mask texts that look like a credential, as reports do, because one may have been pasted as a name."""
    names = tuple(part if isinstance(part, int) else without_credentials(part) for part in path)
    return Value(names, _clean(value), Origin(without_credentials(origin.layer), origin.where))


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {without_credentials(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return without_credentials(value) if isinstance(value, str) else value


def _values(model: object, raw: Any, path: Path, rules: Rules) -> Iterator[tuple[Path, Any]]:
    """Walk the written values together with the models, which provide the defaults."""
    if not isinstance(raw, dict | list) or (path and not raw) or rules.whole:
        yield path, raw
    elif isinstance(raw, list):
        yield from (((*path, index), item) for index, item in enumerate(raw))
    elif isinstance(model, BaseModel):
        for name, field in type(model).model_fields.items():
            alias, value = field.alias or name, getattr(model, name)
            if alias in raw:
                yield from _values(value, raw[alias], (*path, alias), rules.at(alias))
            elif not isinstance(value, BaseModel) and value not in (None, "", [], {}):
                yield (*path, alias), _plain(value, field)
    else:
        for key, item in raw.items():
            below = model.get(key) if isinstance(model, dict) else None
            yield from _values(below, item, (*path, key), rules.at(key))


def _plain(value: object, field: FieldInfo) -> object:
    """Return a default in the form of a stack file."""
    if isinstance(value, Enum):
        return value.value
    written_as = [item.json_schema or {} for item in field.metadata if isinstance(item, WithJsonSchema)]
    if isinstance(value, int) and any(schema.get("type") == "string" for schema in written_as):
        return format_seconds(value)
    return value


def _without_secrets(path: Path, value: Any) -> Any:
    """Mask possible secrets, as `spec.privacy` does in errors. References stay."""
    if not isinstance(value, dict):
        return value
    if path[0] == "secrets":
        return {key: HIDDEN if key == "value" else item for key, item in value.items()}
    if path[:2] == ("settings", "mcpServers"):
        return {key: item if key in _OPEN_FIELDS else _blank(item) for key, item in value.items()}
    return value


def _blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blank(item) for key, item in value.items()}
    return [_blank(item) for item in value] if isinstance(value, list) else HIDDEN
