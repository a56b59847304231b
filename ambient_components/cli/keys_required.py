"""The steps that a plan must have so that keys have ended after it, and those that are missing. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.cli.keys_deployed import ACCOUNT, TOKEN, Identity
from ambient_components.cli.keys_edit import Chosen
from ambient_components.cli.pending import Step
from ambient_components.engine.names import Part, logical_name
from ambient_components.engine.steps import DELETES

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


def lacks(steps: Collection[Step], aims: Mapping[Chosen, Aim], deployed: Collection[Identity]) -> list[str]:
    """Return the missing steps for keys, one line each.

    Args:
        steps: The plan's steps for the keys.
        aims: The intended result for each key.
        deployed: The identities in the state.
    """
    return [line for key, aim in aims.items() for line in _lacks(steps, key, aim, deployed)]


def _lacks(steps: Collection[Step], key: Chosen, aim: Aim, deployed: Collection[Identity]) -> Iterator[str]:
    (workspace, key_id), name = key, "/".join(key)
    new = logical_name(workspace, Part.KEY_GENERATION, key_id, aim.written)
    if not aim.revoked and not _has(steps, TOKEN, _MAKES, {new}):
        yield f"{name}: no token of generation {aim.written} is made"
    for identity in deployed:
        if identity.chosen != key or not aim.ends(identity):
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
