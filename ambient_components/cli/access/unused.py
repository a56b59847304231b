"""`ambient access --unused`: the grants and keys without use in an audit log, and what the log can prove."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from ambient_components.access.audit import AuditLog, Coverage, Unused
from ambient_components.cli.audit_logs import coverage_document, period
from ambient_components.cli.tables import plain_value, table
from ambient_components.output import Paint, plain
from ambient_components.printable import json_text, one_line
from ambient_components.rotation.state import format_time

_HEAD: Final = ("role", "subject", "reason", "")


def unused_in(log: AuditLog, subject: str) -> tuple[Unused, ...]:
    """Return the unused access, of one subject if one is named."""
    return tuple(unused for unused in log.unused() if subject in ("", unused.assignment.subject))


def unused_text(log: AuditLog, unused: Sequence[Unused], paint: Paint = plain) -> str:
    """Return the coverage of the log, and below it the unused access of each workspace."""
    proven = sum(not each.unproven for each in unused)
    total = f"{len(unused)} of {len(log.assignments)} without use"
    parts = ["\n".join(_coverage(log.coverage, paint))]
    for workspace, group in groupby(unused, lambda each: each.assignment.workspace):
        lines = table(_HEAD, map(_cells, group), paint, indent="  ")
        parts.append("\n".join([paint(one_line(workspace), "bold"), *lines[1:]]))
    parts.append(paint(f"{total}, {proven} of them proven" if unused else "All access was used.", "bold"))
    return "\n\n".join(parts)


def _coverage(coverage: Coverage, paint: Paint) -> Iterator[str]:
    yield paint(f"Audit log: {period(coverage)}", "bold")
    verbs = ", ".join(f"{verb} {count}" for verb, count in coverage.verbs.items())
    yield f"  in the stack's workspaces: {verbs or 'nothing'}; levels: {', '.join(coverage.levels) or 'unknown'}"
    yield from (f"  ! {limit}" for limit in coverage.limits())


def _cells(unused: Unused) -> tuple[str, ...]:
    given = unused.assignment
    return given.role, given.subject, given.reason, f"! not proven: {unused.unproven}" if unused.unproven else ""


def unused_json(stack: str, log: AuditLog, unused: Sequence[Unused], subject: str) -> str:
    document = {
        "stack": stack,
        "coverage": coverage_document(log.coverage),
        "access": len(log.assignments),
        "unused": [{**plain_value(each.assignment), "unproven": each.unproven or None} for each in unused],
        "used": [
            {**plain_value(assignment), "last": format_time(total.last), "calls": total.count}
            for assignment, total in log.used()
            if subject in ("", assignment.subject)
        ],
    }
    return json_text(document)
