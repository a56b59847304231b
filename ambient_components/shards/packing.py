"""Values of a ConfigMap's `data`: JSON, and compressed where it is long."""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.shards.digest import canonical

PACKED_OVER: Final = 300_000
"""Bytes of JSON; what is longer is stored compressed. A ConfigMap takes 1 MiB, and two keys of a record can be long."""

PACKED: Final = ".gz"
"""Behind the key of a value that is compressed, by gzip and base64."""


def pack(data: dict[str, str], key: str, value: Any) -> None:
    """Put a JSON value into a ConfigMap's `data`, under its key or that with `PACKED` behind it."""
    text = canonical(value)
    if len(text.encode()) > PACKED_OVER:
        # Without a time in it: equal values have equal bytes.
        data[key + PACKED] = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    else:
        data[key] = text


def unpack(data: Mapping[str, str], key: str) -> Any:
    """Read what `pack` wrote; None, where there is nothing.

    Raises:
        ValueError: it can't be read; says which key it is.
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
