"""The grants and owners in a stack's files, each with its layer and position."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ambient_components.access.role_assignments import GRANT, OWNER
from ambient_components.errors import PathPart
from ambient_components.model.dates import written as written_text
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import Subject
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.layers import WORKSPACE, Origin
from ambient_components.stackfile.loader import LoadedStack


class Period(StrEnum):
    NOW = "now"
    UPCOMING = "upcoming"
    OVER = "over"
    CLOSED = "closed"
    """The workspace is closed, so the grant is not in the cluster. Owners keep their access."""


@dataclass(frozen=True, slots=True)
class Written:
    workspace: str
    subject: Subject
    role: Role
    kind: str
    """grant or owner."""
    index: int
    """Its number in the list, from 0."""
    origin: Origin
    """The layer and the position."""
    period: Period
    from_: date | None = None
    until: date | None = None

    @property
    def path(self) -> tuple[str, ...]:
        return ("workspaces", self.workspace, f"{self.kind}s")

    @property
    def item(self) -> tuple[PathPart, ...]:
        return (*self.path, self.index)

    @property
    def is_own(self) -> bool:
        """Whether the workspace's own entry has it, and not its defaults or template."""
        return self.origin.layer == WORKSPACE

    @property
    def place(self) -> str:
        where = self.origin.where
        return f"{where.file}:{where.line}" if where else ""


def written(stack: LoadedStack, now: datetime, workspaces: Collection[str] | None = None) -> Iterator[Written]:
    """Yield the grants and owners in the files, in their order.

    Args:
        workspaces: Only these workspaces. None for all.
    """
    for name, workspace in stack.file.workspaces.items():
        if workspaces is not None and name not in workspaces:
            continue
        for index, subject in enumerate(workspace.owners):
            origin = stack.origin(("workspaces", name, "owners", index))
            yield Written(name, subject, Role.ADMIN, OWNER, index, origin, Period.NOW)
        for index, grant in enumerate(workspace.grants):
            span = grant.span(stack.file.timezone)
            if workspace.state is WorkspaceState.CLOSED:
                period = Period.CLOSED
            elif span.holds(now):
                period = Period.NOW
            else:
                period = Period.OVER if span.end is not None and span.end <= now else Period.UPCOMING
            origin = stack.origin(("workspaces", name, "grants", index))
            yield Written(
                name, grant.subject, grant.role, GRANT, index, origin, period, grant.from_, grant.until
            )  # fmt: skip


def described(grant: Written) -> str:
    """Return a grant as text, such as `grant edit user:bob until 2026-12-31`."""
    role = f"{grant.kind} {grant.role}" if grant.kind != "owner" else grant.kind
    return f"{role} {grant.subject}{dates_of(grant.from_, grant.until)}"


def dates_of(from_: date | None, until: date | None) -> str:
    """Return the dates of a grant as text. Empty if it has none."""
    first = f" from {written_text(from_)}" if from_ is not None else ""
    return first + (f" until {written_text(until)}" if until is not None else "")
