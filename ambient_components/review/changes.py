"""What changed since an earlier state or output: the comparison, and its part of the page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ambient_components.access.escalation import MEANINGS, Path
from ambient_components.access.role_assignments import GRANT, NO_ROLE, PLATFORM, RoleAssignment, access_diff
from ambient_components.html.markup import Child, Markup, join, name, tag
from ambient_components.html.page import Part, table
from ambient_components.plan.role_changes import RoleChange, changes_of
from ambient_components.review.facts import (
    Changes,
    FindingChange,
    Ids,
    KeyChange,
    Workspace,
    badge,
)

Identity = tuple[str, str, int]
"""A key's workspace, id and generation."""

_Side = TypeVar("_Side")
_Change = TypeVar("_Change")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one time. None means unknown."""

    assignments: frozenset[RoleAssignment] | None = None
    states: Mapping[str, str] | None = None
    tokens: Mapping[Identity, datetime | None] | None = None
    """When the newest token of each identity was issued."""
    findings: frozenset[tuple[str, Path]] | None = None


def compared(since: str, before: Snapshot, after: Snapshot) -> Changes:
    """Return the differences of two snapshots, as far as both know."""
    return Changes(
        since,
        roles=_both(before.assignments, after.assignments, _roles),
        workspaces=_both(before.states, after.states, _workspaces),
        keys=_both(before.tokens, after.tokens, _keys),
        findings=_both(_kept(before, after), _kept(after, before), _findings),
    )


def _kept(side: Snapshot, other: Snapshot) -> frozenset[tuple[str, Path]] | None:
    """Return the findings of workspaces that both have: those of a new workspace are no change of it."""
    if side.findings is None or other.states is None:
        return side.findings
    return frozenset(finding for finding in side.findings if finding[0] in other.states)


def _both(
    before: _Side | None, after: _Side | None, change: Callable[[_Side, _Side], Iterable[_Change]]
) -> tuple[_Change, ...] | None:
    return None if before is None or after is None else tuple(change(before, after))


def _roles(before: Iterable[RoleAssignment], after: Iterable[RoleAssignment]) -> tuple[RoleChange, ...]:
    """Return changed roles. The platform's own accounts come and go with sessions."""
    old, new = ([one for one in side if one.reason != PLATFORM] for side in (before, after))
    return changes_of(access_diff(old, new))


def _workspaces(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[Workspace]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, ""), after.get(key, "")
        if old != new:
            yield Workspace(key, old, new)


def _keys(before: Mapping[Identity, datetime | None], after: Mapping[Identity, datetime | None]) -> Iterable[KeyChange]:
    for one in sorted(before.keys() | after.keys()):
        workspace, key, generation = one
        text = f"{key} (generation {generation})" if generation > 1 else key
        if one not in before:
            yield KeyChange(workspace, text, "new")
        elif one not in after:
            yield KeyChange(workspace, text, "gone")
        elif before[one] != after[one]:
            yield KeyChange(workspace, text, "another token")


def _findings(before: frozenset[tuple[str, Path]], after: frozenset[tuple[str, Path]]) -> Iterable[FindingChange]:
    for workspace, path in sorted(before ^ after, key=lambda one: (list(Path).index(one[1]), one[0])):
        yield FindingChange(workspace, path, (workspace, path) in after)


def changes_part(changes: Changes, ids: Ids) -> Part:
    roles = [
        _row(role.workspace, ids, name(role.subject), role.what, _role(role.before), _role(role.after))
        for role in changes.roles or ()
    ]
    workspaces = [
        _row(workspace.name, ids, workspace.before or "none", workspace.after or "removed")
        for workspace in changes.workspaces or ()
    ]
    keys = [_row(key.workspace, ids, name(key.key), key.what) for key in changes.keys or ()]
    found = [
        _row(finding.workspace, ids, MEANINGS[finding.path], "new" if finding.new else "gone")
        for finding in changes.findings or ()
    ]
    blocks = [
        _block("Access", changes.roles, ("Workspace", "Subject", "Change", "Before", "After"), roles),
        _block("Workspaces", changes.workspaces, ("Workspace", "Before", "After"), workspaces),
        _block("Keys", changes.keys, ("Workspace", "Key", "Change"), keys),
        _block("Findings", changes.findings, ("Workspace", "Path", "Change"), found),
    ]
    return Part("changes", f"Changed since {name(changes.since)}", join(blocks), changes.count)


def _block(title: str, part: Sequence[object] | None, heads: Sequence[str], rows: Sequence[Markup]) -> Markup:
    if not rows:
        text = "no change" if part is not None else "not known: the earlier file or this page does not have them"
        return tag("p", tag("strong", f"{title}: "), text)
    return join(
        tag("h3", title, " ", tag("span", len(rows), class_="count")), table(f"{title} that changed", heads, rows)
    )


def _row(workspace: str, ids: Ids, *cells: Child) -> Markup:
    link = tag("a", name(workspace), href=ids.workspace(workspace))
    return tag(
        "tr",
        tag("th", link if ids.workspace(workspace) else name(workspace), scope="row"),
        [tag("td", cell) for cell in cells],
    )


def _role(one: RoleAssignment | None) -> Markup:
    if one is None:
        return tag("span", NO_ROLE)
    reason = tag("small", f" {name(one.reason)}") if one.reason != GRANT else None
    return tag("span", badge(one.role), " ", name(one.role), reason)
