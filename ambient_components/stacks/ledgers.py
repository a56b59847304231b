"""A stack's access as one ledger, from its state or from its files."""

from collections.abc import Collection, Mapping
from typing import Any

from ambient_components.access.entries import Entry, Ledger, read_ledger
from ambient_components.engine.state import Export, resources
from ambient_components.engine.urns import ACCESS_LEDGER
from ambient_components.errors import fail
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.project import Project, bare_name, stack_path
from ambient_components.stacks.saved_states import no_state, saved_export
from ambient_components.stacks.states import export, of_shard
from ambient_components.suggest import did_you_mean


def ledgers_in(export: Export) -> list[Mapping[str, Any]]:
    """Return the inputs of every AccessLedger in a state. There may be several.

    Args:
        export: The parsed output of `pulumi stack export`.
    """
    return [ledger.inputs for ledger in resources(export, ACCESS_LEDGER)]


def ledger_from_state(export: Export) -> dict[str, Entry] | None:
    """Return the ledger of a stack's last run, by workspace. None if the state has no ledger.

    Args:
        export: The parsed output of `pulumi stack export`.
    """
    found = ledgers_in(export)
    ledger: dict[str, Entry] = {}
    for inputs in found:
        ledger |= read_ledger(inputs.get("workspaces"))
    return ledger if found else None


def ledger_from_files(project: Project, stack: str) -> dict[str, Entry]:
    """Return the ledger that the stack's files declare, by workspace.

    Raises:
        AmbientError: The files are missing or invalid.
    """
    file = load_stack(stack_path(project, stack)).file
    own = of_shard(project, stack, {name: one.shard for name, one in file.workspaces.items()})
    return ledger_of({name: file.workspaces[name] for name in own}, Calendar.of(file))


def selected_ledger(project: Project, stack: str, *, files: bool, state: str = "") -> Ledger:
    """Return the ledger from the files or the state, for a verb with `--files` and `--state`.

    Args:
        project: The project.
        stack: The stack's name.
        files: Whether to use the files.
        state: A file with an exported state, or a fleet's folder, to use instead of the backend.

    Raises:
        AmbientError: It can't be read, or the stack was never deployed.
    """
    if files:
        return ledger_from_files(project, stack)
    if state:
        return _saved_ledger(project, stack, state)
    ledger = ledger_from_state(export(project, stack))
    if ledger is None:
        fail(None, "", f"stack {stack!r} has deployed nothing yet", f"pulumi up --stack {stack}, or look at --files")
    return ledger


def _saved_ledger(project: Project, stack: str, state: str) -> Ledger:
    try:
        ledger = ledger_from_state(saved_export(project, stack, state))
    except (KeyError, TypeError, AttributeError, ValueError):
        no_state(state, bare_name(stack))
    if ledger is None:
        fail(None, "", f"{state} has no access ledger: nothing was deployed, or by another program", "look at --files")
    return ledger


def check_workspaces(stack: str, ledger: Ledger, selected: Collection[str]) -> None:
    """Refuse names of workspaces that the stack does not have.

    Raises:
        AmbientError: A workspace does not exist. The message suggests a similar name.
    """
    for name in selected:
        if name not in ledger:
            fail(None, "", f"stack {stack!r} has no workspace {name!r}", did_you_mean(name, ledger))
