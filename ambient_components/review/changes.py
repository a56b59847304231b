"""What changed since an earlier state: the comparison of two reviews, and its part of the page."""

from collections.abc import Iterator, Sequence

from ambient_components.access.escalation.findings import MEANINGS
from ambient_components.access.role_assignments import GRANT, NO_ROLE, PLATFORM, RoleAssignment, access_diff
from ambient_components.html.page import Markup, Part, Piece, Row, badge, join, name, prose, table, tag
from ambient_components.plan.role_changes import RoleChange, changes_of
from ambient_components.review.facts import Changes, Ids, Review
from ambient_components.rules.escalation_paths import Path


def compared(since: str, before: Review, after: Review) -> Changes:
    return Changes(
        since,
        _roles(before, after),
        tuple(_workspaces(before, after)),
        tuple(_keys(before, after)) if after.access.source == "state" else None,
        tuple(_findings(before, after)),
    )


def _roles(before: Review, after: Review) -> tuple[RoleChange, ...]:
    """Return changed roles. The platform's own accounts come and go with sessions."""
    old, new = (
        [assignment for row in side.access.rows for assignment in row.assignments if assignment.reason != PLATFORM]
        for side in (before, after)
    )
    return changes_of(access_diff(old, new))


def _workspaces(before: Review, after: Review) -> Iterator[tuple[str, str, str]]:
    old, new = before.states, after.states
    for workspace in sorted(old.keys() | new.keys()):
        if old.get(workspace) != new.get(workspace):
            yield workspace, old.get(workspace, "none"), new.get(workspace, "removed")


def _keys(before: Review, after: Review) -> Iterator[tuple[str, str, str]]:
    old, new = (
        {(key.workspace, key.id, key.generation): key.issued_at for key in side.keys} for side in (before, after)
    )
    for identity in sorted(old.keys() | new.keys()):
        workspace, key, generation = identity
        title = f"{key} (generation {generation})" if generation > 1 else key
        if identity not in old:
            yield workspace, title, "new"
        elif identity not in new:
            yield workspace, title, "gone"
        elif old[identity] != new[identity]:
            yield workspace, title, "another token"


def _findings(before: Review, after: Review) -> Iterator[tuple[str, str, str]]:
    """Yield the findings of workspaces that both have: those of a new workspace are no change of it."""
    both = before.states.keys() & after.states.keys()
    old, new = (
        {(finding.path, finding.workspace) for finding in side.findings if finding.workspace in both}
        for side in (before, after)
    )
    order = list(Path)
    for path, workspace in sorted(old ^ new, key=lambda finding: (order.index(finding[0]), finding[1])):
        yield workspace, MEANINGS[path], "new" if (path, workspace) in new else "gone"


def changes_part(changes: Changes, ids: Ids) -> Part:
    roles = [(role.workspace, role.subject, role.what, _role(role.before), _role(role.after)) for role in changes.roles]
    blocks = (
        _block(ids, "Access", ("Subject", "Change", "Before", "After"), roles),
        _block(ids, "Workspaces", ("Before", "After"), changes.workspaces),
        _block(ids, "Keys", ("Key", "Change"), changes.keys),
        _block(ids, "Findings", ("Path", "Change"), changes.findings),
    )
    return Part("changes", f"Changed since {prose(name(changes.since))}", join(blocks), changes.count)


def _block(ids: Ids, title: str, heads: Sequence[str], rows: Sequence[tuple[str, *tuple[Piece, ...]]] | None) -> Markup:
    if not rows:
        text = "no change" if rows is not None else "not known: this page does not have them"
        return tag("p", tag("strong", f"{title}: "), text)
    heading = tag("h3", title, " ", tag("span", len(rows), class_="count"))
    return join(heading, table(f"{title} that changed", ("Workspace", *heads), [_row(ids, *row) for row in rows]))


def _row(ids: Ids, workspace: str, *cells: Piece) -> Row:
    place = ids.workspace(workspace)
    title = tag("a", name(workspace), href=place) if place else name(workspace)
    return Row([title, *(name(cell) if isinstance(cell, str) else cell for cell in cells)])


def _role(assignment: RoleAssignment | None) -> Markup:
    if assignment is None:
        return tag("span", NO_ROLE)
    reason = tag("small", f" {name(assignment.reason)}") if assignment.reason != GRANT else None
    return tag("span", badge(assignment.role), " ", name(assignment.role), reason)
