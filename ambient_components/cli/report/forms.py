"""The forms of the report: JSON, an overview with a line for each path, and details with a block for each finding."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any, Final

from ambient_components.access.escalation import MEANINGS, Finding, Path, Severity
from ambient_components.access.role_assignments import KEY, RoleAssignment
from ambient_components.output import Paint, plain
from ambient_components.printable import json_text, one_line
from ambient_components.review.making import Choice

VERSION: Final = 1
"""The version of the JSON document. Adding a field does not change it."""


@dataclass(frozen=True, slots=True)
class Report:
    stack: str
    source: str
    """state or files."""
    workspaces: int
    """Number of examined workspaces."""
    findings: tuple[Finding, ...]
    """The findings, most severe first."""
    selected: Choice = field(default_factory=Choice)
    """What was selected of the stack."""


def as_json(report: Report) -> str:
    """Return the report as JSON, described in the verb's help."""
    number = Counter(finding.severity for finding in report.findings)
    document = {
        "version": VERSION,
        "stack": report.stack,
        "source": report.source,
        "selected": report.selected.document(),
        "workspaces": report.workspaces,
        "summary": {severity.value: number[severity] for severity in Severity},
        "findings": [_record(finding) for finding in report.findings],
    }
    return json_text(document)


def _record(finding: Finding) -> dict[str, Any]:
    return {
        "workspace": finding.workspace,
        "path": finding.path.value,
        "severity": finding.severity.value,
        "who": [asdict(assignment) for assignment in finding.who],
        "can": finding.can,
        "becomes": finding.becomes,
        "how": finding.how,
        "remedy": list(finding.remedy),
        "keys": list(finding.keys),
    }


def has_high(findings: Iterable[Finding]) -> bool:
    """Return whether one of the findings is of severity high."""
    return any(finding.severity is Severity.HIGH for finding in findings)


def summary(report: Report) -> str:
    """Return the first line: the source, and the number of findings and workspaces."""
    what = "the last run" if report.source == "state" else "the files"
    if not report.findings:
        return f"{report.stack}, as of {what}: no subject can become more than was granted"
    number = len({finding.workspace for finding in report.findings})
    of = f"{number} of {report.workspaces} workspace{'s' if report.workspaces != 1 else ''}"
    return f"{report.stack}, as of {what}: {counts(report.findings)}, in {of}"


def counts(findings: Iterable[Finding]) -> str:
    """Return the number of findings by severity."""
    number = Counter(finding.severity for finding in findings)
    return ", ".join(f"{number[severity]} {severity}" for severity in Severity if number[severity])


def cell(text: str) -> str:
    """Return a text for a cell of a Markdown table with markup escaped, because a subject's name can be any string."""
    shown = one_line(text).replace("\\", "\\\\")
    for mark in "|`*_[]<>#~":
        shown = shown.replace(mark, f"\\{mark}")
    # No mention: a bot's comment would notify people.
    return shown.replace("@", "@\u200b")


_WIDTH: Final = 80
_MEANING: Final = max(map(len, MEANINGS.values()))
_LABEL: Final = max(map(len, Severity))
_ROWS = list[tuple[Severity, Path, list[str]]]


def overview_text(report: Report, paint: Paint = plain) -> str:
    """Return the overview as text, worst first."""
    lines = [paint(summary(report), "loud" if has_high(report.findings) else "bold")]
    if not report.findings:
        return lines[0]
    lines += ["", paint(f"{'':{_LABEL}}  {'path':{_MEANING}}  workspaces", "dim")]
    shown = ""
    for severity, path, workspaces in _rows(report.findings):
        look = "loud" if severity is Severity.HIGH else "bold"
        label = f"{severity.value if severity != shown else '':<{_LABEL}}"
        shown = severity
        line = f"  {MEANINGS[path]:{_MEANING}}  "
        lines.append(paint(label, look) + line + _named(workspaces, _WIDTH - _LABEL - len(line)))
    return "\n".join([*lines, "", *_next(report)])


def overview_markdown(report: Report) -> str:
    """Return the overview as Markdown, a table with a row for each path."""
    lines = [f"## Who can become what in {cell(report.stack)}", "", f"**{cell(summary(report))}**"]
    if not report.findings:
        return "\n".join(lines)
    lines += ["", "| | path | workspaces |", "|---|---|---|"]
    for severity, path, workspaces in _rows(report.findings):
        lines.append(f"| {severity.value} | {cell(MEANINGS[path])} | {cell(_named(workspaces, _WIDTH))} |")
    return "\n".join([*lines, "", *map(cell, _next(report))])


def _rows(findings: tuple[Finding, ...]) -> _ROWS:
    """Return severity, path and workspaces, worst first; findings are sorted like that."""
    return [
        (severity, path, list(dict.fromkeys(one.workspace for one in found)))
        for (severity, path), found in groupby(findings, lambda one: (one.severity, one.path))
    ]


def _named(workspaces: list[str], width: int) -> str:
    """Return the number of workspaces and as many of their names as fit."""
    names = list(map(one_line, workspaces))
    for count in range(len(names), 0, -1):
        more = f", +{len(names) - count}" if count < len(names) else ""
        text = f"{len(names)}: {', '.join(names[:count])}{more}"
        if len(text) <= width:
            return text
    return str(len(names))


def _next(report: Report) -> list[str]:
    worst = report.findings[0].workspace
    return [f"Details and what to change: --verbose, or --workspace {one_line(worst)}"]


_DETAILS_WIDTH: Final = 110
_NAMES: Final = 6
_COLUMN: Final = 8


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
    yield f"  {paint(f'{finding.severity.value:<{_COLUMN}}', look)}{first}"
    yield from (f"  {'':{_COLUMN}}{line}" for line in rest)
    yield from _labelled("how", [finding.how], paint)
    yield from _labelled("change", finding.remedy, paint)


def _labelled(label: str, texts: Sequence[str], paint: Paint) -> Iterator[str]:
    lines = [line for text in texts for line in _hanging(text, several=len(texts) > 1)]
    for number, line in enumerate(lines):
        shown = paint(f"{label:<{_COLUMN}}", "dim") if number == 0 else " " * _COLUMN
        yield f"  {shown}{line}"


def _hanging(text: str, *, several: bool) -> Iterator[str]:
    for number, line in enumerate(_wrapped(text)):
        yield (("- " if number == 0 else "  ") if several else "") + line


def _wrapped(text: str) -> list[str]:
    lines = textwrap.wrap(one_line(text), _DETAILS_WIDTH, break_long_words=False, break_on_hyphens=False)
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
