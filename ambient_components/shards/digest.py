"""Marks by which a run sees that nothing changed, without keeping what it saw."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def canonical(value: Any) -> str:
    """One spelling for equal JSON values: sorted keys, no blanks.

    Raises:
        TypeError: it holds something that JSON does not know.
        ValueError: it holds a number that JSON does not know.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(parts: Mapping[str, Any]) -> str:
    """SHA-256 of what a run depends on, in hex: equal for equal parts, in whatever order they were gathered.

    Args:
        parts: JSON values by what they are; of secrets only their marks.

    Raises:
        TypeError, ValueError: as `canonical`.
    """
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def secret_mark(key: bytes, value: str) -> str:
    """Mark of a secret value, in hex: it tells whether the value is the same, and nothing else.

    Args:
        key: of the fleet; without it a short value could be found by trying.
        value: the secret.

    Raises:
        ValueError: the key is empty.
    """
    if not key:
        text = "the key of the marks is empty; set fleetKey in the stack's config (ambient init FLEET --shards N)"
        raise ValueError(text)
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
