"""The forms of the report: JSON; text and Markdown with a line for each path, or with a block for each finding."""

import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any, Final

from ambient_components.access.access_tests import Result
from ambient_components.access.escalation.findings import MEANINGS, Finding, Severity
from ambient_components.cli.guard_text import guard_text
from ambient_components.output import Paint, plain
from ambient_components.plan.markdown import code
from ambient_components.printable import counted, json_text, one_line
from ambient_components.review.access_tests import results_document, results_text
from ambient_components.review.findings import counts
from ambient_components.review.making import Choice
from ambient_components.stacks.guard_report import GuardReport

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
    guard: GuardReport | None = None
    """The cluster's guard. None if it was not queried, or no workspace has one."""
    tests: tuple[Result, ...] = ()
    """The access tests of the whole stack."""

    @property
    def has_assumed_guard(self) -> bool:
        """Whether the report takes paths as closed by a guard that the cluster is not known to have."""
        is_known = self.guard is not None and self.guard.is_in_force
        return not is_known and any(finding.closed_by for finding in self.findings)

    def has_as_severe(self, severities: Collection[str]) -> bool:
        """Return whether a path has such a severity. One that an assumed guard closes counts as open."""
        assumed = self.has_assumed_guard
        return any((each.unguarded if assumed else each.severity) in severities for each in self.findings)


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
        "guard": report.guard.document() if report.guard else None,
        "findings": [_record(finding) for finding in report.findings],
        "tests": results_document(report.tests),
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
        "closedBy": finding.closed_by or None,
        "weakenedBy": finding.weakened_by or None,
    }


def has_high(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.HIGH for finding in findings)


def summary(report: Report) -> str:
    """Return the first line: the source, and the number of findings and workspaces."""
    what = "the last run" if report.source == "state" else "the files"
    if not report.findings:
        return f"{report.stack}, as of {what}: no subject can become more than was granted"
    number = len({finding.workspace for finding in report.findings})
    of = f"{number} of {counted(report.workspaces, 'workspace')}"
    return f"{report.stack}, as of {what}: {counts(report.findings)}, in {of}"


def as_markdown(report: Report, *, details: bool = False) -> str:
    """Return the text as a code block, in which no name is markup, a link or a mention."""
    text = as_text(report, details=details)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"## Who can become what in {code(report.stack)}\n\n{fence}text\n{text}\n{fence}"


def as_text(report: Report, paint: Paint = plain, *, details: bool = False) -> str:
    """Return the findings as text, worst first: a line for each path, or a block for each finding."""
    head = paint(summary(report), "loud" if has_high(report.findings) else "bold")
    if report.guard:
        head += "\n\n" + guard_text(report.guard, paint)
    if report.has_assumed_guard:
        head += "\n" + paint(_ASSUMED, "bold")
    if report.tests:
        head += "\n\n" + results_text(report.tests)
    if not report.findings:
        return head
    return "\n\n".join([head, *(_blocks(report, paint) if details else _overview(report, paint))])


_ASSUMED: Final = "closed if the cluster has the guard: --live looks; --fail-on counts it as open"
_WIDTH: Final = 80
_MEANING: Final = max(map(len, MEANINGS.values()))
_LABEL: Final = max(map(len, Severity))


def _overview(report: Report, paint: Paint) -> Iterator[str]:
    lines = [paint(f"{'':{_LABEL}}  {'path':{_MEANING}}  workspaces", "dim")]
    shown = ""
    for (severity, path), findings in groupby(report.findings, lambda finding: (finding.severity, finding.path)):
        look = "loud" if severity is Severity.HIGH else "bold"
        label = f"{severity.value if severity != shown else '':<{_LABEL}}"
        shown = severity
        line = f"  {MEANINGS[path]:{_MEANING}}  "
        workspaces = list(dict.fromkeys(finding.workspace for finding in findings))
        lines.append(paint(label, look) + line + _named(workspaces, _WIDTH - _LABEL - len(line)))
    yield "\n".join(lines)
    yield f"Details and what to change: --verbose, or --workspace {one_line(report.findings[0].workspace)}"


def _named(workspaces: list[str], width: int) -> str:
    """Return the number of workspaces and as many of their names as fit."""
    names = list(map(one_line, workspaces))
    for count in range(len(names), 0, -1):
        more = f", +{len(names) - count}" if count < len(names) else ""
        text = f"{len(names)}: {', '.join(names[:count])}{more}"
        if len(text) <= width:
            return text
    return str(len(names))


_DETAILS_WIDTH: Final = 110
_NAMES: Final = 6
_COLUMN: Final = 8


def _blocks(report: Report, paint: Paint) -> Iterator[str]:
    for workspace, findings in _by_workspace(report.findings).items():
        yield paint(f"{one_line(workspace)}: {counts(findings)}", "bold")
        yield from ("\n".join(_lines(finding, paint)) for finding in findings)


def _by_workspace(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings by workspace, in order of first appearance, so the most severe workspace comes first."""
    by_workspace: dict[str, list[Finding]] = {}
    for finding in findings:
        by_workspace.setdefault(finding.workspace, []).append(finding)
    return by_workspace


def _lines(finding: Finding, paint: Paint) -> Iterator[str]:
    look = "loud" if finding.severity is Severity.HIGH else "bold"
    first, *rest = _wrapped(f"{_who(finding)} {'could' if finding.closed_by else 'can'} {finding.can}")
    yield f"  {paint(f'{finding.severity.value:<{_COLUMN}}', look)}{first}"
    yield from (f"  {'':{_COLUMN}}{line}" for line in rest)
    yield from _labelled("how", [finding.how], paint)
    if finding.closed_by:
        yield from _labelled("closed", [f"by the guard's rule {finding.closed_by}"], paint)
    else:
        if finding.effect:
            weakened = f"weakened by the guard's rule {finding.weakened_by}: {finding.effect.remains}"
            yield from _labelled("guard", [weakened], paint)
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
    names = [assignment.seen_from(finding.workspace) for assignment in finding.who]
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
