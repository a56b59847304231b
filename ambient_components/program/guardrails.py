"""A stack file's guardrail settings as the ledger's input, and warnings about expired exceptions."""

from collections.abc import Iterator, Sequence

from ambient_components.access import NOTHING, GuardrailSettings, Ledger, StackGuardrails, standing
from ambient_components.errors import Problem
from ambient_components.program.calendar import Calendar
from ambient_components.rules.findings import Finding, Path
from ambient_components.stackfile import GuardrailException, LoadedStack, StackException, StackFile
from ambient_components.stackfile.loader import located


def stack_guardrails(stack: StackFile, calendar: Calendar) -> StackGuardrails:
    """Return the ledger's input `guardrails`. Default values are left out.

    Args:
        stack: The stack file.
        calendar: Decides which exceptions are in force.
    """
    guardrails: StackGuardrails = {}
    if allowed := excepted(stack.exceptions, calendar):
        guardrails["exceptions"] = allowed
    if places := sorted({str(place) for place in stack.guardrails.secret_sources}):
        guardrails["secretSources"] = places
    said = stack.guardrails.model_dump(by_alias=True, exclude_defaults=True, exclude={"secret_sources"})
    return {**guardrails, **said}  # type: ignore[typeddict-item]  # the model has the same fields


def excepted(exceptions: Sequence[GuardrailException | StackException], calendar: Calendar) -> list[str]:
    """Return the names of the guardrails with an exception in force now, sorted."""
    return sorted({one.guardrail.value for one in exceptions if calendar.in_force(one.until)})


def expired_exceptions(stack: LoadedStack, ledger: Ledger, calendar: Calendar) -> list[Problem]:
    """Return a warning for each expired exception that still covers a declared violation.

    An expired exception never blocks a run: the violation was deployed while the exception was valid, and keys must
    keep rotating.

    Args:
        stack: The stack, with source positions.
        ledger: The stack's access, from `ledger_of`.
        calendar: Decides which exceptions are in force.
    """
    return located(stack, _ended(stack.file, ledger, calendar))


def _ended(stack: StackFile, ledger: Ledger, calendar: Calendar) -> Iterator[Finding]:
    settings = GuardrailSettings.of(stack_guardrails(stack, calendar))
    stands = [
        one
        for one in standing(ledger, settings, calendar.now)
        if one.guardrail not in (*settings.exceptions, *ledger.get(one.workspace or "", NOTHING).exceptions)
    ]
    places: list[tuple[Path, Sequence[GuardrailException | StackException], str | None]] = [
        (("exceptions",), stack.exceptions, None)
    ]
    places += [
        (("workspaces", name, "exceptions"), one.exceptions, name) for name, one in sorted(stack.workspaces.items())
    ]
    for path, exceptions, workspace in places:
        for index, exception in enumerate(exceptions):
            existing = [
                one for one in stands if one.guardrail == exception.guardrail and workspace in (None, one.workspace)
            ]
            if calendar.in_force(exception.until) or not existing:
                continue
            where = "" if workspace else f"workspace {existing[0].workspace!r}: "
            more = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
            problem = f"has ended, and what it let through is still deployed: {where}{existing[0].what}{more}"
            remedy = (
                f"take that out, or agree on another day; it stays deployed, and no new {exception.guardrail} passes"
            )
            yield Finding((*path, index, "until"), problem, remedy, warning=True)
