"""Canonical JSON, digests that detect changes without storing the values, and compressed values for a ConfigMap."""

import base64
import binascii
import gzip
import hashlib
import hmac
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.errors import reject


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

    Raises:
        ValueError: The key is empty.
    """
    if not key:
        reject("the key of the digests is empty", "set fleetKey in the stack's config (ambient init FLEET --shards N)")
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


PACKED_OVER: Final = 300_000
"""Maximum bytes of uncompressed JSON. A ConfigMap holds 1 MiB, and two keys of a record can be long."""

PACKED: Final = ".gz"
"""The key suffix of a value that is compressed with gzip and encoded in base64."""


def pack(data: dict[str, str], key: str, value: Any) -> None:
    """Put a JSON value into a ConfigMap's `data`, under its key or, if compressed, under the key plus `PACKED`."""
    text = canonical(value)
    if len(text.encode()) > PACKED_OVER:
        # No timestamp, so equal values have equal bytes.
        data[key + PACKED] = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    else:
        data[key] = text


def unpack(data: Mapping[str, str], key: str) -> Any:
    """Read a value that `pack` wrote. Return None if there is none.

    Raises:
        ValueError: The value is invalid. The message names the key.
    """
    try:
        if key in data:
            return json.loads(data[key])
        if key + PACKED in data:
            return json.loads(gzip.decompress(base64.b64decode(data[key + PACKED], validate=True)))
    except (ValueError, OSError, EOFError, zlib.error, binascii.Error) as error:
        text = f"has a key {key!r} that can't be read ({error})"
        raise ValueError(text) from error
    return None
