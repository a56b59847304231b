"""What an error may quote: nothing that could be a secret, be it a value or a key in the wrong place."""

from collections.abc import Sequence
from typing import Final

from ambient_components.contract import RUNNER_SECRET_KEYS
from ambient_components.errors import PathPart, format_path

HIDDEN: Final = "…"
"""Stands for a key that isn't quoted."""

_OPEN_SECTIONS: Final = frozenset({"displayName", "description", "owners", "grants", "keys", "protect", "state"})
_SECRET_WORDS: Final = frozenset({"secrets", "runner", "config", *RUNNER_SECRET_KEYS})
_WORKSPACE_FIELD: Final = 3


def is_private(path: Sequence[PathPart]) -> bool:
    """Tell whether what stands at a path, keys included, must not be quoted.

    Private is everything below a workspace's `secrets`, and below a section that isn't known: it may be `secrets`,
    misspelled or wrongly indented.
    """
    if path[:1] != ("workspaces",) and path[:1] != ["workspaces"]:
        return len(path) > 1
    return len(path) > _WORKSPACE_FIELD and path[_WORKSPACE_FIELD - 1] not in _OPEN_SECTIONS


def public_path(path: Sequence[PathPart]) -> str:
    """Write a path for a report, with the private keys that aren't part of our vocabulary as `…`."""
    return format_path(
        part if isinstance(part, int) or part in _SECRET_WORDS or not is_private(path[: depth + 1]) else HIDDEN
        for depth, part in enumerate(path)
    )
