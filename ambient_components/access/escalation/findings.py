"""Findings of the escalation report: path, severity, subjects, role, remedies, and what the guard does about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.rules.escalation_paths import Path
from ambient_components.rules.guard import GuardRule


class Severity(StrEnum):
    HIGH = "high"
    """Leads to a role in a workspace that was not granted."""

    MEDIUM = "medium"
    """Leads to a secret, to access that outlives its grant, or to more than a role in some installations."""

    LOW = "low"
    """Part of the platform's role, so only another role removes it."""

    CLOSED = "closed"
    """The cluster's guard refuses it."""


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
    Path.PIPELINE: "who may push has a pipeline's role",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What the guard does about a path where all of its rules are in force."""

    rules: tuple[GuardRule, ...]
    """Rules that it takes, first the one that refuses the path itself; the others refuse the ways around it."""

    remains: str = ""
    """What stays open; empty if the path is closed."""


@dataclass(frozen=True, slots=True)
class Finding:
    workspace: str
    path: Path
    unguarded: Severity
    """The severity where the cluster has no guard."""

    who: tuple[RoleAssignment, ...]
    """Subjects that can take the path, sorted. Empty if they are not in the ledger; `how` describes them."""

    can: str
    becomes: str | None
    """The role that the path leads to; None if it leads to something else."""

    how: str
    remedy: tuple[str, ...]
    keys: tuple[str, ...] = ()
    effect: Effect | None = None
    """What the declared guard does about it; None for nothing."""

    @property
    def closed_by(self) -> str:
        """The rule of the guard that refuses the path; empty if it is open."""
        return self.effect.rules[0].value if self.effect and not self.effect.remains else ""

    @property
    def weakened_by(self) -> str:
        """The rule of the guard that leaves a part of the path; empty if it leaves all or nothing."""
        return self.effect.rules[0].value if self.effect and self.effect.remains else ""

    @property
    def severity(self) -> Severity:
        """The severity, taking it that the cluster has the declared guard."""
        return Severity.CLOSED if self.closed_by else self.unguarded

    @property
    def rank(self) -> tuple[int, int, str]:
        return list(Severity).index(self.severity), list(Path).index(self.path), self.workspace
