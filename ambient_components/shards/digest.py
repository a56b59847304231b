"""Digests that detect changes without storing the values."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def canonical(value: Any) -> str:
    """Return the canonical spelling of a JSON value: sorted keys, no whitespace.

    Raises:
        TypeError: A value has a type that JSON does not have.
        ValueError: A number is not finite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(parts: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything that a run depends on, in hex. The order of the parts does not matter.

    Args:
        parts: JSON values by name. For secrets, pass only their `secret_mark`.

    Raises:
        TypeError, ValueError: See `canonical`.
    """
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def secret_mark(key: bytes, value: str) -> str:
    """Return a keyed digest of a secret value, in hex. It tells only whether two values are equal.

    Args:
        key: The fleet's key. Without a key, a short value could be guessed.
        value: The secret.

    Raises:
        ValueError: The key is empty.
    """
    if not key:
        text = "the key of the marks is empty; set fleetKey in the stack's config (ambient init FLEET --shards N)"
        raise ValueError(text)
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
