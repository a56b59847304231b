"""`ambient report`: who can gain more than their grants, by which path, and how to prevent it."""

import sys
import textwrap
from enum import StrEnum
from typing import Annotated, Final

import typer

from ambient_components import activity
from ambient_components.access.escalation.paths import undeclared_access
from ambient_components.cli.options import (
    Files,
    MoreWorkspaces,
    NamedStack,
    Since,
    StackOrWorkspace,
    Workspaces,
    choice,
    format_option,
    refuse_files_and_state,
    refuse_since,
    state_option,
)
from ambient_components.cli.prompts import stack_and_workspaces
from ambient_components.cli.report.forms import (
    Report,
    as_json,
    as_markdown,
    as_text,
)
from ambient_components.output import Format, paint_for
from ambient_components.review.making import Choice, declared, findings_of, results_of, review
from ambient_components.review.page import as_html
from ambient_components.rules.escalation_paths import Path
from ambient_components.stacks.access_report import from_cluster
from ambient_components.stacks.access_report import report as compared
from ambient_components.stacks.ledgers import check_workspaces, selected_access
from ambient_components.stacks.project import Project

FOUND: Final = 2
"""Exit code if `--fail-on` matches a finding, so that a pipeline can tell it from an error."""

EPILOG = """\
\b
examples:
  ambient report prod                                 overview: access declared by the last run
  ambient report prod --files --fail-on high          before a change: the files, without engine and cluster
  ambient report prod --state state.json              a saved state, without an engine
  ambient report prod --live                          also access in the cluster that no file declares
  ambient report prod --workspace payments            who, how, and what to change in one workspace
  ambient report prod --verbose                       the same of all workspaces
  ambient report prod --format html > report.html     one page for a browser: findings, access, keys
  ambient report prod --format html --since before.json   also what changed since an exported state
  ambient report prod --format markdown >> "$GITHUB_STEP_SUMMARY"
  ambient report prod --format json | jq '.findings[] | select(.severity == "high")'

\b
severity: high    leads to a role in a workspace that was not granted
          medium  leads to a secret, to power that outlives its grant, or to more in some installations
          low     comes with the platform's role edit, wherever it is granted
          closed  the guard refuses it (guard: {mode: deny}), if the cluster has it: --live looks.
                  Unless it finds the guard as installed, --fail-on counts closed paths as open

\b
It evaluates declared access, without a cluster. --live also reads the cluster, with the rights of `ambient access
--live`, and reports access that no file declares as undeclaredAccess. Members of groups are not listed. json has all
findings, with and without --verbose.

\b
json:   {"version": 1, "stack", "source": "state" or "files",
         "selected": {"workspaces": [...], "subject"}, empty for all, "workspaces": NUMBER,
         "summary": {"high", "medium", "low", "closed"}, "guard": null, or with --live as in `ambient access --live`,
         "findings": [{"workspace", "path", "severity", "who": [{"workspace", "subject", "role", "reason"}, ...],
                       "can", "becomes", "how", "remedy": [...], "keys": [...], "closedBy", "weakenedBy"}, ...],
         "tests": as in `ambient access`},
        the most severe first. closedBy and weakenedBy are the guard's rule, or null.
        path is one of:
PATHS.
        who is as in `ambient access`, and empty if the path is open to subjects outside the stack. becomes is the
        role that the path leads to, or null. keys lists the keys involved. can, how and remedy are texts for people.

\b
exit codes: 0 success; 1 error; 2 a finding of the --fail-on severity or higher is shown; 64 wrong usage; 130 Ctrl-C
""".replace("PATHS", textwrap.fill(", ".join(Path), 110, initial_indent=" " * 8, subsequent_indent=" " * 8))


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
    live: Annotated[bool, typer.Option("--live", help="Also report undeclared access in the cluster.")] = False,
    workspaces: Workspaces = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="All findings, with subjects, description and remedies.")
    ] = False,
    form: Annotated[
        Format, format_option("Output format.", Format.TEXT, Format.JSON, Format.MARKDOWN, Format.HTML)
    ] = Format.TEXT,
    since: Since = "",
    fail_on: Annotated[
        FailOn | None, choice("--fail-on", FailOn, "Exit with 2 if there is a finding of this severity or higher.")
    ] = None,
) -> None:
    """Show who can gain more than their grants, and how to prevent it."""
    stack, words = stack_and_workspaces(stack, names, named, workspaces)
    refuse_files_and_state(files=files, state=state)
    refuse_since(since, form)
    selected = tuple(words)
    project = Project.find()
    access = selected_access(project, stack, files=files, state=state)
    ledger = access.ledger
    check_workspaces(stack, ledger, selected)
    there = None
    chosen = {name: ledger[name] for name in selected or ledger}
    if live:
        with activity.waiting(f"Reading the access in the cluster of {stack}"):
            there = from_cluster(project, stack, chosen, one_by_one=bool(selected))
    guard = there.guard if there else None
    # Always evaluate the whole stack: an editor of one workspace may be an account with a role in another.
    found = findings_of(access, guard)
    findings = [finding for finding in found if not selected or finding.workspace in selected]
    if there:
        others = compared(stack, "files" if files else "state", chosen, there.assignments).undeclared
        findings = sorted([*findings, *undeclared_access(others)], key=lambda finding: finding.rank)
    source = "files" if files else "state"
    tests = () if selected else results_of(access, guard)
    shown = Report(stack, source, len(selected or ledger), tuple(findings), Choice(selected), guard, tests)
    if form is Format.JSON:
        print(as_json(shown))
    elif form is Format.HTML:
        known = declared(stack, access, shown.selected)
        print(
            as_html(review(project, access, known, findings, shown.selected, since=since, findings_first=True)), end=""
        )
    elif form is Format.MARKDOWN:
        print(as_markdown(shown, details=verbose or bool(selected)))
    else:
        print(as_text(shown, paint_for(sys.stdout), details=verbose or bool(selected)))
    if fail_on is not None and shown.has_as_severe(_as_severe_as(fail_on)):
        raise typer.Exit(FOUND)


def _as_severe_as(least: FailOn) -> list[str]:
    return list(FailOn)[: list(FailOn).index(least) + 1]  # type: ignore[return-value]
