"""What a plan holds besides the change of some keys: `--now` deploys nothing that nobody asked for.

Pure.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ambient_components.engine import names, types
from ambient_components.engine import steps as engine_steps
from ambient_components.engine.names import Part

# As `access.tree` writes it, and the engine hands it on.
_PART = re.compile(r'\.?([A-Za-z_$][A-Za-z0-9_$]*)|\["((?:[^"\\]|\\.)*)"\]')


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the engine would do."""

    op: str
    """In the engine's words: create, update, replace, delete, …"""

    name: str
    """The logical name; of the ledger with the path of what changes."""

    kind: str = field(default="", compare=False)
    """The last part of the resource's type, such as ServiceAccount."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What a plan holds."""

    keys: tuple[Step, ...]
    """What is done for the keys."""

    others: tuple[Step, ...]
    """All else."""


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
    """Return the paths that change and are none of the keys'; one that says nothing where the whole ledger does."""
    if step.op != engine_steps.UPDATE or not step.paths:
        yield ""
    for path in step.paths:
        match _parts(path):
            case ["workspaces", workspace, "keys", key, *_] if (workspace, key) in keys:
                continue
            case ["record"]:
                continue  # a shard's run record, which follows the ledger
            case _:
                yield path


def _parts(path: str) -> list[str]:
    """Return the keys of a property path; nothing where it is written otherwise than ours."""
    parts, at = [], 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            return []
        parts.append(match[1] or re.sub(r"\\(.)", r"\1", match[2]))
        at = match.end()
    return parts
