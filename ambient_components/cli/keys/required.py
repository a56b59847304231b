"""Steps of a plan that selected keys need, and all other changes, which `--now` must not deploy.

Pure.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ambient_components.cli.keys.deployed import ACCOUNT, TOKEN, Identity
from ambient_components.cli.keys.edit import SelectedKey
from ambient_components.engine import names, urns
from ambient_components.engine import steps as engine_steps
from ambient_components.engine.names import Part, logical_name
from ambient_components.engine.steps import DELETES

# The path format of `access.recorded`, passed on by the engine.
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
        if step.type == urns.STACK or not step.changes:
            continue
        if step.protects:
            others.append(Step("protect", step.name))
        elif step.type == urns.ACCESS_LEDGER:
            foreign = list(_foreign(step, keys))
            others += (Step(step.op, f"{step.name} {path}".rstrip()) for path in foreign)
            own += [] if foreign else [Step(step.op, step.name)]
        else:
            (own if _is_of(step.name, keys) else others).append(Step(step.op, step.name, step.kind))
    if not plan.steps:
        # The stack itself is always listed: this is a plan of an unknown form.
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


_MAKES: Final = frozenset({"create", "replace", "create-replacement"})


@dataclass(frozen=True, slots=True)
class Aim:
    """The intended result for a key after the deployment."""

    written: int
    """The key's generation in the files. For a revoked key, the last one."""
    revoked: bool = False
    """Whether all identities must end."""
    overlap: bool = False
    """Whether the previous generation stays valid for an overlap."""
    service_account: str | None = None
    """The ServiceAccount of generation 1 in the files, if the platform made the key."""

    @property
    def at_once(self) -> bool:
        """Whether every old identity ends at once, as needed after a leak."""
        return self.revoked or not self.overlap

    @property
    def living(self) -> frozenset[int]:
        """The generations that are valid afterwards."""
        if self.revoked:
            return frozenset()
        return frozenset({self.written, self.written - 1} if self.overlap else {self.written})

    def ends(self, identity: Identity) -> bool:
        """Tell whether an identity must have ended."""
        return identity.generation not in self.living


def lacks(steps: Collection[Step], aims: Mapping[SelectedKey, Aim], deployed: Collection[Identity]) -> list[str]:
    """Return the missing steps for keys, one line each.

    Args:
        steps: The plan's steps for the keys.
        aims: The intended result for each key.
        deployed: The identities in the state.
    """
    return [line for key, aim in aims.items() for line in _lacks(steps, key, aim, deployed)]


def _lacks(steps: Collection[Step], key: SelectedKey, aim: Aim, deployed: Collection[Identity]) -> Iterator[str]:
    (workspace, key_id), name = key, "/".join(key)
    new = logical_name(workspace, Part.KEY_GENERATION, key_id, aim.written)
    if not aim.revoked and not _has(steps, TOKEN, _MAKES, {new}):
        yield f"{name}: no token of generation {aim.written} is made"
    for identity in deployed:
        if identity.selected != key or not aim.ends(identity):
            continue
        old = logical_name(workspace, Part.KEY_GENERATION, key_id, identity.generation)
        # A token with a following generation is replaced, and then has the logical name of the new one.
        ended = _has(steps, TOKEN, DELETES, {old, new}) or _has(steps, TOKEN, _MAKES - {"create"}, {new})
        if ACCOUNT in identity.kinds:
            ended = _has(steps, ACCOUNT, DELETES, {old})
        elif TOKEN not in identity.kinds:
            continue
        if not ended:
            yield f"{name}: generation {identity.generation} is not deleted"


def _has(steps: Collection[Step], kind: str, ops: Collection[str], names: Collection[str]) -> bool:
    return any(step.kind == kind and step.op in ops and step.name in names for step in steps)
