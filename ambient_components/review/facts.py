"""What the page of a review shows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ambient_components.access.access_tests import Result
from ambient_components.access.effective import Row
from ambient_components.access.escalation.findings import Finding, Severity
from ambient_components.access.role_assignments import KEY, PLATFORM, RoleAssignment
from ambient_components.plan.role_changes import RoleChange
from ambient_components.stacks.access_report import Report
from ambient_components.stacks.deployed import DeployedKey

_SIMPLE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences from an earlier state."""

    since: str
    """The file, and its time if known."""
    roles: tuple[RoleChange, ...]
    workspaces: tuple[tuple[str, str, str], ...]
    """Workspace, its state before, and its state now."""
    keys: tuple[tuple[str, str, str], ...] | None
    """Workspace, key, and what happened to it. None if the page has no keys, as of files."""
    findings: tuple[tuple[str, str, str], ...]
    """Workspace, escalation path, and whether it is new or gone."""

    @property
    def count(self) -> int:
        return sum(len(part or ()) for part in (self.roles, self.workspaces, self.keys, self.findings))


@dataclass(frozen=True, slots=True)
class Review:
    access: Report
    now: datetime
    states: Mapping[str, str]
    """The state of each shown workspace, sorted."""
    findings: tuple[Finding, ...] = ()
    """Worst first."""
    keys: tuple[DeployedKey, ...] = ()
    state_at: datetime | None = None
    """The time of the run that wrote the state."""
    changes: Changes | None = None
    findings_first: bool = False
    """Whether the page is about findings rather than about access."""
    tests: tuple[Result, ...] = ()

    @property
    def people(self) -> list[Row]:
        """Rows of users, groups and ServiceAccounts, without keys and the platform's own accounts."""
        return [row for row in self.access.rows if not is_key(row.assignments[0]) and not is_own(row)]

    @property
    def high(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.HIGH]


def is_key(assignment: RoleAssignment) -> bool:
    """Return whether a role is one of a key."""
    return assignment.subject.startswith(f"{KEY}:") or assignment.reason == KEY


def is_own(row: Row) -> bool:
    """Return whether a row is one of the platform's own accounts."""
    return all(assignment.reason == PLATFORM for assignment in row.assignments)


class Ids:
    """The ids of workspaces, subjects and paths in a page. Names that are no words are numbered."""

    def __init__(self, workspaces: Iterable[str], subjects: Iterable[str]) -> None:
        self._workspaces = {
            name: f"w-{name}" if _SIMPLE.fullmatch(name) else f"w{number}" for number, name in enumerate(workspaces)
        }
        self._subjects = {name: f"s{number}" for number, name in enumerate(subjects)}

    @classmethod
    def of(cls, review: Review) -> "Ids":
        return cls(review.states, sorted({row.subject for row in review.people}))

    def workspace(self, name: str) -> str:
        """Return the id of a workspace. Empty if it is not on the page."""
        return self._workspaces.get(name, "")

    def subject(self, name: str) -> str:
        """Return the id of a subject. Empty if it is not on the page."""
        return self._subjects.get(name, "")
