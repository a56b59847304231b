"""What a fleet's shards have in their states, read side by side, and as one: for all who read a stack's state."""

import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ambient_components.cli.project import Project, bare_name
from ambient_components.engine import backend
from ambient_components.engine.state import Export, joined, parse_export
from ambient_components.errors import AmbientError, BadValue, fail
from ambient_components.shards import shard_stack, split_shard

if TYPE_CHECKING:
    from ambient_components.engine.command import Engine


def export(project: Project, stack: str, engine: "Engine | None" = None) -> Export:
    """The state of a stack, a shard, or a whole fleet as one; secrets encrypted.

    Shards that are not deployed yet have nothing, and are left out.

    Raises:
        AmbientError: it can't be read, or no shard is deployed.
    """
    from ambient_components.cli import engine as engines  # noqa: PLC0415
    from ambient_components.cli.fleets.fleet import listed  # noqa: PLC0415

    if (names := listed(project, stack)) is not None:
        fail(None, "", f"{stack!r} has no state: its file names several stacks", f"name one: {', '.join(names)}")
    engine = engine or engines.PulumiEngine(project.folder)
    count = project.shards(stack)
    if count is None:
        return backend.export(engine, stack)
    found = exports(engine, deployed_shards(engine, project, stack, count))
    for one in found.values():
        if isinstance(one, AmbientError):
            raise one
    if not found:
        fail(None, "", f"fleet {stack!r} has deployed nothing yet", f"ambient up {stack}")
    return joined([one for one in found.values() if not isinstance(one, AmbientError)])


def deployed_shards(
    engine: "Engine", project: Project, fleet: str, count: int, known: Collection[str] | None = None
) -> list[str]:
    """The stacks of a fleet that the back end has, those beyond its number too, as after that was lowered.

    Args:
        engine: the program.
        project: with the configs.
        fleet: its name.
        count: how many shards its config says.
        known: names of the stacks that the back end has; None: it is asked.
    """
    there = {bare_name(stack) for stack in (backend.stack_names(engine) if known is None else known)}
    numbers = [found[1] for stack in there if (found := split_shard(stack)) and found[0] == bare_name(fleet)]
    return [
        shard_stack(fleet, number)
        for number in sorted(numbers)
        if number < count or not _is_plain(project, shard_stack(fleet, number))
    ]


def exports(engine: "Engine", stacks: Collection[str], jobs: int = 0) -> dict[str, Export | AmbientError]:
    """The states of several stacks, read side by side; of one that can't be read the error.

    Args:
        engine: the program.
        stacks: their names.
        jobs: how many at once; 0 for as many as there are processors.
    """

    def read(stack: str) -> Export | AmbientError:
        try:
            found: Export = parse_export(engine.run("stack", "export", "--stack", stack))
        except AmbientError as error:
            return error
        return found

    if not stacks:
        return {}
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        return dict(zip(stacks, pool.map(read, stacks), strict=True))


def stacks_of(project: Project, stack: str, pins: Mapping[str, int | None]) -> dict[str, str]:
    """The stack that deploys each workspace: of a fleet its shard.

    Args:
        project: with the fleet's config.
        stack: as it was named.
        pins: workspaces, and the shard that its entry says, if it says one.

    Raises:
        AmbientError: a shard was named, and a workspace is in another one.
    """
    from ambient_components.shards import home  # noqa: PLC0415

    shard = project.shard_of(stack)
    fleet = shard[0] if shard else stack
    count = project.shards(fleet)
    if count is None:
        return dict.fromkeys(pins, stack)
    try:
        found = {name: shard_stack(fleet, home(name, count, pin)) for name, pin in pins.items()}
    except BadValue as error:
        fail(None, "shard", error.problem, error.hints)
    for name, where in found.items():
        if shard and where != stack:
            fail(None, "", f"workspace {name!r} is in shard {where}, not in {stack}", f"name {fleet} or {where}")
    return found


def of_shard(project: Project, stack: str, names: Mapping[str, int | None]) -> Collection[str]:
    """The workspaces of a stack among those of its file: all of them, but where it is a shard.

    Args:
        project: with the fleet's config.
        stack: as it was named.
        names: workspaces of the file, and the shard that its entry says, if it says one.
    """
    from ambient_components.shards import assigned  # noqa: PLC0415

    shard = project.shard_of(stack)
    if shard is None:
        return names.keys()
    fleet, number = shard
    try:
        return assigned(names, project.shards(fleet) or 1)[number]
    except BadValue as error:
        fail(None, "shard", error.problem, error.hints)


def _is_plain(project: Project, stack: str) -> bool:
    """Whether a stack that is called like a shard is one of its own."""
    return project.config_file(stack).exists()
