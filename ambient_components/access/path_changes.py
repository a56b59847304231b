"""Paths of plain data in the ledger and in objects, and the differences between two versions of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ambient_components.errors import PathPart

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class PathChange:
    """One difference, such as ``workspaces.payments.grants["group:devs"]``, and its kind."""

    path: str
    kind: Literal["add", "delete", "update"]


def child(path: str, key: str) -> str:
    """Return the path of a key below a path, quoted if necessary."""
    if _PLAIN.fullmatch(key):
        return f"{path}.{key}" if path else key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{escaped}"]'


def path_of(parts: Iterable[PathPart]) -> str:
    """Return a path such as ``keys.ci.role``, ``owners[0]`` or ``grants["user:bob"]``."""
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else child(path, part)
    return path


def changed_paths(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[PathChange]:
    """Yield all differences at their deepest path; an added or removed mapping is one difference."""
    for key in sorted({*before, *after}):
        here = child(path, key)
        if key not in after:
            yield PathChange(here, "delete")
        elif key not in before:
            yield PathChange(here, "add")
        elif isinstance(before[key], Mapping) and isinstance(after[key], Mapping):
            yield from changed_paths(before[key], after[key], here)
        elif before[key] != after[key]:
            yield PathChange(here, "update")
