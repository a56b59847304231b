"""A stack's access as one ledger, from its state or from its files."""

from collections.abc import Collection
from dataclasses import dataclass

from ambient_components.access.entries import Ledger
from ambient_components.engine.state import Export
from ambient_components.errors import stop
from ambient_components.model.guardrails import BUILT_IN, GuardrailsRecord
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of, stack_guardrails
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.reading import guardrails_in, guardrails_of_ledgers, ledger_from_state
from ambient_components.stacks.states import export, of_shard, saved_export
from ambient_components.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class SelectedAccess:
    """A stack's access from the source that a verb's options select."""

    ledger: Ledger
    isolates_admin_keys: bool
    """Whether `guardrails.isolateAdminKeys` is true."""
    export: Export | None = None
    """The state; None if the access is from files."""
    tests: GuardrailsRecord = BUILT_IN
    """The access tests."""


def selected_access(project: Project, stack: str, *, files: bool, state: str = "") -> SelectedAccess:
    """Return the access from the files or the state, for a verb with `--files` and `--state`."""
    if files:
        return _from_files(project, stack)
    if state:
        return _from_saved_state(project, stack, state)
    selected = _from_state(export(project, stack))
    if selected is None:
        stop(f"stack {stack!r} has deployed nothing yet", f"ambient up {stack}, or look at --files")
    return selected


def _from_files(project: Project, stack: str) -> SelectedAccess:
    file = load_stack(stack_path(project, stack)).file
    own = of_shard(project, stack, {name: workspace.shard for name, workspace in file.workspaces.items()})
    calendar = Calendar.of(file)
    ledger = ledger_of({name: file.workspaces[name] for name in own}, calendar)
    tests = stack_guardrails(file, calendar)
    return SelectedAccess(ledger, file.guardrails.isolate_admin_keys, tests=tests)


def _from_state(reported: Export) -> SelectedAccess | None:
    guardrails = guardrails_of_ledgers(reported)
    if not guardrails:
        return None
    isolates = all(of_ledger.isolate_admin_keys for of_ledger in guardrails)
    return SelectedAccess(ledger_from_state(reported), isolates, reported, guardrails_in(reported))


def _from_saved_state(project: Project, stack: str, state: str) -> SelectedAccess:
    selected = _from_state(saved_export(project, stack, state))
    if selected is None:
        stop(f"{state} has no access ledger: nothing was deployed, or by another program", "look at --files")
    return selected


def check_workspaces(stack: str, names: Collection[str], selected: Collection[str]) -> None:
    for name in selected:
        if name not in names:
            stop(f"stack {stack!r} has no workspace {name!r}", did_you_mean(name, names))
