"""Steps of a plan that an edit of keys or grants needs, and all other changes, which `--now` must not deploy. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.access.entries import NOTHING, ledger_in
from ambient_components.access.role_assignments import GRANT, OWNER
from ambient_components.engine import names, urns
from ambient_components.engine.names import Part, logical_name
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import DELETES, UPDATE, Preview, Step
from ambient_components.model.keys import KeyRecord
from ambient_components.platform.variables import storage_variables
from ambient_components.stacks.deployed import Binding, Identity, KeyName
from ambient_components.stacks.reading import ACCESS_PARTS, ACCOUNT, BINDING, TOKEN

_MAKES: Final = frozenset({"create", "replace", "create-replacement"})
_CREDENTIALS: Final = "S3Credentials"
_OF_CREDENTIALS: Final = (Part.STORAGE, Part.CREDENTIALS, Part.CREDENTIALS_GENERATION)
_OF_BUCKET: Final = frozenset(storage_variables(*("",) * 5))

_FIELDS: Final = {"grants": GRANT, "dates": GRANT, "owners": OWNER}
"""The fields of the ledger's entry, by the kind of access."""

# The path format of `access.entries`, passed on by the engine.
_PATH_PART: Final = re.compile(r'\.?([A-Za-z_$][A-Za-z0-9_$]*)|\["((?:[^"\\]|\\.)*)"\]')

_RECORD: Final = ["record"]
"""Path of the shard's run record, which follows the ledger."""


@dataclass(frozen=True, slots=True)
class Pending:
    own: tuple[Step, ...]
    """Steps that the edit needs."""

    others: tuple[str, ...]
    """All other changes, a line each: the operation, and the logical name or the path in the ledger."""


def of_keys(plan: Preview, keys: Collection[KeyName], buckets: Collection[str] = ()) -> Pending:
    """Sort what a plan would do into what some keys and buckets' credentials need, and all else."""

    def is_own(step: Step) -> bool:
        name = names.parse(step.name)
        if name is None:
            return False
        if name.part in (Part.KEY, Part.KEY_GENERATION):
            return (name.workspace, name.item) in keys
        if name.workspace not in buckets:
            return False
        return name.part in _OF_CREDENTIALS or (name.part is Part.INTEGRATION_SECRET and _is_of_bucket(step.paths))

    def is_own_path(_: Step, path: list[str]) -> bool:
        match path:
            case ["workspaces", workspace, "keys", key, *_]:
                return (workspace, key) in keys
            case ["workspaces", workspace, "bucket", "generation"]:
                return workspace in buckets
        return False

    return _sorted(plan, is_own, is_own_path)


def of_grants(plan: Preview, subject: str, workspaces: Collection[str], kinds: Collection[str] = (GRANT,)) -> Pending:
    """Sort what a plan would do into the change of one subject's access, and all else."""

    def is_own(step: Step) -> bool:
        name = names.parse(step.name)
        return (
            name is not None
            and step.kind == BINDING
            and ACCESS_PARTS.get(name.part) in kinds
            and name.item == subject
            and name.workspace in workspaces
        )

    def is_own_path(step: Step, path: list[str]) -> bool:
        match path:
            case ["workspaces", workspace, field, *rest] if _FIELDS.get(field) in kinds and workspace in workspaces:
                if rest and field != "owners":
                    return rest[0] == subject
                # The whole field, of which only this subject may change.
                old, new = (_of_others(side, workspace, subject) for side in (step.old, step.new))
                return old[field] == new[field]
        return False

    return _sorted(plan, is_own, is_own_path)


def _of_others(side: Resource | None, workspace: str, subject: str) -> dict[str, object]:
    """Return the access of all other subjects to a workspace, by the ledger's field."""
    entry = ledger_in(side.inputs if side is not None else None).get(workspace, NOTHING)
    return {
        "grants": {who: role for who, role in entry.grants.items() if who != subject},
        "dates": {who: periods for who, periods in entry.dates.items() if who != subject},
        "owners": [who for who in entry.owners if who != subject],
    }


def _sorted(
    plan: Preview,
    is_own: Callable[[Step], bool],
    is_own_path: Callable[[Step, list[str]], bool],
) -> Pending:
    """Sort what a plan would do by whether an edit needs it.

    Args:
        is_own: Tells it of the step of a resource.
        is_own_path: Tells it of a changed path of the ledger, given its keys.
    """
    own: list[Step] = []
    others: list[str] = []
    for step in plan.steps:
        if step.type == urns.STACK or not step.changes:
            continue
        if step.protects:
            others.append(f"protect  {step.name}")
        elif step.type == urns.ACCESS_LEDGER:
            paths = list(_foreign_paths(step, is_own_path))
            others += (f"{step.op}  {step.name} {path}".rstrip() for path in paths)
            own += [] if paths else [step]
        elif is_own(step):
            own.append(step)
        else:
            others.append(f"{step.op}  {step.name}")
    if not plan.steps:
        # The stack itself is always listed: this is a plan of an unknown form.
        others += (f"{op}  {count} resources" for op, count in plan.changes.items())
    return Pending(tuple(own), tuple(others))


def _foreign_paths(step: Step, is_own_path: Callable[[Step, list[str]], bool]) -> Iterator[str]:
    """Yield the ledger's changed paths that an edit does not need. An empty path is the whole ledger."""
    if step.op != UPDATE or not step.paths:
        yield ""
    for path in step.paths:
        parts = _parts(path)
        if parts != _RECORD and not is_own_path(step, parts):
            yield path


def _is_of_bucket(paths: Iterable[str]) -> bool:
    """Tell whether only variables of a bucket change in the integration secret."""
    return all(set(_parts(path)) & _OF_BUCKET for path in paths)


def _parts(path: str) -> list[str]:
    """Return the keys in a property path. Empty for a path of another form."""
    parts, at = [], 0
    while at < len(path):
        match = _PATH_PART.match(path, at)
        if match is None:
            return []
        parts.append(match[1] or re.sub(r"\\(.)", r"\1", match[2]))
        at = match.end()
    return parts


def lacking_keys(
    steps: Collection[Step], keys: Mapping[KeyName, KeyRecord], deployed: Collection[Identity], *, revoked: bool
) -> Iterator[str]:
    """Yield a line for each step that keys need, and the plan does not have."""
    for selected, key in keys.items():
        (workspace, key_id), name = selected, "/".join(selected)
        new = logical_name(workspace, Part.KEY_GENERATION, key_id, key.generation)
        if not revoked and not _has(steps, TOKEN, _MAKES, {new}):
            yield f"{name}: no token of generation {key.generation} is made"
        for identity in deployed:
            ends = identity.selected == selected and (revoked or identity.generation not in key.generations)
            if ends and not _ends(steps, identity, new):
                yield f"{name}: generation {identity.generation} is not deleted"


def _ends(steps: Collection[Step], identity: Identity, new: str) -> bool:
    old = logical_name(identity.workspace, Part.KEY_GENERATION, identity.key, identity.generation)
    if ACCOUNT in identity.kinds:
        return _has(steps, ACCOUNT, DELETES, {old})
    # A token with a following generation is replaced, and then has the logical name of the new one.
    ended = _has(steps, TOKEN, DELETES, {old, new}) or _has(steps, TOKEN, _MAKES - {"create"}, {new})
    return ended or TOKEN not in identity.kinds


def lacking_buckets(steps: Collection[Step], buckets: Mapping[str, int]) -> Iterator[str]:
    for workspace, generation in buckets.items():
        if not _has(steps, _CREDENTIALS, _MAKES | {"update"}, {logical_name(workspace, Part.CREDENTIALS)}):
            yield f"{workspace}: credentials of generation {generation} for its bucket are not made"


def lacking_bindings(steps: Collection[Step], bindings: Collection[Binding]) -> Iterator[str]:
    deleted = {step.name for step in steps if step.op in DELETES}
    for binding in bindings:
        if binding.logical not in deleted:
            yield f"{binding.workspace}: the {binding.kind} {binding.role} of {binding.subject} is not deleted"


def _has(steps: Collection[Step], kind: str, ops: Collection[str], names: Collection[str]) -> bool:
    return any(step.kind == kind and step.op in ops and step.name in names for step in steps)
