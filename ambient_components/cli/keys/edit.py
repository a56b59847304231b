"""The edits of stack files for rotating or revoking keys.

Nothing is written here. The functions return the new texts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import typer

from ambient_components.cli.edits.bucket_keys import edits as bucket_edits
from ambient_components.cli.edits.files import edited_texts
from ambient_components.engine.names import parse_key_output
from ambient_components.errors import AmbientError, Problem, Problems, format_path
from ambient_components.model.keys import Key
from ambient_components.rules.states import WorkspaceState
from ambient_components.stackfile.changes import Change
from ambient_components.stackfile.changes import Path as FieldPath
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stackfile.privacy import without_credentials_in
from ambient_components.stackfile.yaml.reader import ParsedYaml, parse_yaml
from ambient_components.stacks.deployed import KeyName
from ambient_components.suggest import did_you_mean

OverlapUntil = Callable[[Key, str], date | None]
"""Returns the last day of a key's old identity, given the key and WORKSPACE/KEY. None means that it ends at once."""

_GENERATION: Final = "generation"
_OVERLAP_UNTIL: Final = "overlapUntil"
_SHOWN_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class Recorded:
    """The generations of a key in a stack's state. 0 for none."""

    made: int = 0
    """The highest generation that has an identity."""
    declared: int = 0
    """The generation that the last run declared. After a failed run it may have no identity yet."""
    known: bool = True
    """Whether the state was read; see `assumed`."""

    def following(self, written: int) -> int:
        """Return the generation of the key's next identity."""
        # A written generation without an identity is already new, so a second rotation before the deployment skips
        # none.
        new = written if 0 < self.made < written else max(written, self.made) + 1
        return max(new, self.declared)

    def awaits(self, written: int) -> bool:
        """Tell whether the written generation is not deployed yet, so another rotation has nothing to add."""
        return not self.made or self.following(written) == written


def selected_keys(
    stack: LoadedStack, names: Sequence[str], workspaces: Sequence[str], keyless: Collection[str] = ()
) -> tuple[KeyName, ...]:
    """Return the selected keys, without duplicates and in order."""
    if not names and not workspaces:
        msg = "which keys? Name them after the stack, as WORKSPACE/KEY: payments/ci, for instance"
        raise typer.BadParameter(msg, param_hint="WORKSPACE/KEY")
    problems = Problems()
    selected: dict[KeyName, None] = {}
    for name in names:
        parsed = parse_key_output(name)
        if parsed is None:
            problems.add(None, "", f"{name!r} names no key", "write WORKSPACE/KEY, such as payments/ci")
        elif _usable(stack, (workspace := parsed[0]), problems):
            key = parsed[1]
            keys = stack.file.workspaces[workspace].keys
            if key in keys:
                selected[workspace, key] = None
            else:
                problems.extend(
                    [_lacks(stack, workspace, f"has no key {key!r}", did_you_mean(key, keys) or _some(keys))]
                )
    for workspace in workspaces:
        if _usable(stack, workspace, problems):
            keys = stack.file.workspaces[workspace].keys
            if not keys and workspace not in keyless:
                problems.extend([_lacks(stack, workspace, "has no keys", "name a workspace that has some")])
            selected.update(dict.fromkeys((workspace, key) for key in keys))
    if problems:
        # A token may have been pasted as the key's name.
        raise AmbientError(map(without_credentials_in, problems))
    return tuple(selected)


def assumed(stack: LoadedStack, selected: Iterable[KeyName], today: date, *, leaked: bool) -> dict[KeyName, Recorded]:
    """Return what is assumed of keys if the state can't be read: the file is deployed.

    Except for a running overlap: it is of a rotation that may be this one, so that a repetition adds none. Of a leaked
    key all written generations end.
    """
    found = {}
    for workspace, key_id in selected:
        key = stack.file.workspaces[workspace].keys[key_id]
        requested = _overlaps(key, today) and not leaked
        found[workspace, key_id] = Recorded(key.generation - requested, known=False)
    return found


def _overlaps(key: Key, today: date) -> bool:
    return key.overlap_until is not None and key.overlap_until >= today


def requested_before(
    stack: LoadedStack,
    selected: Iterable[KeyName],
    deployed: Mapping[KeyName, Recorded],
    today: date,
    *,
    overlap_given: bool,
) -> list[KeyName]:
    """Return the keys with a rotation that was requested before and is not deployed yet."""

    def settled(workspace: str, key_id: str) -> bool:
        key = stack.file.workspaces[workspace].keys[key_id]
        recorded = _recorded(deployed, (workspace, key_id))
        # Of a key without an identity no old one can overlap. No overlap in the file may mean that the key leaked.
        return recorded.awaits(key.generation) and (
            not recorded.made or (not overlap_given and (_overlaps(key, today) or key.overlap_until is None))
        )

    return [one for one in selected if settled(*one)]


def waiting_lines(stack: LoadedStack, selected: Iterable[KeyName], deployed: Mapping[KeyName, Recorded]) -> list[str]:
    lines = []
    for workspace, key_id in selected:
        where = stack.sources.key(_path(workspace, key_id))
        key = stack.file.workspaces[workspace].keys[key_id]
        generation, recorded = key.generation, _recorded(deployed, (workspace, key_id))
        name = f"{where.file}:{where.line}: {workspace}/{key_id}"
        if not recorded.known:
            lines.append(f"{name}: already requested: generation {generation} has overlapUntil {key.overlap_until}")
        elif recorded.made:
            lines.append(f"{name}: already requested: generation {generation} is not deployed yet")
        else:
            lines.append(f"{name}: nothing to rotate: the key is not deployed yet, and will be generation {generation}")
    return lines


def rotation(
    stack: LoadedStack,
    selected: Iterable[KeyName],
    overlap_until: OverlapUntil,
    deployed: Mapping[KeyName, Recorded],
    buckets: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """Return the new texts by file, with the next generation of the keys."""
    changes = bucket_edits(stack, buckets or {})
    for workspace, key_id in selected:
        key, path = stack.file.workspaces[workspace].keys[key_id], _path(workspace, key_id)
        of_file = changes.setdefault(key_file(stack, workspace, key_id), [])
        following = _recorded(deployed, (workspace, key_id)).following(key.generation)
        of_file.append(Change(path, _GENERATION, str(following)))
        until = overlap_until(key, f"{workspace}/{key_id}")
        if until is not None:
            of_file.append(Change(path, _OVERLAP_UNTIL, until.isoformat()))
        elif key.overlap_until is not None:
            of_file.append(Change(path, _OVERLAP_UNTIL, None))
    return edited_texts(changes)


def revocation(
    stack: LoadedStack, selected: Iterable[KeyName], buckets: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Return the new texts by file, without the keys, and with generations of buckets' credentials."""
    changes = bucket_edits(stack, buckets or {})
    for workspace, key_id in selected:
        change = Change(_path(workspace, key_id)[:-1], key_id, None)
        changes.setdefault(key_file(stack, workspace, key_id), []).append(change)
    return edited_texts(changes)


def rotation_lines(
    stack: LoadedStack,
    selected: Iterable[KeyName],
    texts: Mapping[str, str],
    deployed: Mapping[KeyName, Recorded],
) -> list[str]:
    """Describe the written rotations with their new line numbers."""
    parsed = {file: parse_yaml(text.removeprefix("\ufeff"), file) for file, text in texts.items()}
    lines = []
    for workspace, key_id in selected:
        file = key_file(stack, workspace, key_id)
        before, after = stack.file.workspaces[workspace].keys[key_id], _entry(parsed[file], workspace, key_id)
        what = [_new(before.generation, after[_GENERATION], _recorded(deployed, (workspace, key_id)))]
        if _OVERLAP_UNTIL in after:
            what.append(f"{_OVERLAP_UNTIL} {after[_OVERLAP_UNTIL]}")
        else:
            what.append(f"{_OVERLAP_UNTIL} removed" if before.overlap_until else "no overlap")
        line = parsed[file].sources.key(_path(workspace, key_id)).line
        lines.append(f"{file}:{line}: {workspace}/{key_id}: {', '.join(what)}")
    return lines


def revocation_lines(stack: LoadedStack, selected: Iterable[KeyName]) -> list[str]:
    """Describe the removed keys with their old line numbers."""
    places = [(stack.sources.key(_path(*key)), "/".join(key)) for key in selected]
    return [f"{where.file}:{where.line}: {name}: removed" for where, name in places]


def _recorded(deployed: Mapping[KeyName, Recorded], key: KeyName) -> Recorded:
    return deployed.get(key) or Recorded()


def _new(before: int, after: int, recorded: Recorded) -> str:
    if before == after:
        return f"generation {after} stays" + (": it is not deployed yet" if recorded.known else "")
    deployed = max(recorded.made, recorded.declared)
    return f"generation {before} -> {after}" + (f" ({deployed} is deployed)" if deployed > before else "")


def _usable(stack: LoadedStack, workspace: str, problems: Problems) -> bool:
    """Tell whether a workspace has keys that can change. If not, add the reason once."""
    found = stack.file.workspaces.get(workspace)
    if found is None:
        names = stack.file.workspaces
        remedy = did_you_mean(workspace, names) or _some(names)
        problem = Problem(None, "", f"{stack.path} has no workspace {workspace!r}", (remedy,))
    elif found.state is not WorkspaceState.ACTIVE:
        remedy = "its keys have ended" if found.state is WorkspaceState.CLOSED else "its keys are no longer ours"
        problem = _lacks(stack, workspace, f"is {found.state}", remedy, "to change them, write state: active first")
    else:
        return True
    if problem not in tuple(problems):
        problems.extend([problem])
    return False


def _lacks(stack: LoadedStack, workspace: str, problem: str, *hints: str) -> Problem:
    path = ("workspaces", workspace)
    return Problem(stack.sources.key(path), format_path(path), problem, hints)


def _some(names: Collection[str]) -> str:
    shown = sorted(names)[:_SHOWN_NAMES]
    more = len(names) - len(shown)
    return f"it has {', '.join(shown)}" + (f" and {more} more" if more else "") if shown else "it has none"


def _path(workspace: str, key_id: str) -> FieldPath:
    return ("workspaces", workspace, "keys", key_id)


def key_file(stack: LoadedStack, workspace: str, key_id: str) -> str:
    """Return the file that has a key's entry."""
    return stack.sources.key(_path(workspace, key_id)).file


def _entry(parsed: ParsedYaml, workspace: str, key_id: str) -> Mapping[str, Any]:
    node: Any = parsed.data
    for part in _path(workspace, key_id):
        node = node[part]
    return {**node}
