"""Guardrails on the declared access alone, for checks that know no deployment."""

from collections.abc import Iterator, Sequence

from ambient_components.access import GuardrailSettings, Ledger, existing_violations
from ambient_components.errors import PathPart, Problem, hints_of
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import stack_guardrails
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.roles import rank
from ambient_components.stackfile import GuardrailException, LoadedStack, StackException, StackFile, Workspace
from ambient_components.stackfile.loader import located


def guardrail_findings(stack: LoadedStack, ledger: Ledger, calendar: Calendar) -> list[Problem]:
    """Return a warning for each declared violation without an exception.

    A run refuses such a violation unless it is deployed already, which the files do not show. Violations with an
    expired exception are left to `program.ledger.expired_exceptions`.

    Args:
        stack: The stack, with source positions.
        ledger: The stack's access, from `program.ledger.ledger_of`.
        calendar: The current time.
    """
    return located(stack, _findings(stack.file, ledger, calendar))


def _findings(stack: StackFile, ledger: Ledger, calendar: Calendar) -> Iterator[Finding]:
    settings = GuardrailSettings.of(stack_guardrails(stack, calendar))
    for one in existing_violations(ledger, settings, calendar.now):
        workspace = stack.workspaces.get(one.workspace or "")
        # Deployed access of a released workspace stays, and new access is refused by another rule.
        if workspace is None or ledger[one.workspace or ""].is_released:
            continue
        if one.guardrail not in _excepted(stack.exceptions) | _excepted(workspace.exceptions):
            path = ("workspaces", one.workspace or "", *_written(one.path, workspace))
            remedy = hints_of(one.remedy, one.exception_hint)
            problem = f"{one.what}: blocked by guardrail {one.guardrail} unless already deployed"
            yield Finding(path, problem, remedy, at_key=one.path == ("keys",), warning=True, rule=one.guardrail)


def _excepted(exceptions: Sequence[GuardrailException | StackException]) -> set[str]:
    return {one.guardrail.value for one in exceptions}


def _written(path: tuple[PathPart, ...], workspace: Workspace) -> Path:
    """Return the place in the workspace's entry: it lists the subjects by which the ledger names access."""
    section, *rest = path
    if section == "owners":
        subjects = [str(owner) for owner in workspace.owners]
        return (section, subjects.index(str(rest[0])))
    if section == "grants":
        grants = [(index, one) for index, one in enumerate(workspace.grants) if str(one.subject) == rest[0]]
        index, grant = max(grants, key=lambda found: rank(found[1].role))  # the ledger takes the strongest, too
        return (section, index, str(grant.subject.kind))
    return path
