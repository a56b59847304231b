"""The access of a stack as text by workspace or by subject, as JSON and as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ambient_components.access.effective import Row, by_subject, by_workspace
from ambient_components.access.rights import ALL_RIGHTS, RoleRight, roles_with
from ambient_components.access.role_assignments import PLATFORM, RoleAssignment
from ambient_components.cli.access.report import Report, Status
from ambient_components.output import Paint, plain
from ambient_components.platform.contract import Role
from ambient_components.printable import cell, json_text, one_line

COLUMNS: Final = ("workspace", "subject", "role", "reason", "status", "can")
"""The columns of the CSV."""

_NAMES: Final = {right: str(right) for right in ALL_RIGHTS}
_NAME: Final = 300
"""Maximum characters of a name in the text. A subject has up to 253, and one long name would widen every line."""

_MARKS: Final = {
    Status.UNDECLARED: "in the cluster, and not declared",
    Status.MISSING: "declared, and not in the cluster",
}

_WIDEST: Final = 60
"""Maximum width that table columns are padded to, because one long name would widen every line."""


def as_text(report: Report, *, subjects_first: bool = False, paint: Paint = plain) -> str:
    """Return a heading for each workspace (or subject), and below it a line for each role with its reason."""
    said = [_head(report.right)] if report.right else []
    said += _groups(report, report.rows, subjects_first=subjects_first, paint=paint)
    said += [] if report.rows else [_nobody(report)]
    if report.perhaps:
        said.append("Perhaps these too, by roles with unread rules:")
        said += _groups(report, report.perhaps, subjects_first=subjects_first, paint=paint)
    if report.missing:
        said += _gone(report, paint)
    if report.differs:
        counts = f"{len(report.undeclared)} not declared, {len(report.missing)} not in the cluster"
        said.append(paint(f"What is declared and what is there differ: {counts}", "loud"))
    return "\n\n".join(said)


def _head(right: RoleRight) -> str:
    roles = [role for role in Role if role in roles_with(right)]
    return f"{right} is a right of {' and '.join(roles)}. An owner is an admin."


def _nobody(report: Report) -> str:
    return f"No subject may {report.right}." if report.right else "No subject has access."


def _groups(report: Report, rows: Sequence[Row], *, subjects_first: bool, paint: Paint) -> Iterator[str]:
    people = [row for row in rows if not _is_own(row)]
    groups = by_subject(people) if subjects_first else by_workspace(people)
    own = by_workspace(row for row in rows if _is_own(row))
    for name in groups if subjects_first else sorted({*groups, *own}):
        assignments = [assignment for row in groups.get(name, ()) for assignment in row.assignments]
        lines = list(_lines(report, assignments, subjects_first=subjects_first, paint=paint))
        if not subjects_first and name in own:
            lines.append(paint(f"  {_accounts(len(own[name]))}", "dim"))
        yield "\n".join([paint(one_line(name), "bold"), *lines])
    if subjects_first and own:
        count = sum(map(len, own.values()))
        yield paint(_accounts(count), "dim")


def _accounts(count: int) -> str:
    return f"{count} account{'s' if count > 1 else ''} of the platform's own: see --format json"


def _is_own(row: Row) -> bool:
    return all(assignment.reason == PLATFORM for assignment in row.assignments)


def _lines(
    report: Report, assignments: Sequence[RoleAssignment], *, subjects_first: bool, paint: Paint
) -> Iterator[str]:
    table = [
        (assignment.role, assignment.workspace if subjects_first else assignment.subject, assignment.reason)
        for assignment in assignments
    ]
    cells = [tuple(one_line(name, _NAME) for name in line) for line in table]
    widths = [min(max(len(line[column]) for line in cells), _WIDEST) for column in range(2)] if cells else []
    for assignment, (role, whom, reason) in zip(assignments, cells, strict=True):
        mark = _MARKS.get(report.status(assignment))
        line = f"  {role:<{widths[0]}}  {whom:<{widths[1]}}  {reason}"
        yield line + (paint(f"  ! {mark}", "loud") if mark else "")


def _gone(report: Report, paint: Paint) -> list[str]:
    lines = [f"  {one.role} of {one.subject} in {one.workspace} ({one.reason})" for one in report.missing]
    return [paint("\n".join(["Declared, and not in the cluster:", *map(_indented, lines)]), "loud")]


def _indented(line: str) -> str:
    return f"  {one_line(line.strip())}"


def as_json(report: Report) -> str:
    """Return the report as JSON, described in the verb's help."""
    document = {
        "stack": report.stack,
        "source": report.source,
        "live": report.asked,
        "right": str(report.right) if report.right else None,
        "access": [_row(report, row) for row in report.rows],
        "perhaps": [_row(report, row) for row in report.perhaps],
        "missing": [_assignment(one) for one in report.missing],
    }
    return json_text(document)


def _row(report: Report, row: Row) -> dict[str, Any]:
    rights = row.rights
    return {
        "workspace": row.workspace,
        "subject": row.subject,
        "roles": list(row.roles),
        "because": [
            {"role": one.role, "reason": one.reason, "status": report.status(one).value} for one in row.assignments
        ],
        "rights": [name for right, name in _NAMES.items() if right in rights],
        "complete": row.complete,
    }


def _assignment(assignment: RoleAssignment) -> dict[str, str]:
    return {
        "workspace": assignment.workspace,
        "subject": assignment.subject,
        "role": assignment.role,
        "reason": assignment.reason,
    }


def as_csv(report: Report) -> str:
    """Return the report as CSV with a header. No field can act as a formula in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    asked = report.right is not None
    records = [
        *_records(report, report.rows, "yes" if asked else ""),
        *_records(report, report.perhaps, "perhaps"),
        *([*_assignment(one).values(), Status.MISSING.value, ""] for one in report.missing),
    ]
    writer.writerows([cell(value) for value in record] for record in records)
    return text.getvalue()


def _records(report: Report, rows: Iterable[Row], can: str) -> Iterator[list[str]]:
    for row in rows:
        yield from ([*_assignment(one).values(), report.status(one).value, can] for one in row.assignments)
