"""What a plan must do so that some keys have ended after it, and what of that it lacks. Pure."""

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
    """What shall be true of a key after the deployment."""

    written: int
    """Its generation in the files; of a revoked key the last one that they had."""
    revoked: bool = False
    """Whether no identity of it lives on."""
    overlap: bool = False
    """Whether the generation before lives on for a while."""

    @property
    def at_once(self) -> bool:
        """Whether every identity until now ends, which is what a leak needs."""
        return self.revoked or not self.overlap

    @property
    def living(self) -> frozenset[int]:
        """The generations that work afterwards."""
        if self.revoked:
            return frozenset()
        return frozenset({self.written, self.written - 1} if self.overlap else {self.written})

    def ends(self, identity: Identity) -> bool:
        """Tell whether an identity shall have ended."""
        return identity.generation not in self.living


def lacks(steps: Collection[Step], aims: Mapping[Chosen, Aim], deployed: Collection[Identity]) -> list[str]:
    """Say what a plan should do for keys and does not, one line each.

    Args:
        steps: What the plan does for the keys.
        aims: What shall come of each key.
        deployed: Their identities in the state.
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
        # A token that another generation follows is replaced, and then has the logical name of that one.
        ended = _has(steps, TOKEN, DELETES, {old, new}) or _has(steps, TOKEN, _MAKES - {"create"}, {new})
        if ACCOUNT in identity.kinds:
            ended = _has(steps, ACCOUNT, DELETES, {old})
        elif TOKEN not in identity.kinds:
            continue
        if not ended:
            yield f"{name}: generation {identity.generation} is not deleted"


def _has(steps: Collection[Step], kind: str, ops: Collection[str], names: Collection[str]) -> bool:
    return any(step.kind == kind and step.op in ops and step.name in names for step in steps)
