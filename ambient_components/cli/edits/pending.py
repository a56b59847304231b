"""Steps of a plan that an edit needs, and all other changes, which `--now` must not deploy.

Pure.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ambient_components.engine import steps as engine_steps
from ambient_components.engine import urns

# The path format of `access.path_changes`, passed on by the engine.
_PART = re.compile(r'\.?([A-Za-z_$][A-Za-z0-9_$]*)|\["((?:[^"\\]|\\.)*)"\]')

RECORD = ["record"]
"""Path of the shard's run record, which follows the ledger."""


@dataclass(frozen=True, slots=True)
class Step:
    op: str
    """The engine's operation, such as create, update, replace or delete."""

    name: str
    """The logical name. For the ledger, the path of the change is appended."""

    kind: str = field(default="", compare=False)
    """The last part of the resource's type, such as ServiceAccount."""


@dataclass(frozen=True, slots=True)
class Pending:
    own: tuple[Step, ...]
    """Changes that the edit needs."""

    others: tuple[Step, ...]
    """All other changes."""


def sorted_steps(
    plan: engine_steps.Preview,
    is_own: Callable[[engine_steps.Step], bool],
    foreign: Callable[[engine_steps.Step], Iterable[str]],
) -> Pending:
    """Sort what a plan would do into what an edit needs, and all else.

    Args:
        foreign: Returns the paths of the ledger's step that the edit does not need. An empty path is the whole ledger.
    """
    own: list[Step] = []
    others: list[Step] = []
    for step in plan.steps:
        if step.type == urns.STACK or not step.changes:
            continue
        if step.protects:
            others.append(Step("protect", step.name))
        elif step.type == urns.ACCESS_LEDGER:
            paths = list(foreign(step))
            others += (Step(step.op, f"{step.name} {path}".rstrip()) for path in paths)
            own += [] if paths else [Step(step.op, step.name)]
        else:
            (own if is_own(step) else others).append(Step(step.op, step.name, step.kind))
    if not plan.steps:
        # The stack itself is always listed: this is a plan of an unknown form.
        others += (Step(op, f"{count} resources") for op, count in plan.changes.items())
    return Pending(tuple(own), tuple(others))


def foreign_paths(step: engine_steps.Step, is_own: Callable[[list[str]], bool]) -> Iterable[str]:
    """Yield the ledger's changed paths that an edit does not need. An empty path is the whole ledger."""
    if step.op != engine_steps.UPDATE or not step.paths:
        yield ""
    for path in step.paths:
        found = parts(path)
        if found != RECORD and not is_own(found):
            yield path


def parts(path: str) -> list[str]:
    """Return the keys in a property path. Empty for a path of another form."""
    found, at = [], 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            return []
        found.append(match[1] or re.sub(r"\\(.)", r"\1", match[2]))
        at = match.end()
    return found
