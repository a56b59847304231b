"""Objects as a hostile workspace user writes them: a real object with one field replaced, for every field."""

import copy
from collections.abc import Iterator, Mapping

from hypothesis import strategies as st

ESCAPES = "\x1b]0;x\x07\r\n::error title=x::y\u202e\u200b"
DEEP: object = None
for _ in range(120):
    DEEP = {"a": DEEP}
ASSET = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
NO_SIGNATURE = {"4dabf18193072939515e22adb298388d": "no signature of anything"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

TEXTS = (
    "",
    ESCAPES,
    "x" * 25_000,
    "9" * 5_000,
    "-1",
    "\u0669",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-01-01",
    "!!!! not base64",
    "/w==",
    UNKNOWN,
)
"""Texts that an annotation, a label or a value of a Secret may have."""

VALUES = (*TEXTS, None, True, -1, 10**30, 1e308, [], {}, [None, "x", {}], {"x": {"y": []}}, DEEP, ASSET, NO_SIGNATURE)
"""What a field without a schema may have, and any field of a server that is not what it seems."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
"""Anything that an API server could answer with, and more."""


def paths(value: object, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Every place in an object, the object itself first."""
    yield at
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from paths(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*at, index))


def replaced(value, at, by):
    """The object with something else in one place."""
    if not at:
        return by
    changed = copy.deepcopy(value)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = by
    return changed


def added(one, field, value):
    """The object with one more field in its metadata."""
    return {**one, "metadata": {**one["metadata"], field: value}}


FIELDS = {
    "annotations": {"a/b": ESCAPES, **{f"n{number}": "x" * 1000 for number in range(50)}},
    "creationTimestamp": "0001-01-01T00:00:00Z",
    "deletionTimestamp": "2026-01-01T00:00:00Z",
    "finalizers": ["example.com/mine", *(f"example.com/{number}" for number in range(500))],
    "managedFields": [{"fieldsV1": DEEP}],
    "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u"}],
}
"""Fields of metadata that a user of a workspace may set."""


def variants(one, keep=()) -> Iterator[dict]:
    """The object with each field replaced by each hostile value, and with each field of metadata that may be added.

    Args:
        one: A real object.
        keep: Places that stay, as the server itself guarantees them.
    """
    kept = (("metadata",), *(("metadata", field) for field in ("name", "namespace", "uid", "resourceVersion")), *keep)
    for field, value in FIELDS.items():
        yield added(one, field, value)
    for at in paths(one):
        if at and at not in kept:
            for value in VALUES:
                yield replaced(one, at, value)
