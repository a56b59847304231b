"""The report on access as Markdown, for a comment or the summary of a nightly run: what needs attention first."""

from collections.abc import Iterable, Iterator, Sequence

from ambient_components.access.effective import Row
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.plan.markdown import LIMIT, code, prose
from ambient_components.review.access_tests import result_lines
from ambient_components.stacks.access_report import Others, Report


def as_markdown(report: Report, limit: int = LIMIT) -> str:
    """Return the page, no longer than the limit. Its totals are exact."""
    others = report.others
    parts: list[tuple[str, list[str], bool]] = [
        ("Workspaces in no stack", list(_unmanaged(others)) if others else [], False),
        ("Access tests", [f"- {code(line)}" for line in result_lines(report.tests)], False),
        ("In the cluster, and not declared", _assignments(sorted(report.undeclared)), False),
        ("Declared, and not in the cluster", _assignments(report.missing), False),
        ("Declared by the last run, and not given yet", _assignments(report.pending), False),
        ("Not declared any more, and still given", _assignments(sorted(report.left)), False),
        (
            "Workspaces of other stacks",
            [f"- {code(workspace)} of {code(owner)}" for workspace, owner in others.elsewhere] if others else [],
            True,
        ),
        ("Access", list(_rows(report.rows)), True),
        ("Perhaps these too, by roles with unread rules", list(_rows(report.perhaps)), True),
    ]
    shown = [part for part in parts if part[1]]
    head = f"### Access: {code(report.stack)}\n\n{_verdict(report)}\n"
    left = limit - len(head) - sum(len(_section(title, [], len(lines), fold)) for title, lines, fold in shown)
    page = [head]
    for title, lines, fold in shown:
        kept: list[str] = []
        for line in lines:
            if len(line) + 1 > left:
                left = 0  # Less important lines must not take the place.
                break
            kept.append(line)
            left -= len(line) + 1
        page.append(_section(title, kept, len(lines), fold))
    return "".join(page)


def _verdict(report: Report) -> str:
    if not report.requested:
        return "The cluster was not asked: see `--live`."
    counts = ((len(report.undeclared), "not declared"), (len(report.missing), "not in the cluster"))
    differences = [f"{count} {what}" for count, what in counts if count]
    said = f"Files and cluster differ: {', '.join(differences)}." if differences else "Files and cluster are the same."
    unmanaged = len(report.others.unmanaged) if report.others else 0
    return f"{said} {unmanaged} workspace{' is' if unmanaged == 1 else 's are'} in no stack." if unmanaged else said


def _section(title: str, lines: Sequence[str], count: int, fold: bool) -> str:
    more = f"- … and {count - len(lines)} more, left out here\n" if len(lines) < count else ""
    body = "".join(f"{line}\n" for line in lines) + more
    if fold:
        return f"\n<details><summary><b>{title} ({count})</b></summary>\n\n{body}\n</details>\n"
    return f"\n**{title} ({count})**\n\n{body}"


def _unmanaged(others: Others) -> Iterator[str]:
    for workspace in others.unmanaged:
        reason = others.reason(workspace)
        yield f"- {code(workspace)}: {prose(reason)}" if reason else f"- {code(workspace)}"


def _assignments(assignments: Iterable[RoleAssignment]) -> list[str]:
    return [
        f"- {prose(given.role)} of {code(given.subject)} in {code(given.workspace)} ({code(given.reason)})"
        for given in assignments
    ]


def _rows(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        roles = ", ".join(f"{code(assignment.role)} ({code(assignment.reason)})" for assignment in row.assignments)
        yield f"- {code(row.workspace)} {code(row.subject)}: {roles}"
