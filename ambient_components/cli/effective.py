"""A workspace's effective entry, value by value, and where each came from."""

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
"""What is shown of an MCP server: an address, arguments, headers and variables may hold a credential."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the entry: what one place in the files says, or what is built in."""

    path: Path
    """In the workspace, such as `("keys", "ci", "role")`."""
    value: Any
    """As written: durations as text; an item of a list and one secret are one value. Never a secret."""
    origin: Origin
    """Its layer and place."""


def effective(stack: LoadedStack, workspace: str) -> list[Value]:
    """Every value of a workspace, in the order of the documentation; empty sections that nobody wrote are left out."""
    whole = ("workspaces", workspace)
    found = _values(stack.file.workspaces[workspace], stack.data[workspace], (), RULES)
    return [_shown(path, _without_secrets(path, value), stack.origin((*whole, *path))) for path, value in found]


def _shown(path: Path, value: Any, origin: Origin) -> Value:
    """Blank what is shaped like a credential, as reports do: somebody may have pasted one in place of any name."""
    names = tuple(part if isinstance(part, int) else without_credentials(part) for part in path)
    return Value(names, _clean(value), Origin(without_credentials(origin.layer), origin.where))


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {without_credentials(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return without_credentials(value) if isinstance(value, str) else value


def _values(model: object, raw: Any, path: Path, rules: Rules) -> Iterator[tuple[Path, Any]]:
    """Walk what was written, beside the models that say what is built in."""
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
    """Write a built-in value the way a file would."""
    if isinstance(value, Enum):
        return value.value
    written_as = [item.json_schema or {} for item in field.metadata if isinstance(item, WithJsonSchema)]
    if isinstance(value, int) and any(schema.get("type") == "string" for schema in written_as):
        return format_seconds(value)
    return value


def _without_secrets(path: Path, value: Any) -> Any:
    """Blank what may be a secret, as `spec.privacy` does in errors; references stay."""
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
