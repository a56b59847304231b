"""Who holds which role in which workspace, and why: one form for stack files, for a stack's ledger, and for a cluster.

A group is itself a subject: who is in it, the identity provider alone knows.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components.access.entries import Entry, Ledger

OWNER: Final = "owner"
GRANT: Final = "grant"
KEY: Final = "key"
"""Reasons of what files declare, and the platform's UI makes."""

PLATFORM: Final = "platform"
"""Reason of what the platform's operator, or OpenShift, makes for accounts of its own."""

NO_ROLE: Final = "none"
"""Role of a key whose RoleBinding is not there: it may do nothing, and its token is still somebody's."""


@dataclass(frozen=True, slots=True, order=True)
class Holding:
    """One role of one subject in one workspace."""

    workspace: str
    subject: str
    """user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME; key:ID for a key of this workspace."""
    role: str
    """view, edit or admin; any other as RBAC names it, such as ClusterRole/cluster-admin; none."""
    reason: str
    """owner, grant or key; of what neither files nor the platform's UI can make, the object that gives it, such as
    ``RoleBinding debug``; see `live` for the few others of a cluster."""


def of_ledger(ledger: Ledger) -> frozenset[Holding]:
    """The access that a ledger holds, be it of the files (`fleet.ledger_of`) or of a state. An owner is an admin."""
    return frozenset(holding for name, entry in ledger.items() for holding in _of_entry(name, entry))


def _of_entry(workspace: str, entry: Entry) -> Iterator[Holding]:
    yield from (Holding(workspace, owner, "admin", OWNER) for owner in entry.owners)
    yield from (Holding(workspace, who, role, GRANT) for who, role in entry.grants.items())
    yield from (Holding(workspace, f"{KEY}:{key_id}", key.role, KEY) for key_id, key in entry.keys.items())


@dataclass(frozen=True, slots=True)
class AccessDiff:
    """What a change of access comes to: `before - lost + gained` is what is held after it."""

    gained: tuple[Holding, ...]
    """Sorted."""
    lost: tuple[Holding, ...]
    """Sorted."""


def access_diff(before: Collection[Holding], after: Collection[Holding]) -> AccessDiff:
    """The difference. A role that changes is one lost and one gained."""
    old, new = frozenset(before), frozenset(after)
    return AccessDiff(tuple(sorted(new - old)), tuple(sorted(old - new)))
