"""A stack file's guardrail settings as the ledger's input, and warnings about expired exceptions."""

from collections.abc import Iterator, Sequence

from ambient_components.access import NOTHING, Ledger, RailSettings, StackRails, standing
from ambient_components.errors import Problem
from ambient_components.program.calendar import Calendar
from ambient_components.rules.findings import Finding, Path
from ambient_components.stackfile import Allowance, LoadedStack, StackAllowance, StackFile
from ambient_components.stackfile.loader import located


def stack_rails(stack: StackFile, calendar: Calendar) -> StackRails:
    """Return the ledger's input `rails`. Default values are left out.

    Args:
        stack: The stack file.
        calendar: Decides which exceptions are in force.
    """
    rails: StackRails = {}
    if allowed := allowed_rails(stack.allow, calendar):
        rails["allow"] = allowed
    if places := sorted({str(place) for place in stack.rails.secret_sources}):
        rails["secretSources"] = places
    said = stack.rails.model_dump(by_alias=True, exclude_defaults=True, exclude={"secret_sources"})
    return {**rails, **said}  # type: ignore[typeddict-item]  # the model has the same fields


def allowed_rails(allowances: Sequence[Allowance | StackAllowance], calendar: Calendar) -> list[str]:
    """Return the names of the guardrails with an exception in force now, sorted."""
    return sorted({one.rail.value for one in allowances if calendar.in_force(one.until)})


def ended_allowances(stack: LoadedStack, ledger: Ledger, calendar: Calendar) -> list[Problem]:
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
    settings = RailSettings.of(stack_rails(stack, calendar))
    stands = [
        one
        for one in standing(ledger, settings, calendar.now)
        if one.rail not in (*settings.allow, *ledger.get(one.workspace or "", NOTHING).allow)
    ]
    places: list[tuple[Path, Sequence[Allowance | StackAllowance], str | None]] = [(("allow",), stack.allow, None)]
    places += [(("workspaces", name, "allow"), one.allow, name) for name, one in sorted(stack.workspaces.items())]
    for path, allowances, workspace in places:
        for index, allowance in enumerate(allowances):
            held = [one for one in stands if one.rail == allowance.rail and workspace in (None, one.workspace)]
            if calendar.in_force(allowance.until) or not held:
                continue
            where = "" if workspace else f"workspace {held[0].workspace!r}: "
            more = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
            problem = f"has ended, and what it let through stands: {where}{held[0].what}{more}"
            remedy = f"take that out, or agree on another day; it stays deployed, and no new {allowance.rail} passes"
            yield Finding((*path, index, "until"), problem, remedy, warning=True)
