"""Merging of declared fields into objects that others write as well.

The platform's operator creates ProjectSettings and LimitRanges, and its UI changes single flags and saves whole
Secrets. A stack declares some fields of such objects. These pure functions compute what to write from the previously
declared, the declared and the live fields. Values are JSON; None means absent.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

Fields = Mapping[str, Any]

Drift = dict[str, Literal["added", "changed", "removed"]]
"""Difference of the live object from the declaration, by field, without values."""

MISSING: Final = object()


def merge_patch(before: Fields, after: Fields) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) from one mapping to another; empty if they are equal.

    Nested mappings are merged, all other values are replaced. None in `after` counts as absent, as in RFC 7386.
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
    """Return the desired fields: the declared ones over the live ones.

    Args:
        live: The live fields.
        declared: The declared fields.
        gone: Fields that are no longer declared, each with the platform's default; None removes the field.
    """
    wanted = {key: value for key, value in {**live, **gone}.items() if value is not None}
    return {**wanted, **declared}


def drift(declared: Fields, live: Fields) -> Drift:
    """Return how the complete live object differs from the complete declaration."""
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
    """Return the fields of an object for which others' changes stay until the declaration changes (``onDrift: keep``).

    A field with a changed declaration is overwritten, a field that is no longer declared is removed, and every other
    field keeps its live state, even if it was removed.

    Args:
        before: The previously declared fields; None if unknown (a new resource, a lost state): then all live values
            that are not empty stay, and missing ones are added.
        declared: The declared fields.
        live: The live fields.
    """
    if before is None:
        return {**declared, **{key: value for key, value in live.items() if value not in (None, "")}}
    stays = {key: value for key, value in live.items() if key in declared or key not in before}
    changed = {key: value for key, value in declared.items() if before.get(key, MISSING) != value}
    return {**stays, **changed}
