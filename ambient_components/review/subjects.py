"""One subject at a time: its roles, and what they lead to."""

from collections.abc import Iterable, Sequence
from typing import Final

from ambient_components.access.effective import Row
from ambient_components.access.escalation import MEANINGS, Finding, Path, Severity
from ambient_components.access.role_assignments import GRANT
from ambient_components.html.markup import Markup, join, name, tag
from ambient_components.html.page import Part, folded
from ambient_components.printable import counted
from ambient_components.review.facts import LETTERS, Ids, Review, badge, letter
from ambient_components.review.findings import finding_id, severity

_NAMED: Final = 20
"""Maximum workspaces named for one path. The finding names all of them."""

_OPEN: Final = 100
"""Maximum workspaces of a role that are shown without a click."""


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
    high = bool(findings) and findings[0].severity is Severity.HIGH
    classes = ["card", *sorted({f"has-{letter(role)}" for role in roles}), *(["has-H"] if high else [])]
    body = [_role(ids, role, roles[role]) for role in order]
    everywhere = sorted(row.workspace for row in rows)
    return folded(head, body, _paths(ids, findings, everywhere), id=ids.subject(subject), class_=" ".join(classes))


def _role(ids: Ids, role: str, rows: Sequence[Row]) -> Markup:
    links = [_workspace(ids, row.workspace, _reasons(row, role)) for row in rows]
    listed = tag("ul", links, class_="inline")
    title = (badge(role), name(role), f" in {counted(len(rows), 'workspace')}")
    return join(tag("h3", title), listed) if len(rows) <= _OPEN else folded(title, listed)


def _reasons(row: Row, role: str) -> str:
    return ", ".join(
        assignment.reason for assignment in row.assignments if assignment.role == role and assignment.reason != GRANT
    )


def _workspace(ids: Ids, workspace: str, note: str = "") -> Markup:
    link = tag("a", name(workspace), href=ids.workspace(workspace))
    return tag("li", link, tag("small", f" {name(note)}") if note else None)


def _paths(ids: Ids, findings: Sequence[Finding], everywhere: Sequence[str]) -> Markup:
    """Return the paths of a subject, those that lead to the same workspaces together."""
    if not findings:
        return join()
    places: dict[tuple[Severity, Path, str | None], list[str]] = {}
    for finding in findings:
        places.setdefault((finding.severity, finding.path, finding.becomes), []).append(finding.workspace)
    groups: dict[tuple[str, ...], list[Markup]] = {}
    for (grade, path, becomes), workspaces in places.items():
        what = join(tag("a", MEANINGS[path], href=finding_id(path)), f", becomes {becomes}" if becomes else None)
        groups.setdefault(tuple(sorted(set(workspaces))), []).append(tag("li", severity(grade), " ", what))
    lines = [_group(ids, workspaces, lines, everywhere) for workspaces, lines in groups.items()]
    return join(tag("h3", "Can gain more"), lines)


def _group(ids: Ids, workspaces: Sequence[str], lines: Sequence[Markup], everywhere: Sequence[str]) -> Markup:
    if list(workspaces) == list(everywhere):
        return join(tag("p", "In each of these workspaces:") if len(everywhere) > 1 else None, tag("ul", lines))
    shown = [_workspace(ids, workspace) for workspace in workspaces[:_NAMED]]
    more = len(workspaces) - _NAMED
    rest = tag("li", f"and {more} more, which the path names") if more > 0 else None
    return join(tag("ul", tag("li", "In "), shown, rest, class_="inline"), tag("ul", lines, class_="paths"))
