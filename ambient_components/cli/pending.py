"""The changes in a plan other than those of selected keys. `--now` must deploy nothing else.

Pure.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ambient_components.engine import names, types
from ambient_components.engine import steps as engine_steps
from ambient_components.engine.names import Part

# The path format of `access.tree`, passed on by the engine.
_PART = re.compile(r'\.?([A-Za-z_$][A-Za-z0-9_$]*)|\["((?:[^"\\]|\\.)*)"\]')


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the engine."""

    op: str
    """The engine's operation, such as create, update, replace or delete."""

    name: str
    """The logical name. For the ledger, the path of the change is appended."""

    kind: str = field(default="", compare=False)
    """The last part of the resource's type, such as ServiceAccount."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The changes in a plan."""

    keys: tuple[Step, ...]
    """Changes of the selected keys."""

    others: tuple[Step, ...]
    """All other changes."""


def pending(plan: engine_steps.Preview, keys: Collection[tuple[str, str]]) -> Pending:
    """Sort what a plan would do into what some keys need, and all else.

    Args:
        plan: The preview.
        keys: Workspace and id of each key.
    """
    own: list[Step] = []
    others: list[Step] = []
    for step in plan.steps:
        if step.type == types.STACK or not step.changes:
            continue
        if step.protects:
            others.append(Step("protect", step.name))
        elif step.type == types.ACCESS_LEDGER:
            foreign = list(_foreign(step, keys))
            others += (Step(step.op, f"{step.name} {path}".rstrip()) for path in foreign)
            own += [] if foreign else [Step(step.op, step.name)]
        else:
            (own if _is_of(step.name, keys) else others).append(Step(step.op, step.name, step.kind))
    if not plan.steps:
        # The stack itself is always listed: this is a plan of a form that nobody knows.
        others += (Step(op, f"{count} resources") for op, count in plan.changes.items())
    return Pending(tuple(own), tuple(others))


def _is_of(text: str, keys: Collection[tuple[str, str]]) -> bool:
    name = names.parse(text)
    return name is not None and name.part in (Part.KEY, Part.KEY_GENERATION) and (name.workspace, name.item) in keys


def _foreign(step: engine_steps.Step, keys: Collection[tuple[str, str]]) -> Iterator[str]:
    """Yield the ledger's changed paths outside these keys. An empty path means the whole ledger."""
    if step.op != engine_steps.UPDATE or not step.paths:
        yield ""
    for path in step.paths:
        match _parts(path):
            case ["workspaces", workspace, "keys", key, *_] if (workspace, key) in keys:
                continue
            case ["record"]:
                continue  # the shard's run record, which follows the ledger
            case _:
                yield path


def _parts(path: str) -> list[str]:
    """Return the keys in a property path. Empty for a path of another form."""
    parts, at = [], 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            return []
        parts.append(match[1] or re.sub(r"\\(.)", r"\1", match[2]))
        at = match.end()
    return parts
