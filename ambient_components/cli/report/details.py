"""All findings, each with its subjects, its description and its remedies."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ambient_components.access.escalation import Finding, Severity
from ambient_components.access.role_assignments import KEY, RoleAssignment
from ambient_components.cli.report.document import Report, cell, counts, has_high, summary
from ambient_components.output import Paint, plain
from ambient_components.printable import one_line

_WIDTH: Final = 110
_NAMES: Final = 6
_LABEL: Final = 8


def details_text(report: Report, paint: Paint = plain) -> str:
    """Return all findings as text. Workspaces and findings are ordered by severity."""
    blocks = [paint(summary(report), "loud" if has_high(report.findings) else "bold")]
    for workspace, found in _by_workspace(report.findings).items():
        blocks.append(paint(f"{workspace}: {counts(found)}", "bold"))
        blocks += ["\n".join(_lines(finding, paint)) for finding in found]
    return "\n\n".join(blocks)


def details_markdown(report: Report) -> str:
    """Return all findings as Markdown: a heading, and a table for each workspace."""
    lines = [f"## Who can become what in {cell(report.stack)}", "", f"**{cell(summary(report))}**"]
    for workspace, found in _by_workspace(report.findings).items():
        lines += ["", f"### {cell(workspace)}", ""]
        lines += ["| | who | can | how | what to change |", "|---|---|---|---|---|"]
        lines += [_row(finding) for finding in found]
    return "\n".join(lines)


def _row(finding: Finding) -> str:
    remedies = "<br>".join(cell(remedy) for remedy in finding.remedy)
    cells = [finding.severity.value, cell(_who(finding)), cell(finding.can), cell(finding.how), remedies]
    return f"| {' | '.join(cells)} |"


def _by_workspace(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings by workspace, in order of first appearance, so the most severe workspace comes first."""
    by_workspace: dict[str, list[Finding]] = {}
    for finding in findings:
        by_workspace.setdefault(finding.workspace, []).append(finding)
    return by_workspace


def _lines(finding: Finding, paint: Paint) -> Iterator[str]:
    look = "loud" if finding.severity is Severity.HIGH else "bold"
    first, *rest = _wrapped(f"{_who(finding)} can {finding.can}")
    yield f"  {paint(f'{finding.severity.value:<{_LABEL}}', look)}{first}"
    yield from (f"  {'':{_LABEL}}{line}" for line in rest)
    yield from _labelled("how", [finding.how], paint)
    yield from _labelled("change", finding.remedy, paint)


def _labelled(label: str, texts: Sequence[str], paint: Paint) -> Iterator[str]:
    lines = [line for text in texts for line in _hanging(text, several=len(texts) > 1)]
    for number, line in enumerate(lines):
        shown = paint(f"{label:<{_LABEL}}", "dim") if number == 0 else " " * _LABEL
        yield f"  {shown}{line}"


def _hanging(text: str, *, several: bool) -> Iterator[str]:
    for number, line in enumerate(_wrapped(text)):
        yield (("- " if number == 0 else "  ") if several else "") + line


def _wrapped(text: str) -> list[str]:
    lines = textwrap.wrap(one_line(text), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return list(map(one_line, lines)) or [""]


def _who(finding: Finding) -> str:
    if not finding.who:
        return "others"
    names = [_name(assignment, finding.workspace) for assignment in finding.who]
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def _name(assignment: RoleAssignment, workspace: str) -> str:
    name = f"key {assignment.subject.removeprefix(f'{KEY}:')}" if assignment.reason == KEY else assignment.subject
    where = "" if assignment.workspace == workspace else f" in {assignment.workspace}"
    return f"{name} ({assignment.role}{where})"
