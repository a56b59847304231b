"""Workspaces as the checks for escalation paths see them, and the namespaces of ServiceAccounts with access.

Those who can mint tokens in a namespace can act as its ServiceAccounts, in every notation of a subject.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.access.entries import BucketEntry, Entry, KeyEntry
from ambient_components.access.role_assignments import RoleAssignment, of_ledger
from ambient_components.platform.contract import Role
from ambient_components.rules.roles import MINTERS

_ACCOUNT: Final = "serviceaccount:"
_USER: Final = "user:system:serviceaccount:"
_GROUP: Final = "group:system:serviceaccounts:"

VIEW: Final = Role.VIEW.value
EDIT: Final = Role.EDIT.value
ADMIN: Final = Role.ADMIN.value


def home_of(subject: str) -> str | None:
    """Return the namespace of a subject's ServiceAccounts; None for other subjects and for all ServiceAccounts.

    Kubernetes names them `system:serviceaccount:NAMESPACE:NAME`, and adds each to the group
    `system:serviceaccounts:NAMESPACE`.

    Args:
        subject: Subject in the ledger's notation.
    """
    for prefix in (_ACCOUNT, _USER, _GROUP):
        if subject.startswith(prefix):
            return subject.removeprefix(prefix).split(":", 1)[0] or None
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace."""

    name: str

    entry: Entry

    assignments: tuple[RoleAssignment, ...]
    """Role assignments in this workspace, sorted."""

    minters: tuple[RoleAssignment, ...]
    """Assignments of edit or admin, keys included: these can mint tokens and run sessions."""

    editors: tuple[RoleAssignment, ...]
    """Assignments of edit to subjects without admin."""

    @classmethod
    def of(cls, name: str, entry: Entry, assignments: Iterable[RoleAssignment] | None = None) -> "Place":
        """Return the workspace, with its role assignments if they are known already."""
        found = tuple(sorted(of_ledger({name: entry}) if assignments is None else assignments))
        admins = {one.subject for one in found if one.role == ADMIN}
        minters = tuple(one for one in found if one.role in MINTERS)
        return cls(name, entry, found, minters, tuple(one for one in minters if one.subject not in admins))

    @property
    def keys(self) -> Mapping[str, KeyEntry]:
        """Keys by id."""
        return self.entry.keys

    @property
    def bucket(self) -> BucketEntry | None:
        """Its own bucket with credentials in sessions; None for the platform's shared store."""
        return self.entry.bucket

    @property
    def runs_sessions(self) -> bool:
        """Whether the platform lists it."""
        return not self.entry.is_closed

    @property
    def exposed_admin_keys(self) -> tuple[str, ...]:
        """Ids of admin keys that a subject with edit can take over, sorted."""
        return tuple(sorted(key for key, what in self.keys.items() if what.role == ADMIN)) if self.editors else ()

    def keys_where(self, test: Callable[[KeyEntry], object]) -> tuple[str, ...]:
        """Return the sorted ids of the keys that pass a test."""
        return tuple(sorted(key_id for key_id, key in self.keys.items() if test(key)))


def named(ids: Iterable[str]) -> str:
    """Return keys for a sentence: `key ci`, `keys ci, report`."""
    listed = list(ids)
    return f"{'key' if len(listed) == 1 else 'keys'} {', '.join(listed)}"


def fields(ids: Iterable[str], field: str) -> str:
    """Return the paths of a field of keys in the stack file: `keys.ci.role`."""
    return ", ".join(f"keys.{key_id}.{field}" for key_id in ids)
