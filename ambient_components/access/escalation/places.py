"""Workspaces as the checks of the escalation report see them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ambient_components.access.entries import Entry
from ambient_components.access.escalation.effects import advice_for, effect_of
from ambient_components.access.escalation.findings import Finding, Severity
from ambient_components.access.role_assignments import OWNER, RoleAssignment, of_ledger
from ambient_components.model.keys import KeyRecord
from ambient_components.platform.contract import Role
from ambient_components.rules.escalation_paths import Path
from ambient_components.rules.roles import MINTERS

VIEW: Final = Role.VIEW.value
EDIT: Final = Role.EDIT.value
ADMIN: Final = Role.ADMIN.value


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    entry: Entry
    assignments: tuple[RoleAssignment, ...]
    minters: tuple[RoleAssignment, ...]
    """Assignments of edit or admin, keys included: these can mint tokens and run sessions."""

    editors: tuple[RoleAssignment, ...]
    """Assignments of edit to subjects without admin."""

    @classmethod
    def of(cls, name: str, entry: Entry, assignments: Iterable[RoleAssignment] | None = None) -> "Place":
        ordered = tuple(sorted(of_ledger({name: entry}) if assignments is None else assignments))
        # A subject with two grants has them one after the other.
        owners = {assignment.subject for assignment in ordered if assignment.reason == OWNER}
        minters = tuple(assignment for assignment in ordered if assignment.role in MINTERS)
        editors = tuple(minter for minter in minters if minter.role == EDIT and minter.subject not in owners)
        return cls(name, entry, ordered, minters, editors)

    @property
    def runs_sessions(self) -> bool:
        return not self.entry.is_closed

    @property
    def isolates_network(self) -> bool:
        """Whether it declares `limits.network`, which isolates by default; the ledger has no more of it."""
        return "network" in self.entry.limits

    @property
    def exposed_admin_keys(self) -> tuple[str, ...]:
        """Ids of admin keys that a subject with edit can take over, sorted."""
        return tuple(sorted(key for key, what in self.entry.keys.items() if what.role == ADMIN)) if self.editors else ()

    def finding(
        self,
        path: Path,
        severity: Severity,
        who: tuple[RoleAssignment, ...],
        can: str,
        how: str,
        *remedy: str,
        becomes: str | None = None,
        keys: tuple[str, ...] = (),
        minted_in: "Place | None" = None,
    ) -> Finding:
        """Return a finding with what the guard of the place where it begins does about it, or could do."""
        begins = (minted_in or self).entry.guard
        advice = advice_for(begins, path) if minted_in in (None, self) else ()
        return Finding(
            self.name, path, severity, who, can, becomes, how, (*remedy, *advice), keys, effect_of(begins, path)
        )

    def keys_where(self, test: Callable[[KeyRecord], object]) -> tuple[str, ...]:
        return tuple(sorted(key_id for key_id, key in self.entry.keys.items() if test(key)))


def named(ids: Iterable[str]) -> str:
    """Return keys for a sentence: `key ci`, `keys ci, report`."""
    listed = list(ids)
    return f"{'key' if len(listed) == 1 else 'keys'} {', '.join(listed)}"


def fields(ids: Iterable[str], field: str) -> str:
    """Return the paths of a field of keys in the stack file: `keys.ci.role`."""
    return ", ".join(f"keys.{key_id}.{field}" for key_id in ids)
