"""JSON values in a ConfigMap's `data`, compressed if they are long."""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.shards.digest import canonical

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
