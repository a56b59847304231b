"""The facts of a review, from a stack's access, its state and an earlier one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ambient_components import clock
from ambient_components.access.access_tests import Members, Result, results
from ambient_components.access.entries import Ledger
from ambient_components.access.escalation.findings import Finding
from ambient_components.access.escalation.paths import escalations
from ambient_components.access.role_assignments import KEY
from ambient_components.engine.state import Export, written_at
from ambient_components.model.guard import NO_GUARD
from ambient_components.review.changes import compared
from ambient_components.review.facts import Changes, Review
from ambient_components.rotation.state import format_time
from ambient_components.stacks.access_report import Report, from_state, part, report
from ambient_components.stacks.deployed import DeployedKey
from ambient_components.stacks.guard_report import GuardReport
from ambient_components.stacks.key_table import Limits, Seen, rows, run_interval
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
        since: A file with an earlier state. Empty for none.
    """
    made = Review(
        shown,
        clock.now(),
        {name: access.ledger[name].state for name in sorted(access.ledger) if choice.has(name)},
        tuple(filter(choice.includes, findings)),
        tuple(_keys(project, shown.stack, access.export, choice, seen)),
        written_at(access.export) if access.export is not None else None,
        findings_first=findings_first,
        tests=results_of(access, shown.guard) if choice == Choice() else (),
    )
    return replace(made, changes=_since(project, made, since, choice)) if since else made


def declared(stack: str, access: SelectedAccess, choice: Choice) -> Report:
    """Return the chosen access without the cluster."""
    ledger = {name: entry for name, entry in access.ledger.items() if choice.has(name)}
    given = None if access.export is None else from_state(access.export, ledger)
    source = "files" if access.export is None else "state"
    return part(report(stack, source, ledger, None, given), choice.subject)


def findings_of(access: SelectedAccess, guard: GuardReport | None = None) -> list[Finding]:
    """Return the escalation paths. A guard that the cluster is known to lack closes none, a floor closes more."""
    return escalations(_guarded(access.ledger, guard), isolates_admin_keys=access.isolates_admin_keys)


def results_of(
    access: SelectedAccess, guard: GuardReport | None = None, members: Members | None = None
) -> tuple[Result, ...]:
    """Return the results of the access tests, with the paths of `findings_of`, and for members of groups if known."""
    return tuple(results(_guarded(access.ledger, guard), access.tests, clock.now(), members or {}))


def _guarded(ledger: Ledger, guard: GuardReport | None) -> Ledger:
    if guard is None:
        return ledger
    held = (lambda _: NO_GUARD) if guard.is_known_to_lack else guard.above_floor
    return {name: entry.model_copy(update={"guard": held(entry.guard)}) for name, entry in ledger.items()}


def _keys(
    project: Project,
    stack: str,
    export: Export | None,
    choice: Choice,
    seen: Mapping[tuple[str, str], Seen] | None,
) -> Iterator[DeployedKey]:
    if export is None:
        return
    summary = read_deployed(export, stack, clock.now())
    for row in rows(summary, seen, Limits(run_interval(project, stack))):
        if choice.has(row.workspace) and choice.subject in ("", f"{KEY}:{row.id}"):
            yield row


def _since(project: Project, made: Review, path: str, choice: Choice) -> Changes:
    access = selected_access(project, made.access.stack, files=False, state=path)
    before = review(project, access, declared(made.access.stack, access, choice), findings_of(access), choice)
    at = format_time(before.state_at) if before.state_at else ""
    return compared(f"{path} of {at}" if at else path, before, made)
