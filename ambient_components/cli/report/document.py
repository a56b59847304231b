"""The report as data and as JSON, and the sentences that all its forms share."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ambient_components.access.escalation import Finding, Severity
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
