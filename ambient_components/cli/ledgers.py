"""A stack's whole access as one ledger: out of its state, or out of its files."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ambient_components.access.entries import Entry, Ledger, read_ledger
from ambient_components.engine.state import Export, resources
from ambient_components.engine.types import ACCESS_LEDGER
from ambient_components.errors import fail

if TYPE_CHECKING:
    from ambient_components.cli.project import Project


def ledgers_in(export: Export) -> list[Mapping[str, Any]]:
    """Inputs of every AccessLedger of a state; there may be several.

    Args:
        export: what `pulumi stack export` printed, parsed.
    """
    return [ledger.inputs for ledger in resources(export, ACCESS_LEDGER)]


def ledger_from_state(export: Export) -> dict[str, Entry] | None:
    """What the last run of a stack declared, by workspace; None where there is no ledger in the state.

    Args:
        export: what `pulumi stack export` printed, parsed.
    """
    found = ledgers_in(export)
    ledger: dict[str, Entry] = {}
    for inputs in found:
        ledger |= read_ledger(inputs.get("workspaces"))
    return ledger if found else None


def ledger_from_files(project: "Project", stack: str) -> dict[str, Entry]:
    """What the stack's files come to now, by workspace.

    Raises:
        AmbientError: there are no such files, or something is wrong in them.
    """
    from ambient_components.cli.fleets.reading import of_shard  # noqa: PLC0415
    from ambient_components.cli.stacks import stack_path  # noqa: PLC0415
    from ambient_components.fleet.calendar import Calendar  # noqa: PLC0415
    from ambient_components.fleet.ledger import ledger_of  # noqa: PLC0415
    from ambient_components.spec.loader import load_stack  # noqa: PLC0415

    file = load_stack(stack_path(project, stack)).file
    own = of_shard(project, stack, {name: one.shard for name, one in file.workspaces.items()})
    return ledger_of({name: file.workspaces[name] for name in own}, Calendar.of(file))


def chosen_ledger(project: "Project", stack: str, *, files: bool) -> Ledger:
    """One of the two, for a verb that takes `--files`.

    Raises:
        AmbientError: it can't be read, or nothing was deployed yet.
    """
    if files:
        return ledger_from_files(project, stack)
    from ambient_components.cli.fleets.reading import export  # noqa: PLC0415

    ledger = ledger_from_state(export(project, stack))
    if ledger is None:
        fail(None, "", f"stack {stack!r} has deployed nothing yet", f"pulumi up --stack {stack}, or look at --files")
    return ledger


def check_workspaces(stack: str, ledger: Ledger, chosen: Collection[str]) -> None:
    """Refuses the name of a workspace that the stack has not.

    Raises:
        AmbientError: with the one that was meant, if there is one like it.
    """
    from ambient_components.suggest import did_you_mean  # noqa: PLC0415

    for name in chosen:
        if name not in ledger:
            fail(None, "", f"stack {stack!r} has no workspace {name!r}", did_you_mean(name, ledger))
