"""Findings of the escalation report (path, subjects, role, remedies), and workspaces as its checks see them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ambient_components.access.entries import Entry
from ambient_components.access.role_assignments import RoleAssignment, of_ledger
from ambient_components.model.guard import Guard
from ambient_components.model.keys import KeyRecord
from ambient_components.platform.contract import Role
from ambient_components.rules.guard import RULES, GuardMode, GuardSharing
from ambient_components.rules.roles import MINTERS


class Severity(StrEnum):
    HIGH = "high"
    """Leads to a role in a workspace that was not granted."""

    MEDIUM = "medium"
    """Leads to a secret, to access that outlives its grant, or to more than a role in some installations."""

    LOW = "low"
    """Part of the platform's role, so only another role removes it."""

    CLOSED = "closed"
    """The cluster's guard refuses it."""


class Path(StrEnum):
    """Kind of an escalation path, worst first within a severity."""

    UNDECLARED_ACCESS = "undeclaredAccess"
    ADMIN_KEY = "adminKey"
    ACCOUNT = "account"
    ACTING_KEY = "actingKey"
    STATIC_KEY = "staticKey"
    CREATOR_NOTE = "creatorNote"
    SESSION_USER = "sessionUser"
    ACTING_SCHEDULE = "actingSchedule"
    STORE_IN_PODS = "storeInPods"
    KEPT_TOKEN = "keptToken"  # noqa: S105 - a word
    SESSION_SECRETS = "sessionSecrets"
    PLATFORM_ACCOUNT = "platformAccount"
    RUNNER_SECRET = "runnerSecret"  # noqa: S105 - a word
    GRANTS_EDIT = "grantsEdit"
    REMOVES_ACCESS = "removesAccess"
    DELIVERED_KEY = "deliveredKey"


MEANINGS: Final[Mapping[Path, str]] = {
    Path.UNDECLARED_ACCESS: "others gave access in the cluster",
    Path.ADMIN_KEY: "edit takes over an admin key",
    Path.ACCOUNT: "others take a service account's role",
    Path.ACTING_KEY: "edit and a key act as its user",
    Path.STATIC_KEY: "sessions read the token of a static key",
    Path.CREATOR_NOTE: "edit and admin act as any user, with SSO",
    Path.SESSION_USER: "edit and admin run sessions as any user",
    Path.ACTING_SCHEDULE: "sessions of a schedule act for a user",
    Path.STORE_IN_PODS: "every role reads the store's credentials",
    Path.KEPT_TOKEN: "edit and admin keep the power of keys",
    Path.SESSION_SECRETS: "sessions read the workspace's secrets",
    Path.PLATFORM_ACCOUNT: "edit reads every Secret, as a session",
    Path.RUNNER_SECRET: "edit reads the keys of language models",
    Path.GRANTS_EDIT: "edit gives edit to others",
    Path.REMOVES_ACCESS: "edit takes others' access away",
    Path.DELIVERED_KEY: "a Secret elsewhere holds a key",
}


@dataclass(frozen=True, slots=True)
class Finding:
    workspace: str
    path: Path
    severity: Severity
    who: tuple[RoleAssignment, ...]
    """Subjects that can take the path, sorted. Empty if they are not in the ledger; `how` describes them."""

    can: str
    becomes: str | None
    """The role that the path leads to; None if it leads to something else."""

    how: str
    remedy: tuple[str, ...]
    keys: tuple[str, ...] = ()
    closed_by: str = ""
    """The rule of the guard that refuses the path; empty if it is open."""

    @property
    def rank(self) -> tuple[int, int, str]:
        return list(Severity).index(self.severity), list(Path).index(self.path), self.workspace


VIEW: Final = Role.VIEW.value
EDIT: Final = Role.EDIT.value
ADMIN: Final = Role.ADMIN.value


_CLOSED_BY: Final = {path: rule for rule, what in RULES.items() for path in what.closes}
"""Rule by the path that it closes."""


def closing_rule(guard: Guard, path: Path) -> str:
    """Return the rule with which a guard refuses a path; empty if it lets it through."""
    rule = _CLOSED_BY.get(path)
    if rule is None or guard.mode is not GuardMode.DENY or rule in guard.off:
        return ""
    # People may give edit as long as nothing keeps them from sharing it.
    return "" if path is Path.GRANTS_EDIT and guard.sharing is GuardSharing.OWN else rule.value


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
        admins = {assignment.subject for assignment in ordered if assignment.role == ADMIN}
        minters = tuple(assignment for assignment in ordered if assignment.role in MINTERS)
        return cls(name, entry, ordered, minters, tuple(minter for minter in minters if minter.subject not in admins))

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
        """Return a finding; one that the guard of the place where it begins refuses is closed."""
        rule = closing_rule((minted_in or self).entry.guard, path)
        return Finding(
            self.name, path, Severity.CLOSED if rule else severity, who, can, becomes, how, remedy, keys, rule
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
