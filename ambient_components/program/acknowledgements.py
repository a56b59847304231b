"""The acknowledged warnings of a stack file at a given time, and acknowledgements without effect."""

from collections.abc import Collection, Iterator, Sequence

from ambient_components.errors import Acknowledged, Problem
from ambient_components.model.acknowledgements import Acknowledgement
from ambient_components.model.stack import StackFile
from ambient_components.program.calendar import Calendar
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.warnings import IN_FILES, STACK, Acknowledgements, LoudWarning
from ambient_components.rules.workspaces import WorkspaceState


def acknowledgements(stack: StackFile, calendar: Calendar | None) -> Acknowledgements:
    """Return the acknowledgements in force; without a calendar also those that have ended."""
    scopes = {
        scope: {
            name: Acknowledged(entry.reason, entry.date.isoformat())
            for entry in listed
            if calendar is None or calendar.in_force(entry.until)
            for name in entry.names
        }
        for _, scope, listed in _places(stack)
    }
    return Acknowledgements({scope: entries for scope, entries in scopes.items() if entries})


def unmanaged(stack: StackFile, calendar: Calendar) -> frozenset[str]:
    listed = (entry for entry in stack.acknowledge if calendar.in_force(entry.until))
    return frozenset(name for entry in listed for name in entry.workspaces)


def from_the_future(stack: StackFile, calendar: Calendar) -> Iterator[Finding]:
    for path, _, listed in _places(stack):
        for index, entry in enumerate(listed):
            if entry.date > calendar.today:
                problem = f"{entry.date} is in the future: it is the day on which the warning was acknowledged"
                remedy = "write that day; the last day of the acknowledgement is until"
                yield Finding((*path, index, "date"), problem, remedy)


def unused(stack: StackFile, warnings: Collection[Problem]) -> Iterator[Finding]:
    """Find acknowledgements of warnings that the files do not cause.

    Warnings that also depend on the cluster or on the time of a run are left out.

    Args:
        warnings: All warnings that the files alone cause.
    """
    for path, scope, listed in _places(stack):
        if scope != STACK and stack.workspaces[scope].state is not WorkspaceState.ACTIVE:
            continue
        caused = {warning.rule for warning in warnings if scope in (STACK, *warning.workspaces)}
        for index, entry in enumerate(listed):
            if entry.rule in IN_FILES - caused:
                where = "this stack" if scope == STACK else "this workspace"
                problem = f"{where} has no warning {entry.rule}"
                rule = LoudWarning.UNUSED_ACKNOWLEDGEMENT
                yield Finding((*path, index, "rule"), problem, "remove the acknowledgement", rule=rule)


def _places(stack: StackFile) -> Iterator[tuple[Path, str, Sequence[Acknowledgement]]]:
    yield ("acknowledge",), STACK, stack.acknowledge
    for name, workspace in stack.workspaces.items():
        yield ("workspaces", name, "acknowledge"), name, workspace.acknowledge
