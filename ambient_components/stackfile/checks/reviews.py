"""Reviews of grants and keys: which are due, and the warnings about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ambient_components.model.dates import end_of
from ambient_components.model.grants import Grant
from ambient_components.model.keys import Key
from ambient_components.model.reviews import UnreviewedAccess
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.rules.findings import Finding, Path, spell
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WorkspaceState


@dataclass(frozen=True, slots=True)
class Due:
    """A grant or a key of which the review is due."""

    workspace: str
    path: Path
    """The grant or the key in the file."""
    who: str
    """The subject, or key:ID."""
    role: str
    reason: str
    review_by: date | None
    """None: it was never reviewed."""
    reviewers: tuple[str, ...]
    """Subjects that approve changes of the workspace; empty if the file names none."""


def due(stack: StackFile, now: datetime, ahead: timedelta = timedelta()) -> Iterator[Due]:
    """Yield the grants and keys of active workspaces of which the review is due at most this long from now.

    A grant that has ended is none. One without `reviewBy` was never reviewed, as far as the file knows: it is due.
    """
    for name, workspace in stack.workspaces.items():
        if workspace.state is not WorkspaceState.ACTIVE:
            continue
        reviewers = tuple(sorted(map(str, workspace.reviewers or stack.defaults.reviewers)))
        for path, who, access in _accesses(name, workspace):
            review_by = access.review_by
            ends = access.span(stack.timezone).end if isinstance(access, Grant) else None
            ended = ends is not None and ends <= now
            if not ended and (review_by is None or end_of(review_by, stack.timezone) <= now + ahead):
                yield Due(name, path, who, access.role.value, access.reason or "", review_by, reviewers)


def _accesses(name: str, workspace: Workspace) -> Iterator[tuple[Path, str, Grant | Key]]:
    for index, grant in enumerate(workspace.grants):
        yield ("workspaces", name, "grants", index), str(grant.subject), grant
    for key_id, key in workspace.keys.items():
        yield ("workspaces", name, "keys", key_id), f"key:{key_id}", key


def overdue(stack: StackFile, now: datetime) -> Iterator[Finding]:
    """Find reviews that are overdue; where the guardrail says so, also access that was never reviewed."""
    warns = stack.guardrails.unreviewed_access is UnreviewedAccess.WARN
    for item in due(stack, now):
        field = spell("review_by")
        if item.review_by is not None:
            problem = f"the review of {item.who}, {item.role}, was due after {item.review_by}: the access stays"
            remedy = "write a later day to keep it, or remove the entry"
            yield Finding((*item.path, field), problem, remedy, rule=WarningRule.REVIEW_DUE)
        elif warns:
            problem = f"{item.who} is {item.role}, and was never reviewed"
            yield Finding(item.path, problem, f"write {field}: DAY to keep it", rule=WarningRule.REVIEW_DUE)
