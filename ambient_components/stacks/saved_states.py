"""States in files, as written by `pulumi stack export`, for verbs with `--state`. They need no `pulumi`."""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

from ambient_components.engine.state import LATEST_VERSION, Export, is_checkpoint, joined, parse_export, place, version
from ambient_components.errors import fail
from ambient_components.shards import shard_stack
from ambient_components.stacks.project import Project, bare_name
from ambient_components.stacks.selection import listed


def saved_export(project: Project, stack: str, path: str) -> Export:
    """Return the state of a stack, of a shard, or of a whole fleet as one, from a file or a fleet's folder."""
    if (names := listed(project, stack)) is not None:
        fail(None, "", f"{stack!r} has no state: its file names several stacks", f"name one: {', '.join(names)}")
    count = project.shards(stack)
    if count is None:
        return read_export(path, project.name, bare_name(stack))
    found = read_exports(path, project.name, stack, [shard_stack(stack, number) for number in range(count)])
    missing = [bare_name(shard) for number in range(count) if (shard := shard_stack(stack, number)) not in found]
    if missing:
        first = f"{', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}"
        problem = f"{path} lacks the states of {len(missing)} of {count} shards of {stack!r}: {first}"
        fail(None, "", problem, f"pulumi stack export --stack {missing[0]} > {path}/{missing[0]}.json")
    return joined(found.values())


def read_exports(folder: str, project: str, fleet: str, stacks: Collection[str]) -> dict[str, Export]:
    """Read the exported states of a fleet's shards. A shard without a file is left out."""
    if not Path(folder).is_dir():
        first = shard_stack(fleet, 0)
        remedy = f"a folder with the states of its shards: pulumi stack export --stack {first} > FOLDER/{first}.json, …"
        fail(None, "", f"{folder} is no folder, and {fleet} is a fleet", remedy)
    found: dict[str, Export] = {}
    for stack in stacks:
        name = bare_name(stack)
        path = Path(folder) / f"{name}.json"
        if path.exists():
            found[stack] = read_export(str(path), project, name)
    return found


def read_export(path: str, project: str, stack: str) -> Export:
    """Read an exported state from a file. `-` means standard input."""
    remedy = f"pulumi stack export --stack {stack} > FILE"
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        export: Export = parse_export(text)
    except (OSError, ValueError) as error:
        fail(None, "", f"{path} can't be read: {error}", remedy)
    if is_checkpoint(export):
        fail(None, "", f"{path} is a checkpoint out of a bucket, and no exported state", remedy)
    try:
        origin = place(export)
    except ValueError:
        no_state(path, stack)
    if version(export) > LATEST_VERSION:
        problem = f"{path} has format version {version(export)} of exported states; known: up to {LATEST_VERSION}"
        fail(None, "", problem, "a newer Pulumi wrote it: use a newer version of this package")
    if origin is not None and origin != (stack, project):
        problem = f"is the state of stack {origin[0]!r} of project {origin[1]!r}"
        fail(None, "", f"{path} {problem}, not of {stack!r} of {project!r}", remedy)
    return export


def no_state(path: str, stack: str) -> NoReturn:
    """Refuse a file that is not an exported state."""
    fail(None, "", f"{path} is no exported state", f"pulumi stack export --stack {stack} > FILE")
