"""Our part of an object that others write as well: what to change in it, and what to leave alone.

The platform's operator makes ProjectSettings and LimitRange by itself, its UI flips single flags and saves whole
Secrets. Of such an object a stack declares some fields. These functions say, for the fields declared before, the fields
declared now and the fields that are there, what has to be written. Pure; values are JSON, None stands for absent.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

Fields = Mapping[str, Any]

Drift = dict[str, Literal["added", "changed", "removed"]]
"""How what is there differs from what is declared, by field; no value is in it."""

MISSING: Final = object()


def merge_patch(before: Fields, after: Fields) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) from one mapping to another; empty where they are equal.

    Mappings are descended into, all else is replaced. None in `after` counts as absent, as it does in RFC 7386.
    """
    patch: dict[str, Any] = {key: None for key in before if after.get(key) is None}
    for key, value in after.items():
        old = before.get(key)
        if value is None or value == old:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            patch[key] = merge_patch(old, value)
        else:
            patch[key] = value
    return patch


def declared_over(live: Fields, declared: Fields, gone: Fields) -> dict[str, Any]:
    """The fields as they should be: ours where we declare them, others' where we don't.

    Args:
        live: what is there.
        declared: what is declared now.
        gone: what was declared until now and is not any more, each with the platform's default for it; None: remove.
    """
    wanted = {key: value for key, value in {**live, **gone}.items() if value is not None}
    return {**wanted, **declared}


def drift(declared: Fields, live: Fields) -> Drift:
    """How the whole of what is there differs from the whole of what is declared."""
    found: Drift = {}
    for key in sorted({*declared, *live}):
        if key not in live:
            found[key] = "removed"
        elif key not in declared:
            found[key] = "added"
        elif declared[key] != live[key]:
            found[key] = "changed"
    return found


def kept(before: Fields | None, declared: Fields, live: Fields) -> dict[str, Any]:
    """The fields where others' writing stays until ours changes (``onDrift: keep``).

    A field whose declaration changed since `before` is ours, one that left the declaration goes, and every other stays
    as it is there, also where somebody removed it.

    Args:
        before: what was declared until now; None where nothing is on record (a new resource, a lost state): then
            everything that is there and not empty stays, and what is missing is added.
        declared: what is declared now.
        live: what is there.
    """
    if before is None:
        return {**declared, **{key: value for key, value in live.items() if value not in (None, "")}}
    stays = {key: value for key, value in live.items() if key in declared or key not in before}
    changed = {key: value for key, value in declared.items() if before.get(key, MISSING) != value}
    return {**stays, **changed}
