"""The edits of stack files for rotating or revoking keys.

Nothing is written here. The functions return the new texts.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from ambient_components.cli.edits.deployment import ENDED_BEFORE, NOT_DEPLOYED_EITHER
from ambient_components.cli.edits.files import of_workspace
from ambient_components.cli.options import misuse
from ambient_components.engine.names import parse_key_output
from ambient_components.errors import AmbientError, Problems
from ambient_components.model.keys import Key
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.editing import Change
from ambient_components.stackfile.editing import Path as FieldPath
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stackfile.privacy import without_credentials_in
from ambient_components.stacks.deployed import KeyName
from ambient_components.suggest import nearest_or_some

OverlapUntil = Callable[[Key, str], date | None]
"""Returns the last day of a key's old identity, given the key and WORKSPACE/KEY. None means that it ends at once."""


Generations = tuple[int, int]
"""The highest generation of a key that has an identity, and the one that the last run declared, which may have no
identity yet after a failed run. 0 for none.
"""


Deployed = Mapping[KeyName, Generations]

NOT_DEPLOYED: Final[Generations] = (0, 0)


def following(deployed: Generations, written: int) -> int:
    """Return the next generation of a key."""
    made, declared = deployed
    # A written generation without an identity is already new, so a second rotation before the deployment skips none.
    new = written if 0 < made < written else max(written, made) + 1
    return max(new, declared)


def selected_keys(
    stack: LoadedStack,
    names: Sequence[str],
    workspaces: Sequence[str],
    keyless: Collection[str] = (),
    former: Collection[KeyName] = (),
    *,
    settled: bool = False,
) -> tuple[KeyName, ...]:
    """Return the selected keys, without duplicates and in order.

    Args:
        keyless: Workspaces that may be without keys.
        former: Keys that the files may lack.
        settled: Whether no other key is deployed that the files lack.
    """
    if not names and not workspaces:
        misuse("WORKSPACE/KEY", "which keys? Name them after the stack, as WORKSPACE/KEY: payments/ci, for instance")
    problems = Problems()
    selected: dict[KeyName, None] = {}
    for name in names:
        parsed = parse_key_output(name)
        if parsed is None:
            problems.add(None, "", f"{name!r} names no key", "write WORKSPACE/KEY, such as payments/ci")
        elif _usable(stack, (workspace := parsed[0]), problems):
            key = parsed[1]
            keys = stack.file.workspaces[workspace].keys
            if key in keys or parsed in former:
                selected[workspace, key] = None
            else:
                problem = f"has no key {key!r}{NOT_DEPLOYED_EITHER if settled else ''}"
                hints = (nearest_or_some(key, keys), *([ENDED_BEFORE] if settled else []))
                problems.extend([of_workspace(stack, workspace, problem, *hints)])
    for workspace in workspaces:
        if _usable(stack, workspace, problems):
            keys = stack.file.workspaces[workspace].keys
            if not keys and workspace not in keyless:
                problems.extend([of_workspace(stack, workspace, "has no keys", "name a workspace that has some")])
            selected.update(dict.fromkeys((workspace, key) for key in keys))
    if problems:
        # A token may have been pasted as the key's name.
        raise AmbientError(map(without_credentials_in, problems))
    return tuple(selected)


def assumed(stack: LoadedStack, selected: Iterable[KeyName]) -> dict[KeyName, Generations]:
    """Return what is assumed of keys if the state can't be read: the file is deployed."""
    return {
        (workspace, key_id): (stack.file.workspaces[workspace].keys[key_id].generation, 0)
        for workspace, key_id in selected
    }


def requested_before(
    stack: LoadedStack,
    selected: Iterable[KeyName],
    deployed: Deployed,
    now: datetime,
    *,
    overlap_given: bool,
) -> list[KeyName]:
    """Return the keys with a rotation that was requested before and is not deployed yet."""

    def settled(workspace: str, key_id: str) -> bool:
        key = stack.file.workspaces[workspace].keys[key_id]
        recorded = deployed.get((workspace, key_id), NOT_DEPLOYED)
        # Of a key without an identity no old one can overlap.
        made, _ = recorded
        if made == 0:
            return True
        # No overlap in the file may mean that the key leaked.
        kept = key.overlap_until is None or key.keeps_previous(now, stack.file.timezone)
        return following(recorded, key.generation) == key.generation and not overlap_given and kept

    return [key for key in selected if settled(*key)]


def waiting_lines(stack: LoadedStack, selected: Iterable[KeyName], deployed: Deployed) -> list[str]:
    lines = []
    for workspace, key_id in selected:
        where = stack.sources.key(_path(workspace, key_id))
        generation = stack.file.workspaces[workspace].keys[key_id].generation
        name = f"{where.file}:{where.line}: {workspace}/{key_id}"
        if deployed.get((workspace, key_id), NOT_DEPLOYED)[0]:
            lines.append(f"{name}: already requested: generation {generation} is not deployed yet")
        else:
            lines.append(f"{name}: nothing to rotate: the key is not deployed yet, and will be generation {generation}")
    return lines


def rotation(
    stack: LoadedStack,
    selected: Iterable[KeyName],
    overlap_until: OverlapUntil,
    deployed: Deployed,
) -> Iterator[Change]:
    for workspace, key_id in selected:
        key, path = stack.file.workspaces[workspace].keys[key_id], _path(workspace, key_id)
        new = following(deployed.get((workspace, key_id), NOT_DEPLOYED), key.generation)
        yield Change(path, "generation", str(new))
        until = overlap_until(key, f"{workspace}/{key_id}")
        if until is not None or key.overlap_until is not None:
            yield Change(path, "overlapUntil", until.isoformat() if until else None)


def revocation(selected: Iterable[KeyName]) -> Iterator[Change]:
    for key in selected:
        yield Change(_path(*key)[:-1], key[1], None)


def rotation_lines(
    before: LoadedStack, after: LoadedStack, selected: Iterable[KeyName], deployed: Deployed
) -> Iterator[str]:
    for workspace, key_id in selected:
        old, new = (stack.file.workspaces[workspace].keys[key_id] for stack in (before, after))
        what = _new(old.generation, new.generation, deployed.get((workspace, key_id), NOT_DEPLOYED))
        if new.overlap_until:
            overlap = f"overlapUntil {new.overlap_until}"
        else:
            overlap = "overlapUntil removed" if old.overlap_until else "no overlap"
        where = after.sources.key(_path(workspace, key_id))
        yield f"{where.file}:{where.line}: {workspace}/{key_id}: {what}, {overlap}"


def revocation_lines(stack: LoadedStack, selected: Iterable[KeyName]) -> Iterator[str]:
    for key in selected:
        where = stack.sources.key(_path(*key))
        yield f"{where.file}:{where.line}: {'/'.join(key)}: removed"


def _new(before: int, after: int, recorded: Generations) -> str:
    if before == after:
        return f"generation {after} stays: it is not deployed yet"
    deployed = max(recorded)
    return f"generation {before} -> {after}" + (f" ({deployed} is deployed)" if deployed > before else "")


def _usable(stack: LoadedStack, workspace: str, problems: Problems) -> bool:
    """Tell whether a workspace has keys that can change. If not, add the reason once."""
    entry = stack.file.workspaces.get(workspace)
    if entry is not None and entry.state is WorkspaceState.ACTIVE:
        return True
    state = entry.state if entry is not None else ""
    hint = "its keys have ended" if state == WorkspaceState.CLOSED else "its keys are no longer ours"
    problem = of_workspace(stack, workspace, f"is {state}", hint, "to change them, write state: active first")
    if problem not in tuple(problems):
        problems.extend([problem])
    return False


def _path(workspace: str, key_id: str) -> FieldPath:
    return ("workspaces", workspace, "keys", key_id)
