"""The plan for a new number of shards: stacks in the backend, including former shards, and workspaces to move."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ambient_components.engine.backend import stack_names
from ambient_components.engine.command import Engine
from ambient_components.engine.rewriting import Item
from ambient_components.errors import Where, fail
from ambient_components.fleet.resharding.exports import Deployment, ledgers, parts_of, workspaces_of
from ambient_components.shards import split_shard
from ambient_components.stacks.project import bare_name
from ambient_components.stacks.selection import Fleet


def numbers_of(fleet: Fleet, known: Collection[str]) -> Iterator[int]:
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


def with_count(fleet: Fleet, count: int) -> Fleet:
    """Return the same fleet with another number of shards."""
    return replace(fleet, count=count)


def known_stacks(engine: Engine) -> set[str]:
    """Return the names of the project's stacks, without the organisation."""
    return {bare_name(name) for name in stack_names(engine)}


_SHOWN: Final = 6
"""Maximum number of workspaces that are listed for a move."""


@dataclass(frozen=True, slots=True)
class Move:
    """Workspaces that move from one stack to another."""

    source: str
    target: str
    workspaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Twice:
    """Workspaces that an interrupted move left in two states. They are equal except for changes by later runs."""

    stack: str
    """The stack that drops them."""

    kept: str
    """The stack that keeps them. It has the newer ones if they differ."""

    workspaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resharding:
    """All changes. Moves happen after the duplicates are resolved."""

    twice: tuple[Twice, ...]
    moves: tuple[Move, ...]


def resharding(
    states: Mapping[str, Deployment],
    homes: Mapping[str, str],
    stacks: Collection[str],
    by_name: Callable[[str], str],
) -> Resharding:
    """Compare the current stacks of workspaces with the assigned ones.

    Args:
        states: The states that may have workspaces, by stack.
        homes: The assigned stack of each declared workspace.
        stacks: The fleet's stacks after the change.
        by_name: Assigns a workspace that is no longer declared. It stays if its stack stays.
    """
    found_in: dict[str, list[str]] = {}
    for stack, state in states.items():
        for name in workspaces_of(state):
            found_in.setdefault(name, []).append(stack)
    twice: dict[tuple[str, str], list[str]] = {}
    moves: dict[tuple[str, str], list[str]] = {}
    for name, owners in sorted(found_in.items()):
        kept = owners[0] if len(owners) == 1 else _newest(states, owners, name, homes.get(name, ""))
        for stack in owners:
            if stack != kept:
                twice.setdefault((stack, kept), []).append(name)
        desired = homes.get(name) or (kept if kept in stacks else by_name(name))
        if desired != kept:
            moves.setdefault((kept, desired), []).append(name)
    return Resharding(
        tuple(Twice(stack, kept, tuple(names)) for (stack, kept), names in sorted(twice.items())),
        tuple(Move(source, target, tuple(names)) for (source, target), names in sorted(moves.items())),
    )


def _newest(states: Mapping[str, Deployment], owners: Collection[str], name: str, home: str) -> str:
    """Return the stack with the latest change of a workspace, or its assigned one if there was no change."""

    def modified(items: Collection[Item]) -> str:
        return max((item.modified for item in items), default="")

    parts = {stack: parts_of(states[stack], name) for stack in owners}
    each = [(len(parts[stack]), workspaces_of(states[stack])[name]) for stack in owners]
    alike = all(one == each[0] for one in each)
    # A run that only removed something shows only in the ledger.
    return max(
        owners,
        key=lambda stack: (modified(parts[stack]), "" if alike else modified(ledgers(states[stack])), stack == home),
    )


def lines(plan: Resharding) -> Iterator[str]:
    """Yield the plan as text, a line for each change."""
    for one in plan.twice:
        yield f"  {one.stack}: forgets {named(one.workspaces)}, in two states since a move was interrupted: {one.kept}"
    for move in plan.moves:
        yield f"  {move.source} -> {move.target}: {named(move.workspaces)}"


def named(names: Collection[str]) -> str:
    """Return some names, and the number of others."""
    shown = ", ".join(sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
