"""The overview: a line for each path, with its workspaces, for a screen of 80 columns."""

from itertools import groupby
from typing import Final

from ambient_components.access.escalation import MEANINGS, Finding, Path, Severity
from ambient_components.cli.report.document import Report, cell, has_high, summary
from ambient_components.output import Paint, plain
from ambient_components.printable import one_line

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
