"""Where the values of a workspace's secrets come from, as its entry in the ledger says."""

from collections.abc import Mapping
from typing import Any, Final

STORAGE: Final = "storage"
"""Kind of the credentials of a bucket that others made; they are no variables of sessions."""

UNKNOWN: Final = ""
"""The source of an entry that names variables alone, as an earlier version recorded them."""


def secret_sources(entry: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the source of each value by kind and variable, such as `config payments/anthropic`; never a value.

    Args:
        entry: of a ledger. What is not of the expected form is left out.
    """
    secrets = entry.get("secrets")
    found: dict[tuple[str, str], str] = {}
    for kind, variables in secrets.items() if isinstance(secrets, Mapping) else ():
        if isinstance(variables, Mapping):
            found |= {(str(kind), str(name)): str(source) for name, source in variables.items()}
        elif isinstance(variables, list):
            found |= {(str(kind), str(name)): UNKNOWN for name in variables}
    return found
