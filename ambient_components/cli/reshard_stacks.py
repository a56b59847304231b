"""A fleet's stacks in the backend, including former shards."""

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
    """Yield the numbers of all stacks that are or were shards of this fleet.

    Args:
        fleet: The fleet with its intended number of shards.
        known: The project's stacks.

    Raises:
        AmbientError: A shard has a config of its own, so it would run as a plain stack.
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
    """Return the same fleet with another number of shards."""
    return replace(fleet, count=count)


def known_stacks(engine: Engine) -> set[str]:
    """Return the names of the project's stacks, without the organisation."""
    return {bare_name(name) for name in stack_names(engine)}
