"""Guardrails with places in the files: on the declared access alone, and on a change of the deployed access."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from ambient_components.access.entries import Ledger
from ambient_components.access.guardrails import Crossed, crossed, existing_violations
from ambient_components.access.ledger import refusals
from ambient_components.errors import Problem, hints_of
from ambient_components.model.guardrails import GuardrailException, GuardrailsRecord
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.program.access_tests import access_test_refusals
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import place_in, stack_guardrails
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.refusals import Rule
from ambient_components.stackfile.loader import LoadedStack, located


def guardrail_findings(stack: LoadedStack, ledger: Ledger, calendar: Calendar) -> list[Problem]:
    """Return a warning for each declared violation without an exception.

    A run refuses such a violation unless it is deployed already, which the files do not show. Violations with an
    expired exception are left to `program.ledger.expired_exceptions`.
    """
    return located(stack, _findings(stack.file, ledger, calendar))


def placed_refusals(
    stack: LoadedStack, before: Ledger, after: Ledger, settings: GuardrailsRecord, now: datetime
) -> list[Problem]:
    """Return what the ledger's check would refuse, with the places in the files."""
    placed = {crossing.refusal: crossing for crossing in crossed(before, after, settings, now)}
    tests = access_test_refusals(stack, Calendar.of(stack.file, now))
    return [
        *(refusal for refusal in tests if {*refusal.workspaces} & after.keys()),
        *(
            _placed(stack, placed[refusal]) if refusal in placed else at_entry(stack, refusal)
            for refusal in refusals(before, after, settings, now)
            if refusal.rule != Rule.ACCESS_TEST
        ),
    ]


def at_entry(stack: LoadedStack, problem: Problem) -> Problem:
    """Return a problem of one declared workspace with the place of its entry, unless it has a place already."""
    declared = [name for name in problem.workspaces if name in stack.file.workspaces]
    if problem.where is not None or len(declared) != 1:
        return problem
    return replace(problem, where=stack.sources.key(("workspaces", declared[0])))


def _placed(stack: LoadedStack, violation: Crossed) -> Problem:
    workspace = stack.file.workspaces.get(violation.workspace or "")
    if workspace is None:
        return violation.refusal
    path = _path(violation, workspace)
    where = stack.sources.key(path) if _is_at_key(violation) else stack.sources.value(path)
    return replace(violation.refusal, where=where)


def _findings(stack: StackFile, ledger: Ledger, calendar: Calendar) -> Iterator[Finding]:
    settings = stack_guardrails(stack, calendar)
    for violation in existing_violations(ledger, settings, calendar.now):
        workspace = stack.workspaces.get(violation.workspace or "")
        # Deployed access of a released workspace stays, and new access is refused by another rule.
        if workspace is None or ledger[violation.workspace or ""].is_released:
            continue
        if violation.guardrail not in _excepted(stack.exceptions) | _excepted(workspace.exceptions):
            path = _path(violation, workspace)
            remedy = hints_of(violation.remedy, violation.exception_hint)
            problem = f"{violation.what}: blocked by guardrail {violation.guardrail} unless already deployed"
            yield Finding(path, problem, remedy, at_key=_is_at_key(violation), rule=violation.guardrail)


def _is_at_key(violation: Crossed) -> bool:
    return len(violation.path) < 2


def _path(violation: Crossed, workspace: Workspace) -> Path:
    return ("workspaces", violation.workspace or "", *place_in(workspace, violation.path))


def _excepted(exceptions: Sequence[GuardrailException]) -> set[str]:
    return {exception.guardrail.value for exception in exceptions}
