"""A stack's whole access as one ledger: out of its state, or out of its files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ambient_components.errors import fail

if TYPE_CHECKING:
    from ambient_components.cli.project import Project

_LEDGER: Final = "ambient:index:AccessLedger"


def ledger_from_state(export: Mapping[str, Any]) -> dict[str, Mapping[str, Any]] | None:
    """What the last run of a stack declared, by workspace; None where there is no ledger in the state.

    Args:
        export: what `pulumi stack export` printed, parsed.
    """
    resources = (export.get("deployment") or {}).get("resources") or ()
    found = [item for item in resources if item["type"] == _LEDGER]
    ledger: dict[str, Mapping[str, Any]] = {}
    for item in found:
        ledger.update((item.get("inputs") or {}).get("workspaces") or {})
    return ledger if found else None


def ledger_from_files(project: "Project", stack: str) -> dict[str, Mapping[str, Any]]:
    """What the stack's files come to now, by workspace.

    Raises:
        AmbientError: there are no such files, or something is wrong in them.
    """
    from ambient_components.cli.stacks import stack_path  # noqa: PLC0415
    from ambient_components.fleet.arguments import ledger_of  # noqa: PLC0415
    from ambient_components.fleet.calendar import Calendar  # noqa: PLC0415
    from ambient_components.spec.loader import load_stack  # noqa: PLC0415

    file = load_stack(stack_path(project, stack)).file
    return dict(ledger_of(file.workspaces, Calendar.of(file)))


def read_ledger(project: "Project", stack: str, *, files: bool) -> dict[str, Mapping[str, Any]]:
    """One of the two, for a verb that takes `--files`.

    Raises:
        AmbientError: it can't be read, or nothing was deployed yet.
    """
    if files:
        return ledger_from_files(project, stack)
    from ambient_components.cli import engine  # noqa: PLC0415

    ledger = ledger_from_state(engine.export(engine.PulumiEngine(project.folder), stack))
    if ledger is None:
        fail(None, "", f"stack {stack!r} has deployed nothing yet", f"pulumi up --stack {stack}, or look at --files")
    return ledger
