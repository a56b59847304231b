"""Steps of a plan that the change of one subject's access needs, and all other changes. Pure."""

from collections.abc import Collection, Iterator
from typing import Final

from ambient_components.access.bindings import ROLE_BINDING
from ambient_components.access.entries import NOTHING, Entry, read_ledger
from ambient_components.access.role_assignments import GRANT, OWNER
from ambient_components.cli.edits.pending import Pending, Step, foreign_paths, sorted_steps
from ambient_components.engine import names
from ambient_components.engine import steps as engine_steps
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import DELETES
from ambient_components.stacks.deployed import Binding
from ambient_components.stacks.reading import ACCESS_PARTS

_FIELDS: Final = {"grants": GRANT, "dates": GRANT, "owners": OWNER}
"""The fields of the ledger's entry, by the kind of access."""


def pending(
    plan: engine_steps.Preview, subject: str, workspaces: Collection[str], kinds: Collection[str] = (GRANT,)
) -> Pending:
    """Sort what a plan would do into the change of one subject's access, and all else."""

    def is_of(step: engine_steps.Step) -> bool:
        name = names.parse(step.name)
        return (
            name is not None
            and step.kind == ROLE_BINDING
            and ACCESS_PARTS.get(name.part) in kinds
            and name.item == subject
            and name.workspace in workspaces
        )

    def foreign(step: engine_steps.Step) -> Iterator[str]:
        before, after = (read_ledger(_recorded(side)) for side in (step.old, step.new))

        def is_path(found: list[str]) -> bool:
            match found:
                case ["workspaces", workspace, field, *rest] if _FIELDS.get(field) in kinds and workspace in workspaces:
                    if rest[:1] == [subject] and field != "owners":
                        return True
                    # The whole field, of which only this subject may change.
                    old, new = (_without(side.get(workspace, NOTHING), subject) for side in (before, after))
                    return not (field != "owners" and rest) and old[field] == new[field]
            return False

        yield from foreign_paths(step, is_path)

    return sorted_steps(plan, is_of, foreign)


def _recorded(side: Resource | None) -> object:
    return None if side is None else side.inputs.get("workspaces")


def _without(entry: Entry, subject: str) -> dict[str, object]:
    """Return the access of all other subjects, by the ledger's field."""
    return {
        "grants": {who: role for who, role in entry.grants.items() if who != subject},
        "dates": {who: periods for who, periods in entry.dates.items() if who != subject},
        "owners": [who for who in entry.owners if who != subject],
    }


def lacks(steps: Collection[Step], bindings: Collection[Binding]) -> list[str]:
    """Return a line for each RoleBinding that the plan does not delete."""
    deleted = {step.name for step in steps if step.op in DELETES}
    return [
        f"{one.workspace}: the {one.kind} {one.role} of {one.subject} is not deleted"
        for one in bindings
        if one.logical not in deleted
    ]
