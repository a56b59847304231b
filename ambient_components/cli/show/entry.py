"""One workspace's merged entry: each value as runs use it, with the layer and the position that it comes from."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from ambient_components.errors import PathPart
from ambient_components.model.keys import Key
from ambient_components.model.sources import OnDrift
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.lifetimes import Rotate
from ambient_components.rules.secret_patterns import HIDDEN, without_credentials
from ambient_components.stackfile.layers import RULES, Origin, Rules
from ambient_components.stackfile.loader import LoadedStack

Path = tuple[PathPart, ...]

_OPEN_FIELDS = frozenset({"type", "command"})
"""The visible fields of an MCP server. Its URL, arguments, headers and variables may hold a credential."""

_RENEWAL: Final = frozenset({"rotateBefore", "overlap", "rotate"})
_SECRETS: Final = ("runner", "integrations")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the entry, from the files or a default."""

    path: Path
    """The path in the workspace, such as `("keys", "ci", "role")`."""
    value: Any
    """The value as written, with durations as text. A list item or a secret is one value. Never a secret value."""
    origin: Origin
    """The layer and the position."""
    written: Any = None
    """The value in the file, if runs use another one because it does not fit the lifetime."""


def effective(stack: LoadedStack, workspace: str) -> list[Value]:
    """Return every value of a workspace in the order of the documentation, without undeclared empty sections."""
    whole = ("workspaces", workspace)
    values = _values(stack.file.workspaces[workspace], stack.data[workspace], (), RULES)
    renewals, shown = _renewals(stack, workspace), []
    for path, value in values:
        origin = stack.origin((*whole, *path))
        if path in renewals:
            shown.append(_shown(path, renewals[path], origin, value))
        elif value is not None:
            shown.append(_shown(path, _without_secrets(path, value), origin))
    return shown


def _renewals(stack: LoadedStack, workspace: str) -> dict[Path, str]:
    """Return the renewal values of keys that no file has, or that are shortened to fit the key's lifetime."""
    renewals: dict[Path, str] = {}
    for key_id, key in stack.file.workspaces[workspace].keys.items():
        policy, at = key.policy(stack.file.run_every or 0), ("keys", key_id)
        if key.rotate is None:
            renewals[*at, "rotate"] = (Rotate.MANUAL if policy.manual else Rotate.AUTO).value
        if not policy.manual and policy.rotate_before != key.rotate_before:
            renewals[*at, "rotateBefore"] = format_seconds(policy.rotate_before)
        if not policy.manual and policy.overlap != key.overlap:
            renewals[*at, "overlap"] = format_seconds(policy.overlap) if policy.overlap else "0"
    return renewals


def _shown(path: Path, value: Any, origin: Origin, written: Any = None) -> Value:
    """Mask texts that look like a credential, as reports do, because one may have been pasted as a name."""
    names = tuple(part if isinstance(part, int) else without_credentials(part) for part in path)
    return Value(names, _clean(value), Origin(without_credentials(origin.layer), origin.where), written)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {without_credentials(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return without_credentials(value) if isinstance(value, str) else value


def _values(model: object, raw: Any, path: Path, rules: Rules) -> Iterator[tuple[Path, Any]]:
    """Walk the written values together with the models, which provide the defaults."""
    if not isinstance(raw, dict | list) or (path and not raw and not isinstance(model, Key)) or rules.whole:
        yield path, raw
    elif isinstance(raw, list):
        yield from (((*path, index), item) for index, item in enumerate(raw))
    elif isinstance(model, BaseModel):
        for name, field in type(model).model_fields.items():
            alias, value = field.alias or name, getattr(model, name)
            if alias in raw:
                yield from _values(value, raw[alias], (*path, alias), rules.at(alias))
            elif isinstance(model, Key) and alias in _RENEWAL:
                yield (*path, alias), None  # Its default depends on other values: see `_renewals`.
            elif isinstance(value, OnDrift):
                yield from (
                    ((*path, alias, section), getattr(value, section).value)
                    for section in _SECRETS
                    if getattr(model, section)
                )
            elif not isinstance(value, BaseModel) and value not in (None, "", [], {}):
                yield (*path, alias), _plain(value, field)
    else:
        for key, item in raw.items():
            below = model.get(key) if isinstance(model, dict) else None
            yield from _values(below, item, (*path, key), rules.at(key))


def _plain(value: object, field: FieldInfo) -> object:
    if isinstance(value, Enum):
        return value.value
    written_as = [item.json_schema or {} for item in field.metadata if isinstance(item, WithJsonSchema)]
    if isinstance(value, int) and any(schema.get("type") == "string" for schema in written_as):
        return format_seconds(value)
    return value


def _without_secrets(path: Path, value: Any) -> Any:
    """Mask possible secrets, as `stackfile.privacy` does in errors. References stay."""
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
