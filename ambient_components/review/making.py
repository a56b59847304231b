"""The facts of a review, from a stack's access, its state and an earlier file."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ambient_components import clock
from ambient_components.access.escalation import Finding, escalations
from ambient_components.access.escalation import Path as EscalationPath
from ambient_components.access.role_assignments import KEY, RoleAssignment
from ambient_components.engine.state import Export, written_at
from ambient_components.errors import fail
from ambient_components.review.changes import Identity, Snapshot, compared
from ambient_components.review.facts import Changes, Review
from ambient_components.rotation.state import format_time
from ambient_components.stacks.access_report import Report, from_state, part, report
from ambient_components.stacks.key_table import KeyRow, Limits, Seen, rows, run_interval
from ambient_components.stacks.ledgers import SelectedAccess, selected_access
from ambient_components.stacks.project import Project
from ambient_components.stacks.reading import read_deployed


@dataclass(frozen=True, slots=True)
class Choice:
    """The part of a stack that a page is about."""

    workspaces: tuple[str, ...] = ()
    """Empty means all."""
    subject: str = ""
    """Empty means all."""

    def document(self) -> dict[str, Any]:
        """Return it for JSON outputs, so that only outputs of the same part are compared."""
        return {"workspaces": sorted(self.workspaces), "subject": self.subject}

    def has(self, workspace: str) -> bool:
        return not self.workspaces or workspace in self.workspaces

    def includes(self, finding: Finding) -> bool:
        """Return whether a finding is of one of the workspaces, and open to the subject."""
        is_open = not self.subject or any(who.subject == self.subject for who in finding.who)
        return is_open and self.has(finding.workspace)


def review(
    project: Project,
    access: SelectedAccess,
    shown: Report,
    findings: Iterable[Finding],
    choice: Choice,
    *,
    seen: Mapping[tuple[str, str], Seen] | None = None,
    since: str = "",
    findings_first: bool = False,
) -> Review:
    """Return the facts of a page.

    Args:
        seen: What the cluster reports about keys. None if it was not queried.
        since: A file with an earlier state or output. Empty for none.
    """
    made = Review(
        shown,
        clock.now(),
        {name: access.ledger[name].state for name in sorted(access.ledger) if choice.has(name)},
        tuple(filter(choice.includes, findings)),
        tuple(_keys(project, shown.stack, access.export, choice, seen)),
        written_at(access.export) if access.export is not None else None,
        findings_first=findings_first,
    )
    return replace(made, changes=_since(project, made, since, choice)) if since else made


def declared(stack: str, access: SelectedAccess, choice: Choice) -> Report:
    """Return the chosen access without the cluster."""
    ledger = {name: entry for name, entry in access.ledger.items() if choice.has(name)}
    given = None if access.export is None else from_state(access.export, ledger)
    source = "files" if access.export is None else "state"
    return part(report(stack, source, ledger, None, given), choice.subject)


def _findings(access: SelectedAccess) -> list[Finding]:
    return escalations(access.ledger, isolates_admin_keys=access.isolates_admin_keys)


def _keys(
    project: Project,
    stack: str,
    export: Export | None,
    choice: Choice,
    seen: Mapping[tuple[str, str], Seen] | None,
) -> Iterator[KeyRow]:
    if export is None:
        return
    summary = read_deployed(export, stack, clock.now())
    for row in rows(summary, seen, Limits(run_interval(project, stack))):
        if choice.has(row.workspace) and choice.subject in ("", f"{KEY}:{row.id}"):
            yield row


def _since(project: Project, made: Review, path: str, choice: Choice) -> Changes:
    stack = made.access.stack
    output = _output(path)
    if output is not None:
        if output.get("stack") != stack:
            fail(None, "", f"{path} is about stack {output.get('stack')!r}, not about {stack!r}")
        earlier = _of_output(path, output)
        same = output.get("selected") == choice.document() and not output.get("right")
        other_source = "access" in output and bool(output.get("live")) != made.access.requested
        if not same or other_source:
            hint = "make it with the same workspaces, --subject and --live as this page, without --who-can"
            fail(None, "", f"{path} is about another part of the stack", hint)
        return compared(path, earlier, _snapshot(made))
    access = selected_access(project, stack, files=False, state=path)
    states = {name: entry.state for name, entry in access.ledger.items() if choice.has(name)}
    before = Review(
        declared(stack, access, choice),
        made.now,
        states,
        tuple(filter(choice.includes, _findings(access))),
        tuple(_keys(project, stack, access.export, choice, None)),
    )
    at = written_at(access.export) if access.export is not None else None
    return compared(f"{path} of {format_time(at)}" if at else path, _snapshot(before), _snapshot(made))


def _snapshot(made: Review) -> Snapshot:
    tokens: dict[Identity, datetime | None] = {(key.workspace, key.id, key.generation): key.issued for key in made.keys}
    return Snapshot(
        frozenset(assignment for row in made.access.rows for assignment in row.assignments),
        made.states,
        tokens if made.access.source == "state" else None,
        frozenset((finding.workspace, finding.path) for finding in made.findings),
    )


def _output(path: str) -> Mapping[str, Any] | None:
    """Return a former JSON output. None for anything else, which must be a state."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8")) if Path(path).is_file() else None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, Mapping) and found.keys() & {"access", "findings"} else None


def _of_output(path: str, found: Mapping[str, Any]) -> Snapshot:
    """Read a former JSON output: of `ambient access`, without findings, or of `ambient report`, without roles."""
    try:
        assignments = frozenset(
            RoleAssignment(row["workspace"], row["subject"], one["role"], one["reason"])
            for row in found.get("access") or ()
            for one in row["because"]
        )
        findings = frozenset(
            (finding["workspace"], EscalationPath(finding["path"])) for finding in found.get("findings") or ()
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        fail(None, "", f"{path} is no output of ambient access or ambient report", "--format json of either of them")
    return Snapshot(assignments if "access" in found else None, findings=findings if "findings" in found else None)
