"""The stacks of a fleet in the back end, also those that were shards of it."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ambient_components.cli.project import bare_name
from ambient_components.engine.backend import stack_names
from ambient_components.engine.command import Engine
from ambient_components.errors import Where, fail
from ambient_components.shards import split_shard

if TYPE_CHECKING:
    from ambient_components.cli.fleets.fleet import Fleet


def numbers_of(fleet: "Fleet", known: Collection[str]) -> Iterator[int]:
    """Numbers of all stacks that are this fleet's shards, or were; a stack with a config of its own is none.

    Args:
        fleet: with the number of shards that it is to have.
        known: the stacks of the project.

    Raises:
        AmbientError: a shard has a config of its own: its runs would be those of a plain stack.
    """
    for name in sorted({bare_name(one) for one in known}):
        split = split_shard(name)
        if split is None or split[0] != bare_name(fleet.name):
            continue
        own = fleet.config_file.with_name(f"Pulumi.{name}.yaml")
        if own.exists():
            if split[1] < fleet.count:
                shown = fleet.project.shown(own)
                fail(Where(shown), "", f"{name} is a shard, and has a config of its own", "rename that stack")
            continue
        yield split[1]


def with_count(fleet: "Fleet", count: int) -> "Fleet":
    """The same fleet in another number of shards."""
    return replace(fleet, count=count)


def known_stacks(engine: Engine) -> set[str]:
    """Names of the project's stacks, without their organisation."""
    return {bare_name(name) for name in stack_names(engine)}
