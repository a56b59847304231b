"""Steps of a plan that selected keys need, and all other changes, which `--now` must not deploy.

Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.cli.edits.pending import Pending, Step, foreign_paths, parts, sorted_steps
from ambient_components.engine import names
from ambient_components.engine import steps as engine_steps
from ambient_components.engine.names import Part, logical_name
from ambient_components.engine.steps import DELETES
from ambient_components.platform.variables import storage_variables
from ambient_components.stacks.deployed import Identity, KeyName
from ambient_components.stacks.reading import ACCOUNT, TOKEN


def pending(plan: engine_steps.Preview, keys: Collection[tuple[str, str]], buckets: Collection[str] = ()) -> Pending:
    """Sort what a plan would do into what some keys and buckets' credentials need, and all else."""

    def is_of(step: engine_steps.Step) -> bool:
        name = names.parse(step.name)
        if name is None:
            return False
        if name.part in (Part.KEY, Part.KEY_GENERATION):
            return (name.workspace, name.item) in keys
        if name.workspace not in buckets:
            return False
        return name.part in _OF_CREDENTIALS or (name.part is Part.INTEGRATION_SECRET and _is_of_bucket(step.paths))

    def is_path(parts: list[str]) -> bool:
        match parts:
            case ["workspaces", workspace, "keys", key, *_]:
                return (workspace, key) in keys
            case ["workspaces", workspace, "bucket", "generation"]:
                return workspace in buckets
        return False

    return sorted_steps(plan, is_of, lambda step: foreign_paths(step, is_path))


_CREDENTIALS: Final = "S3Credentials"
_OF_CREDENTIALS: Final = (Part.STORAGE, Part.CREDENTIALS, Part.CREDENTIALS_GENERATION)
_OF_BUCKET: Final = frozenset(storage_variables(*("",) * 5))


def _is_of_bucket(paths: Iterable[str]) -> bool:
    """Tell whether only variables of a bucket change in the integration secret."""
    return all(set(parts(path)) & _OF_BUCKET for path in paths)


def lacking_buckets(steps: Collection[Step], buckets: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each bucket without new credentials in the plan."""
    for workspace, generation in buckets.items():
        if not _has(steps, _CREDENTIALS, _MAKES | {"update"}, {logical_name(workspace, Part.CREDENTIALS)}):
            yield f"{workspace}: credentials of generation {generation} for its bucket are not made"


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
    makes: bool = True
    """Whether the key's role could mint tokens and make RoleBindings."""

    @property
    def at_once(self) -> bool:
        """Whether every old identity ends at once, as needed after a leak."""
        return self.revoked or not self.overlap

    @property
    def living(self) -> frozenset[int]:
        if self.revoked:
            return frozenset()
        return frozenset({self.written, self.written - 1} if self.overlap else {self.written})

    def ends(self, identity: Identity) -> bool:
        return identity.generation not in self.living


def lacks(steps: Collection[Step], aims: Mapping[KeyName, Aim], deployed: Collection[Identity]) -> list[str]:
    """Return the missing steps for keys, one line each."""
    return [line for key, aim in aims.items() for line in _lacks(steps, key, aim, deployed)]


def _lacks(steps: Collection[Step], key: KeyName, aim: Aim, deployed: Collection[Identity]) -> Iterator[str]:
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
