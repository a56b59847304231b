"""`ambient report`: who can gain more than their grants, by which path, and how to prevent it."""

import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from ambient_components.access.escalation import Finding, Severity, escalations
from ambient_components.access.role_assignments import KEY, RoleAssignment
from ambient_components.cli.options import (
    Files,
    MoreWorkspaces,
    NamedStack,
    StackOrWorkspace,
    Workspaces,
    choice,
    format_option,
    refuse_files_and_state,
    state_option,
)
from ambient_components.cli.prompts import stack_and_workspaces
from ambient_components.output import Format, Paint, paint_for, plain
from ambient_components.printable import json_text, one_line
from ambient_components.stacks.ledgers import check_workspaces, selected_ledger
from ambient_components.stacks.project import Project

VERSION: Final = 1
"""The version of the JSON document. Adding a field does not change it."""

_WIDTH: Final = 110
_NAMES: Final = 6
_LABEL: Final = 8


@dataclass(frozen=True, slots=True)
class Report:
    """The report."""

    stack: str
    source: str
    """state or files."""
    workspaces: int
    """Number of examined workspaces."""
    findings: tuple[Finding, ...]
    """The findings, most severe first."""


def as_json(report: Report) -> str:
    """Return the report as JSON, described in the verb's help."""
    counts = Counter(finding.severity for finding in report.findings)
    document = {
        "version": VERSION,
        "stack": report.stack,
        "source": report.source,
        "workspaces": report.workspaces,
        "summary": {severity.value: counts[severity] for severity in Severity},
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


def as_text(report: Report, paint: Paint = plain) -> str:
    """Return the report as text. Workspaces and findings are ordered by severity."""
    blocks = [paint(_summary(report), "loud" if _has_high(report.findings) else "bold")]
    for workspace, found in _by_workspace(report.findings).items():
        blocks.append(paint(f"{workspace}: {_counts(found)}", "bold"))
        blocks += ["\n".join(_lines(finding, paint)) for finding in found]
    return "\n\n".join(blocks)


def as_markdown(report: Report) -> str:
    """Return the report as Markdown: a heading, and a table for each workspace."""
    lines = [f"## Who can become what in {_cell(report.stack)}", "", f"**{_cell(_summary(report))}**"]
    for workspace, found in _by_workspace(report.findings).items():
        lines += ["", f"### {_cell(workspace)}", ""]
        lines += ["| | who | can | how | what to change |", "|---|---|---|---|---|"]
        lines += [_row(finding) for finding in found]
    return "\n".join(lines)


def _row(finding: Finding) -> str:
    remedies = "<br>".join(_cell(remedy) for remedy in finding.remedy)
    cells = [finding.severity.value, _cell(_who(finding)), _cell(finding.can), _cell(finding.how), remedies]
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Escape markup in a text, because a subject's name can be any string."""
    shown = one_line(text).replace("\\", "\\\\")
    for mark in "|`*_[]<>#~":
        shown = shown.replace(mark, f"\\{mark}")
    # No mention: a bot's comment would notify people.
    return shown.replace("@", "@\u200b")


def _has_high(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.HIGH for finding in findings)


def _summary(report: Report) -> str:
    what = "the last run" if report.source == "state" else "the files"
    if not report.findings:
        return f"{report.stack}, as of {what}: no subject can become more than was granted"
    number = len({finding.workspace for finding in report.findings})
    of = f"{number} of {report.workspaces} workspace{'s' if report.workspaces != 1 else ''}"
    return f"{report.stack}, as of {what}: {_counts(report.findings)}, in {of}"


def _counts(findings: Iterable[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counts[severity]} {severity}" for severity in Severity if counts[severity])


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


FOUND: Final = 2
"""Exit code if `--fail-on` matches a finding, so that a pipeline can tell it from an error."""

EPILOG = """\
\b
examples:
  ambient report prod                                 access declared by the last run
  ambient report prod --files --fail-on high          before a change: the files, without engine and cluster
  ambient report prod --state state.json              a saved state, without an engine
  ambient report prod --workspace payments
  ambient report prod --format markdown >> "$GITHUB_STEP_SUMMARY"
  ambient report prod --format json | jq '.findings[] | select(.severity == "high")'

\b
severity: high    leads to a role in a workspace that was not granted
          medium  leads to a secret, to power that outlives its grant, or to more in some installations
          low     comes with the platform's role edit, wherever it is granted

\b
It evaluates declared access, without a cluster. For access that was granted by hand, use `ambient access STACK --live`.
Members of groups are not listed. docs/escalation.md explains each path.

\b
json:   {"version": 1, "stack", "source": "state" or "files", "workspaces": NUMBER,
         "summary": {"high", "medium", "low"},
         "findings": [{"workspace", "path", "severity", "who": [{"workspace", "subject", "role", "reason"}, ...],
                       "can", "becomes", "how", "remedy": [...], "keys": [...]}, ...]}, the most severe first
        path is adminKey, account, staticKey, creatorNote, storeInPods, keptToken, sessionSecrets, platformAccount,
        runnerSecret, grantsEdit, removesAccess or deliveredKey. who is as in `ambient access`, and empty if the path
        is open to subjects outside the stack. becomes is the role that the path leads to, or null. keys lists the
        keys involved. can, how and remedy are texts for people.

\b
exit codes: 0 success; 1 error; 2 a finding of the --fail-on severity or higher is shown; 64 wrong usage
"""


class FailOn(StrEnum):
    """The lowest severity that ends the command with `FOUND`. See `access.escalation.Severity`."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def report(
    stack: StackOrWorkspace = "",
    names: MoreWorkspaces = None,
    named: NamedStack = "",
    files: Files = False,
    state: Annotated[str, state_option()] = "",
    workspaces: Workspaces = None,
    form: Annotated[Format, format_option("Output format.", Format.TEXT, Format.JSON, Format.MARKDOWN)] = Format.TEXT,
    fail_on: Annotated[
        FailOn | None, choice("--fail-on", FailOn, "Exit with 2 if there is a finding of this severity or higher.")
    ] = None,
) -> None:
    """Show who can gain more than their grants, and how to prevent it."""
    stack, words = stack_and_workspaces(stack, names or (), named)
    refuse_files_and_state(files=files, state=state)
    selected = tuple(dict.fromkeys([*words, *(workspaces or ())]))
    ledger = selected_ledger(Project.find(), stack, files=files, state=state)
    check_workspaces(stack, ledger, selected)
    # Always evaluate the whole stack: an editor of one workspace may be an account with a role in another.
    found = [one for one in escalations(ledger) if not selected or one.workspace in selected]
    shown = Report(stack, "files" if files else "state", len(selected or ledger), tuple(found))
    if form is Format.JSON:
        print(as_json(shown))
    elif form is Format.MARKDOWN:
        print(as_markdown(shown))
    else:
        print(as_text(shown, paint_for(sys.stdout)))
    if fail_on is not None and any(one.severity in _as_severe_as(fail_on) for one in found):
        raise typer.Exit(FOUND)


def _as_severe_as(least: FailOn) -> list[str]:
    return list(FailOn)[: list(FailOn).index(least) + 1]  # type: ignore[return-value]
