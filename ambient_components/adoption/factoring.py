"""Values that all workspaces share, as defaults of the stack file, and entries below existing defaults.

Each effective entry stays exactly equal.

The merge is that of `stackfile.layers`: mappings are merged, lists and other values are replaced, and some mappings
are replaced as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.errors import format_path
from ambient_components.platform.contract import IDLE_TIMEOUT_DEFAULT, Role
from ambient_components.rules.durations import format_seconds
from ambient_components.stackfile import Defaults
from ambient_components.stackfile.layers import RULES, Path, Rules

Entry = Mapping[str, Any]

_KEYS: Final = "keys"
_ACCESS: Final = frozenset({"owners", "grants"})
"""Fields that give access: as defaults they would give it in every later workspace too."""
_FIELDS: Final = frozenset(info.alias or name for name, info in Defaults.model_fields.items()) - {_KEYS}
_FEWEST: Final = 2
"""Fewest workspaces with defaults: the values of one are better read in its entry."""


_UNDONE: Final[Mapping[Path, Any]] = {
    ("owners",): [],
    ("grants",): [],
    ("settings", "idleTimeout"): format_seconds(IDLE_TIMEOUT_DEFAULT),
    ("settings", "mcpServers", "disabled"): [],
    ("limits", "network"): {"isolate": False, "allow": []},
    ("limits", "network", "isolate"): True,
    ("limits", "network", "allow"): [],
}
"""Values of an entry that undo those of the defaults."""
_MCP_SERVERS: Final = ("settings", "mcpServers")
"""Cannot be undone: an empty mapping removes the servers of the UI."""
_HARMLESS: Final = frozenset({"reviewers", "protect", "onClose"})
"""Fields that change nothing in the cluster: an adopted workspace takes them from the defaults."""


@dataclass(frozen=True, slots=True)
class Fitted:
    entry: dict[str, Any]
    left: tuple[str, ...]
    """Places in the entry at which the defaults add something that no entry can take away, such as `labels.team`: the
    first run writes it to the cluster.
    """


@dataclass(frozen=True, slots=True)
class Factored:
    defaults: dict[str, Any]
    entries: dict[str, dict[str, Any]]


def factor(entries: Mapping[str, Entry]) -> Factored:
    """Return the values that all entries share as defaults, but no access."""
    kept = {name: dict(entry) for name, entry in entries.items()}
    if len(entries) < _FEWEST:
        return Factored({}, kept)
    parts = [{field: entry[field] for field in entry if field in _FIELDS - _ACCESS} for entry in entries.values()]
    defaults = _common(parts, RULES)
    kept = {name: _without(entry, defaults, RULES) for name, entry in kept.items()}
    return Factored(defaults, kept)


def fit(entry: Entry, defaults: Entry) -> Fitted:
    """Return the shortest entry with the same effect in the cluster below the defaults of an existing stack file.

    Fields that change nothing in the cluster, such as `reviewers` and the lifetime of keys, come from the defaults.
    """
    left: list[Path] = []
    shared = {field: value for field, value in defaults.items() if field in _FIELDS - _HARMLESS}
    fitted = _fit({field: value for field, value in entry.items() if field != _KEYS}, shared, RULES, (), left)
    of_keys = defaults.get(_KEYS)
    keys = entry.get(_KEYS)
    if keys:
        role = of_keys.get("role") if isinstance(of_keys, Mapping) else None
        fitted[_KEYS] = {key_id: _with_role(key, role) for key_id, key in keys.items()}
    return Fitted(fitted, tuple(sorted(map(format_path, left))))


def _with_role(key: Entry, role: object) -> dict[str, Any]:
    own = key.get("role", Role.EDIT.value)
    rest = {field: value for field, value in key.items() if field != "role"}
    return {**rest, "role": own} if own != (role or Role.EDIT.value) else rest


def _fit(entry: Entry, defaults: Entry, rules: Rules, path: Path, left: list[Path]) -> dict[str, Any]:
    """Return what an entry adds to the defaults; `left` receives what it cannot take away."""
    kept: dict[str, Any] = {}
    for key, value in entry.items():
        under, below = defaults.get(key), rules.at(key)
        if key in defaults and _equal(value, under):
            continue
        if isinstance(value, dict) and isinstance(under, dict) and not below.whole:
            if inner := _fit(value, under, below, (*path, key), left):
                kept[key] = inner
        else:
            kept[key] = value
    return kept | _undone({key: value for key, value in defaults.items() if key not in entry}, rules, path, left)


def _undone(defaults: Entry, rules: Rules, path: Path, left: list[Path]) -> dict[str, Any]:
    """Return the values that undo defaults of which the entry has nothing."""
    kept: dict[str, Any] = {}
    for key, value in defaults.items():
        here = (*path, key)
        if here in _UNDONE:
            if not _equal(value, _UNDONE[here]):
                kept[key] = _UNDONE[here]
        elif here == _MCP_SERVERS or rules.at(key).whole or not isinstance(value, dict):
            left.append(here)
        elif inner := _undone(value, rules.at(key), here, left):
            kept[key] = inner
    return kept


def _common(parts: Sequence[Entry], rules: Rules) -> dict[str, Any]:
    first, *others = parts
    common: dict[str, Any] = {}
    for key, value in first.items():
        if not all(key in other for other in others):
            continue
        values = [value, *(other[key] for other in others)]
        below = rules.at(key)
        if all(_equal(value, other) for other in values):
            common[key] = value
        elif not below.whole and all(isinstance(value, dict) for value in values) and (inner := _common(values, below)):
            common[key] = inner
    return common


def _without(entry: Entry, defaults: Entry, rules: Rules) -> dict[str, Any]:
    """Return the entry without what the defaults have; they have nothing that the entry lacks."""
    kept: dict[str, Any] = {}
    for key, value in entry.items():
        if key not in defaults:
            kept[key] = value
        elif not _equal(value, defaults[key]):
            kept[key] = _without(value, defaults[key], rules.at(key)) if isinstance(defaults[key], dict) else value
    return kept


def _equal(one: object, other: object) -> bool:
    """Return whether two values are the same in YAML, where true is not 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and one == other
