"""Pulumi's marking of secrets and other special values in JSON: one key, with a signature that names the kind.

It is the same in states, previews and the provider protocol (sdk/go/common/resource/sig in Pulumi 3.274).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # a signature
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""In the place of a value that is not known yet."""


def is_secret(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get(SIGNATURE_KEY) == SECRET


def without_secrets(value: Any, shown: str) -> Any:
    """Return a JSON value with every secret replaced by a text. The same secret is encrypted differently each time."""
    if is_secret(value):
        return shown
    if isinstance(value, Mapping):
        return {key: without_secrets(item, shown) for key, item in value.items()}
    return [without_secrets(item, shown) for item in value] if isinstance(value, list) else value


def plain_text(value: Any) -> str | None:
    """Return a string from a state that shows its secrets. None if it is encrypted or not a string."""
    if is_secret(value):
        try:
            value = json.loads(value.get("plaintext") or "null")
        except (TypeError, ValueError):
            return None
    return value if isinstance(value, str) else None
