"""Who has access: a row for each workspace with its subjects by role, and one subject at a time with its paths."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ambient_components.access.effective import Row, by_workspace
from ambient_components.access.escalation.findings import MEANINGS, Finding, Severity
from ambient_components.access.role_assignments import GRANT, KEY, RoleAssignment
from ambient_components.html.page import KEYS, LETTERS, Child, Markup, Part, badge, folded, join, matrix, name, tag
from ambient_components.platform.contract import Role
from ambient_components.printable import counted
from ambient_components.review.facts import Ids, Review, is_key, is_own
from ambient_components.review.findings import finding_id, severity
from ambient_components.rules.escalation_paths import Path
from ambient_components.rules.workspaces import ACTIVE
from ambient_components.stacks.access_report import Status

_MARKS: Final = {Status.UNDECLARED: "not declared", Status.LEFT: "not declared any more"}
_OPEN: Final = 100
"""Maximum workspaces of a role that are shown without a click."""


def access_part(review: Review, ids: Ids) -> Part:
    body = (
        tag("p", f"Only subjects that may {review.access.right}.") if review.access.right else None,
        _by_workspace(review, ids),
        _perhaps(review),
    )
    return Part("access", "Who has access", join(*body), len(review.states))


def _perhaps(review: Review) -> Markup:
    """Return who may have the right that the page is about, by roles with unread rules."""
    if not review.access.perhaps:
        return join()
    lines = [
        tag("li", badge(role), f"{name(role)} of {name(row.subject)} in {name(row.workspace)}")
        for row in review.access.perhaps
        for role in row.roles
    ]
    return join(tag("h3", "Perhaps these too, by roles with unread rules"), tag("ul", lines))


def mark(review: Review, assignment: RoleAssignment) -> Markup | None:
    """Return what is wrong with one role, if anything is."""
    text = _MARKS.get(review.access.status(assignment))
    return tag("em", text) if text else None


def _all(rows: Iterable[Row]) -> Iterator[RoleAssignment]:
    return (assignment for row in rows for assignment in row.assignments)


def _by_workspace(review: Review, ids: Ids) -> Markup:
    groups = by_workspace(review.access.rows)
    high = {finding.workspace for finding in review.high}
    rows = [
        _workspace(review, ids, workspace, groups.get(workspace, []), high=workspace in high)
        for workspace in review.states
    ]
    return matrix("Workspaces with their subjects, by role", rows, id="workspaces")


def _workspace(
    review: Review, ids: Ids, workspace: str, rows: list[Row], *, high: bool
) -> tuple[Child, list[tuple[str, Markup]], str]:
    state = review.states[workspace]
    own = sum(map(is_own, rows))
    title = (
        name(workspace),
        tag("small", state) if state != ACTIVE else None,
        tag("small", "high finding", class_="high") if high else None,
        tag("small", f"{own} of the platform's own accounts") if own else None,
    )
    items = [
        (KEYS, _key(review, each)) if is_key(each) else (each.role, _who(review, ids, each))
        for each in _all(row for row in rows if not is_own(row))
    ]
    return title, items, ids.workspace(workspace)


def _who(review: Review, ids: Ids, assignment: RoleAssignment) -> Markup:
    reason = "" if assignment.reason == GRANT else f" {name(assignment.reason)}"
    role = f" {name(assignment.role)}" if assignment.role not in LETTERS else ""
    return tag(
        "li",
        tag("a", name(assignment.subject), href=ids.subject(assignment.subject))
        if ids.subject(assignment.subject)
        else name(assignment.subject),
        tag("small", f"{role}{reason}") if role or reason else None,
        mark(review, assignment),
    )


def _key(review: Review, assignment: RoleAssignment) -> Markup:
    text = name(assignment.subject.removeprefix(f"{KEY}:"))
    reason = tag("small", f" {name(assignment.reason)}") if assignment.reason != KEY else None
    role = tag("small", f" {name(assignment.role)}") if assignment.role not in set(Role) else None
    return tag("li", badge(assignment.role), text, role, reason, mark(review, assignment))


def subjects_part(review: Review, ids: Ids) -> Part:
    """Return a block for each user, group and ServiceAccount, the strongest and widest access first."""
    rows: dict[str, list[Row]] = {}
    for row in review.people:
        rows.setdefault(row.subject, []).append(row)
    paths: dict[str, list[Finding]] = {}
    for finding in review.findings:
        for subject in dict.fromkeys(assignment.subject for assignment in finding.who):
            if subject in rows:
                paths.setdefault(subject, []).append(finding)
    order = sorted(rows, key=lambda subject: (*(-_count(rows[subject], role) for role in LETTERS), subject))
    blocks = [_subject(ids, subject, rows[subject], paths.get(subject, ())) for subject in order]
    intro = tag("p", "Members of groups are not listed; only the identity provider knows them.", class_="note")
    return Part("subjects", "Subjects", join(intro, tag("div", blocks, class_="cards")), len(rows))


def _count(rows: Iterable[Row], role: str) -> int:
    return sum(role in row.roles for row in rows)


def _subject(ids: Ids, subject: str, rows: Sequence[Row], findings: Sequence[Finding]) -> Markup:
    roles: dict[str, list[Row]] = {}
    for row in rows:
        for role in row.roles:
            roles.setdefault(role, []).append(row)
    order = sorted(roles, key=lambda role: (list(LETTERS).index(role) if role in LETTERS else len(LETTERS), role))
    head = (
        tag("span", name(subject), class_="who"),
        *(join(badge(role), tag("span", len(roles[role]), class_="n")) for role in order),
        # Findings are sorted, worst first.
        severity(findings[0].severity) if findings else None,
    )
    body = [_role(ids, role, roles[role]) for role in order]
    return folded(head, body, _paths(findings), id=ids.subject(subject), class_="card")


def _role(ids: Ids, role: str, rows: Sequence[Row]) -> Markup:
    links = [_link(ids, row.workspace, _reasons(row, role)) for row in rows]
    listed = tag("ul", links, class_="inline")
    title = (badge(role), name(role), f" in {counted(len(rows), 'workspace')}")
    return join(tag("h3", title), listed) if len(rows) <= _OPEN else folded(title, listed)


def _reasons(row: Row, role: str) -> str:
    return ", ".join(
        assignment.reason for assignment in row.assignments if assignment.role == role and assignment.reason != GRANT
    )


def _link(ids: Ids, workspace: str, note: str = "") -> Markup:
    link = tag("a", name(workspace), href=ids.workspace(workspace))
    return tag("li", link, tag("small", f" {name(note)}") if note else None)


def _paths(findings: Sequence[Finding]) -> Markup:
    """Return the paths of a subject, each with its number of workspaces. The part about findings names them."""
    if not findings:
        return join()
    places: dict[tuple[Severity, Path, str | None], set[str]] = {}
    for finding in findings:
        places.setdefault((finding.severity, finding.path, finding.becomes), set()).add(finding.workspace)
    lines = []
    for (grade, path, becomes), workspaces in places.items():
        where = f"{f', becomes {becomes}' if becomes else ''} in {counted(len(workspaces), 'workspace')}"
        lines.append(tag("li", severity(grade), " ", tag("a", MEANINGS[path], href=finding_id(path)), where))
    return join(tag("h3", "Can gain more"), tag("ul", lines))
