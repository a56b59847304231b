"""Role assignments: subject, role, workspace and reason, in one form for stack files, ledgers and clusters.

A group is a subject itself: only the identity provider knows its members.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components.access.entries import Entry, Ledger

OWNER: Final = "owner"
GRANT: Final = "grant"
KEY: Final = "key"
"""Reasons for declared access, or access that was created in the platform's UI."""

PLATFORM: Final = "platform"
"""Reason for the platform operator's and OpenShift's own accounts."""

NO_ROLE: Final = "none"
"""Role of a key without a RoleBinding: it has no rights, but its token is still valid."""


@dataclass(frozen=True, slots=True, order=True)
class RoleAssignment:
    workspace: str
    subject: str
    """user:NAME, group:NAME, pipeline:NAME, serviceaccount:NAMESPACE:NAME; key:ID for a key of this workspace."""
    role: str
    """view, edit or admin; any other role in RBAC's notation, such as ClusterRole/cluster-admin; none."""
    reason: str
    """owner, grant or key; for other access its object, such as ``RoleBinding debug``. For further reasons in clusters
    see `live`.
    """

    def seen_from(self, workspace: str) -> str:
        """Return subject and role, and the workspace if it is another one: ``key ci (edit in payments)``."""
        name = f"key {self.subject.removeprefix(f'{KEY}:')}" if self.reason == KEY else self.subject
        return f"{name} ({self.role}{'' if self.workspace == workspace else f' in {self.workspace}'})"


def of_ledger(ledger: Ledger) -> frozenset[RoleAssignment]:
    """Return the role assignments in a ledger, which comes from files or from a state. Owners have admin.

    For files see `program.ledger.ledger_of`.
    """
    return frozenset(assignment for name, entry in ledger.items() for assignment in _of_entry(name, entry))


def _of_entry(workspace: str, entry: Entry) -> Iterator[RoleAssignment]:
    yield from (RoleAssignment(workspace, owner, "admin", OWNER) for owner in entry.owners)
    yield from (RoleAssignment(workspace, who, role, GRANT) for who, role in entry.grants.items())
    yield from (RoleAssignment(workspace, f"{KEY}:{key_id}", key.role, KEY) for key_id, key in entry.keys.items())


@dataclass(frozen=True, slots=True)
class AccessDiff:
    """The difference between two sets of role assignments: `before - lost + gained` is the new set."""

    gained: tuple[RoleAssignment, ...]
    lost: tuple[RoleAssignment, ...]
    kept: tuple[RoleAssignment, ...] = ()
    """Unchanged assignments of subjects in the other two, sorted: an owner who loses a grant keeps admin."""


def access_diff(before: Collection[RoleAssignment], after: Collection[RoleAssignment]) -> AccessDiff:
    """Return the difference. A changed role is one lost and one gained assignment."""
    old, new = frozenset(before), frozenset(after)
    changed = {(assignment.workspace, assignment.subject) for assignment in old ^ new}
    kept = (assignment for assignment in old & new if (assignment.workspace, assignment.subject) in changed)
    return AccessDiff(tuple(sorted(new - old)), tuple(sorted(old - new)), tuple(sorted(kept)))
