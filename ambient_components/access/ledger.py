"""A stack's whole access and its bones, as the AccessLedger records them, and what a change of them may not do.

No secret is ever in it: it is shown in every diff.
"""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

ACTIVE: Final = "active"
CLOSED: Final = "closed"


class KeyEntry(TypedDict):
    """An API key: what it may do, and for how long each of its tokens lives."""

    role: str
    lifetimeSeconds: int
    generation: int


class Entry(TypedDict):
    """One workspace."""

    state: str
    """active, or closed: no access by grants and keys, the data stays."""
    owners: list[str]
    """Subjects of the hidden owner bindings, sorted."""
    grants: dict[str, str]
    """Role by subject, in force now."""
    keys: dict[str, KeyEntry]
    """By key id."""


Ledger = dict[str, Entry]
"""By workspace name."""


def refusals(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why this change must not be deployed; nothing, where it may.

    An entry may leave the files only in a run after one in which it was closed: what is lost by a slip (a file not
    read, a line deleted in a merge) must not delete a namespace with everything in it.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
    """
    problems = []
    for name in sorted(before.keys() - after.keys()):
        state = before[name].get("state", ACTIVE)
        if state == ACTIVE:
            problems.append(
                f"workspace {name!r} is gone from the files, but it was not closed: nothing is changed. If that is a "
                f"slip, put the entry back. To delete the workspace, write 'state: closed' in its entry and deploy: "
                "that ends every grant and key; then remove the entry and deploy again: that deletes the namespace"
            )
    return problems
