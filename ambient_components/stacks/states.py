"""The states of a fleet's shards, read in parallel and joined into one."""

import os
import sys
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ambient_components.engine import backend
from ambient_components.engine.command import Engine
from ambient_components.engine.state import (
    LATEST_VERSION,
    Export,
    is_checkpoint,
    joined,
    operations,
    parse_export,
    place,
    resources,
    version,
)
from ambient_components.engine.texts import other_backend
from ambient_components.errors import AmbientError, BadValue, fail, stop
from ambient_components.shards.names import assigned, home, shard_stack, split_shard
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, bare_name
from ambient_components.stacks.selection import listed


def export(project: Project, stack: str, engine: Engine | None = None) -> Export:
    """Return the state of a stack, of a shard, or of a whole fleet as one, with secrets encrypted.

    Shards that are not deployed yet are left out.
    """
    engine = engine or pulumi.PulumiEngine(project.folder)
    if (count := _shards(project, stack)) is None:
        return backend.export(engine, stack)
    states = []
    for state in exports(engine, deployed_shards(engine, project, stack, count)).values():
        if isinstance(state, AmbientError):
            raise state
        states.append(state)
    if not states:
        stop(f"the backend has no stack of fleet {stack!r}", *other_backend(stack, f" --shards {count}"))
    return joined(states)


def _shards(project: Project, stack: str) -> int | None:
    """Return the number of a fleet's shards. None for a plain stack or a shard."""
    if (names := listed(project, stack)) is not None:
        stop(f"{stack!r} has no state: its file names several stacks", f"name one: {', '.join(names)}")
    return project.shards(stack)


def deployed_shards(
    engine: Engine, project: Project, fleet: str, count: int, known: Collection[str] | None = None
) -> list[str]:
    """Return a fleet's stacks in the backend, including those beyond a lowered number of shards.

    Args:
        known: Names of the backend's stacks. Default: the backend is queried.
    """
    there = {bare_name(stack) for stack in (backend.stack_names(engine) if known is None else known)}
    numbers = [split[1] for stack in there if (split := split_shard(stack)) and split[0] == bare_name(fleet)]
    return [
        shard_stack(fleet, number)
        for number in sorted(numbers)
        if number < count or not _is_plain(project, shard_stack(fleet, number))
    ]


def exports(engine: Engine, stacks: Collection[str], jobs: int = 0) -> dict[str, Export | AmbientError]:
    """Read the states of several stacks in parallel. A state that can't be read is replaced by its error.

    Args:
        jobs: Number of states to read in parallel. 0 means one for each processor.
    """

    def read(stack: str) -> Export | AmbientError:
        try:
            state: Export = parse_export(engine.run("stack", "export", "--stack", stack))
        except AmbientError as error:
            return error
        return state

    if not stacks:
        return {}
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        return dict(zip(stacks, pool.map(read, stacks), strict=True))


def stacks_of(project: Project, stack: str, pins: Mapping[str, int | None]) -> dict[str, str]:
    """Return the stack that deploys each workspace. For a fleet, this is its shard."""
    shard = project.shard_of(stack)
    fleet = shard[0] if shard else stack
    count = project.shards(fleet)
    if count is None:
        return dict.fromkeys(pins, stack)
    try:
        places = {name: shard_stack(fleet, home(name, count, pin)) for name, pin in pins.items()}
    except BadValue as error:
        fail(None, "shard", error.problem, error.hints)
    for name, where in places.items():
        if shard and where != stack:
            stop(f"workspace {name!r} is in shard {where}, not in {stack}", f"name {fleet} or {where}")
    return places


def of_shard(project: Project, stack: str, names: Mapping[str, int | None]) -> Collection[str]:
    """Return the workspaces of a stack: all of the file, or those of one shard."""
    shard = project.shard_of(stack)
    if shard is None:
        return names.keys()
    fleet, number = shard
    try:
        return assigned(names, project.shards(fleet) or 1)[number]
    except BadValue as error:
        fail(None, "shard", error.problem, error.hints)


def _is_plain(project: Project, stack: str) -> bool:
    """Tell whether a stack with the name of a shard is a plain stack."""
    return project.config_file(stack).exists()


def saved_export(project: Project, stack: str, path: str) -> Export:
    """Return the state of a stack, of a shard, or of a whole fleet as one, from a file or a fleet's folder."""
    if (count := _shards(project, stack)) is None:
        return read_export(path, project.name, bare_name(stack))
    saved = read_exports(path, project.name, stack, [shard_stack(stack, number) for number in range(count)])
    missing = [bare_name(shard) for number in range(count) if (shard := shard_stack(stack, number)) not in saved]
    if missing:
        first = f"{', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}"
        problem = f"{path} lacks the states of {len(missing)} of {count} shards of {stack!r}: {first}"
        stop(problem, f"pulumi stack export --stack {missing[0]} > {path}/{missing[0]}.json")
    return joined(saved.values())


def read_exports(folder: str, project: str, fleet: str, stacks: Collection[str]) -> dict[str, Export]:
    """Read the exported states of a fleet's shards. A shard without a file is left out."""
    if not Path(folder).is_dir():
        first = shard_stack(fleet, 0)
        remedy = f"a folder with the states of its shards: pulumi stack export --stack {first} > FOLDER/{first}.json, …"
        stop(f"{folder} is no folder, and {fleet} is a fleet", remedy)
    saved: dict[str, Export] = {}
    for stack in stacks:
        name = bare_name(stack)
        path = Path(folder) / f"{name}.json"
        if path.exists():
            saved[stack] = read_export(str(path), project, name)
    return saved


def read_export(path: str, project: str, stack: str) -> Export:
    """Read an exported state from a file. `-` means standard input."""
    remedy = f"pulumi stack export --stack {stack} > FILE"
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        export: Export = parse_export(text)
    except (OSError, ValueError) as error:
        stop(f"{path} can't be read: {error}", remedy)
    if is_checkpoint(export):
        stop(f"{path} is a checkpoint out of a bucket, and no exported state", remedy)
    try:
        origin = place(export)
        # What reads it later needs the type of each resource, too.
        resources(export), resources(export, ""), operations(export)
    except (KeyError, TypeError, AttributeError, ValueError):
        stop(f"{path} is no exported state", remedy)
    if version(export) > LATEST_VERSION:
        problem = f"{path} has format version {version(export)} of exported states; known: up to {LATEST_VERSION}"
        stop(problem, "a newer Pulumi wrote it: use a newer version of this package")
    if origin is not None and origin != (stack, project):
        problem = f"is the state of stack {origin[0]!r} of project {origin[1]!r}"
        stop(f"{path} {problem}, not of {stack!r} of {project!r}", remedy)
    return export
