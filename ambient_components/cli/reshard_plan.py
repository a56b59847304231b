"""What `ambient reshard` would do: where each workspace is, by the states, and where it belongs, by files and config.

Pure. A state of which a move was interrupted is in here too: its workspaces are then in two states.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.engine.rewriting import Item
from ambient_components.shards.exports import Deployment, ledgers, parts_of, workspaces_of

_SHOWN: Final = 6
"""Workspaces of one move that are named."""


@dataclass(frozen=True, slots=True)
class Move:
    """Workspaces that go from one stack to another."""

    source: str
    target: str
    workspaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Twice:
    """Workspaces that an interrupted move left in two states, identical but for what a run has done since."""

    stack: str
    """Which is to forget them."""

    kept: str
    """Which has them, and the newer ones where they differ."""

    workspaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resharding:
    """All that is to be done; moves come after the doubles are mended."""

    twice: tuple[Twice, ...]
    moves: tuple[Move, ...]


def resharding(
    states: Mapping[str, Deployment],
    homes: Mapping[str, str],
    stacks: Collection[str],
    by_name: Callable[[str], str],
) -> Resharding:
    """Compare where workspaces are with where they belong.

    Args:
        states: of every stack that may have some, by its name.
        homes: the stack that each workspace of the files belongs to.
        stacks: those that the fleet has from now on.
        by_name: where one belongs that is in no file any more. It stays where it is if that stack stays.
    """
    held: dict[str, list[str]] = {}
    for stack, state in states.items():
        for name in workspaces_of(state):
            held.setdefault(name, []).append(stack)
    twice: dict[tuple[str, str], list[str]] = {}
    moves: dict[tuple[str, str], list[str]] = {}
    for name, holders in sorted(held.items()):
        kept = holders[0] if len(holders) == 1 else _newest(states, holders, name, homes.get(name, ""))
        for stack in holders:
            if stack != kept:
                twice.setdefault((stack, kept), []).append(name)
        wanted = homes.get(name) or (kept if kept in stacks else by_name(name))
        if wanted != kept:
            moves.setdefault((kept, wanted), []).append(name)
    return Resharding(
        tuple(Twice(stack, kept, tuple(names)) for (stack, kept), names in sorted(twice.items())),
        tuple(Move(source, target, tuple(names)) for (source, target), names in sorted(moves.items())),
    )


def _newest(states: Mapping[str, Deployment], holders: Collection[str], name: str, home: str) -> str:
    """Which of several states had the last run over a workspace; where none has had one since, its home."""

    def modified(items: Collection[Item]) -> str:
        return max((item.modified for item in items), default="")

    parts = {stack: parts_of(states[stack], name) for stack in holders}
    each = [(len(parts[stack]), workspaces_of(states[stack])[name]) for stack in holders]
    alike = all(one == each[0] for one in each)
    # A run that only took something away shows in the ledger alone.
    return max(
        holders,
        key=lambda stack: (modified(parts[stack]), "" if alike else modified(ledgers(states[stack])), stack == home),
    )


def lines(plan: Resharding) -> Iterator[str]:
    """The plan for people, a line each."""
    for one in plan.twice:
        yield f"  {one.stack}: forgets {named(one.workspaces)}, in two states since a move was interrupted: {one.kept}"
    for move in plan.moves:
        yield f"  {move.source} -> {move.target}: {named(move.workspaces)}"


def named(names: Collection[str]) -> str:
    """Some names, and how many there are if those are not all."""
    shown = ", ".join(sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
