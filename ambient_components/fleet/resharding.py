"""Another number of shards: which workspaces move, and moving them with `pulumi stack import`, safely interrupted.

The order is: the target's record, the target's state, the source's record, the source's state. So a moving workspace is
always in at least one state. An interruption leaves it in two states, which every run refuses and the next resharding
repairs. After a completed move, no record declares more than the states have. Otherwise a later interrupted run would
be blamed for the difference.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from ambient_components.access.entries import Ledger
from ambient_components.engine.backend import export
from ambient_components.engine.command import Engine
from ambient_components.engine.rewriting import Item, items
from ambient_components.engine.state import EMPTY, Export
from ambient_components.errors import AmbientError, Where, fail, refusal
from ambient_components.fleet.creation import make_shards, provider_of, set_fleet_key
from ambient_components.fleet.moves import (
    Place,
    check_state,
    drop,
    emptied,
    furnished,
    ledgers,
    move,
    owner_of,
    parts_of,
    workspaces_of,
)
from ambient_components.fleet.records import Records
from ambient_components.shards import CONFIG_KEY, Record, is_lost, left, record_name, split_shard
from ambient_components.stacks.project import bare_name
from ambient_components.stacks.selection import Fleet

_AT_ONCE: Final = 4
"""Number of states to read in parallel."""

_SHOWN: Final = 6
"""Maximum number of workspaces that are listed for a move."""


@dataclass(frozen=True, slots=True)
class Move:
    """Workspaces that move from one stack to another."""

    source: str
    target: str
    workspaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resharding:
    twice: tuple[Move, ...]
    """What interrupted moves left in two states: dropped from the first stack, which has the older ones if they differ.
    This happens before all moves."""
    moves: tuple[Move, ...]


def resharding(
    states: Mapping[str, Export],
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
        tuple(Move(*stacks, tuple(names)) for stacks, names in sorted(twice.items())),
        tuple(Move(*stacks, tuple(names)) for stacks, names in sorted(moves.items())),
    )


def _newest(states: Mapping[str, Export], owners: Collection[str], name: str, home: str) -> str:
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
    for twice in plan.twice:
        names = named(twice.workspaces)
        yield f"  {twice.source}: forgets {names}, in two states since a move was interrupted: {twice.target}"
    for each in plan.moves:
        yield f"  {each.source} -> {each.target}: {named(each.workspaces)}"


def named(names: Collection[str]) -> str:
    """Return some names, and the number of others."""
    shown = ", ".join(sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def numbers_of(fleet: Fleet, known: Collection[str]) -> Iterator[int]:
    """Yield the numbers of all stacks that are or were shards of this fleet.

    Args:
        fleet: The fleet with its intended number of shards.
        known: The project's stacks.
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


@dataclass
class Resharder:
    """A resharding in progress.

    Attributes:
        states: The current states of all involved stacks.
        numbers: The numbers of those stacks that are shards with run records.
    """

    engine: Engine
    fleet: Fleet
    records: Records
    states: dict[str, Export]
    numbers: Mapping[str, int]
    say: Callable[[str], object]

    def check(self) -> None:
        """Refuse a fleet with anything that a run must resolve first. Changes nothing."""
        for stack, state in self.states.items():
            check_state(state)
            if owner_of(state) not in ("", self.fleet.owner):
                fail(None, "", f"stack {stack!r} belongs to {owner_of(state)}", f"{self.fleet.owner} is resharded here")
        known = self.records.read()
        if self.records.trouble:
            hint = "run this where the cluster is reached, as its deployer"
            raise AmbientError([self.records.trouble.within("nothing is moved", hint)])
        for stack, number in self.numbers.items():
            record = known.get(number, Record())
            again = f"with shards as it was: ambient up {self.fleet.name} --shard {number}"
            if is_lost(record):
                fail(
                    None,
                    "",
                    f"a run of {stack} is under way, or its state was never written",
                    "wait for it",
                    f"or, {again}",
                )
            if left(record):
                fail(None, "", f"an interrupted run of {stack} left access that is not ended yet", again)

    def rehearse(self, plan: Resharding) -> None:
        """Perform all moves in memory, so that impossible moves are refused before anything is written."""
        states = dict(self.states)
        for twice in plan.twice:
            states[twice.source] = drop(states[twice.source], twice.workspaces)
        for each in plan.moves:
            target = states.get(each.target, EMPTY)
            states[each.source], states[each.target] = move(
                states[each.source], target, each.workspaces, self._place(each.target)
            )

    def make(self, missing: Collection[int]) -> None:
        """Create the stacks of these shards."""
        made = {self.fleet.stack(number): number for number in sorted(missing)}
        if made:
            file = self.fleet.config_file
            make_shards(self.engine, self.fleet.project, list(made), file, provider_of(file))
        self.numbers = {**self.numbers, **made}
        self.states |= read_states(self.engine, [*made])

    def configure(self) -> None:
        """Write the number of shards into the config, so that the next resharding continues after an interruption."""
        flags, count = self.fleet.flags(0), str(self.fleet.count)
        self.engine.run("config", "set", "--plaintext", CONFIG_KEY, count, *flags)
        if not self.fleet.has_key:
            set_fleet_key(self.engine, flags)
        self.say(f"{CONFIG_KEY}: {count} in {self.fleet.project.shown(self.fleet.config_file)} (commit it)")

    def apply(self, plan: Resharding) -> None:
        """Move the workspaces."""
        for twice in plan.twice:
            self._write(twice.source, drop(self.states[twice.source], twice.workspaces))
            self.say(f"{twice.source} has forgotten {len(twice.workspaces)}, which {twice.target} has")
        for each in plan.moves:
            source, target = self.states[each.source], self.states[each.target]
            source_after, target_after = move(source, target, each.workspaces, self._place(each.target))
            # Check both before writing either, so that a concurrent run is noticed early.
            self._check_same(each.source)
            self._write(each.target, target_after)
            self._write(each.source, source_after)
            self.say(f"{each.source} -> {each.target}: {len(each.workspaces)} moved")

    def furnish(self, stacks: Collection[str]) -> None:
        """Give stacks without moved workspaces what every shard has, so their first run has no changes."""
        donor = next((state for state in self.states.values() if owner_of(state)), None)
        for stack in stacks:
            if donor is not None and not items(self.states[stack]):
                self._write(stack, furnished(self.states[stack], donor, self._place(stack)))

    def settle_records(self) -> int:
        """Make each run record declare what its state has, and return the number of corrected records.

        An interruption between the record and the state can leave a difference.
        """
        known, mended = self.records.read(), 0
        for stack, number in self.numbers.items():
            record = known.get(number)
            ledger = workspaces_of(self.states[stack])
            # The next preview shows the difference as a change of the ledger.
            if record is not None and record.declared is not None and ledger != record.declared:
                self._declare(number, ledger)
                mended += 1
        return mended

    def empty(self, stack: str, *, remove: bool) -> bool:
        """Remove the stack's own resources from a state without workspaces, and optionally the stack itself.

        Returns:
            Whether the stack is empty now.
        """
        bare = emptied(self.states[stack])
        if bare is None:
            return False
        if items(self.states[stack]):
            self._check_same(stack)
            self._import(stack, bare)
        if (number := self.numbers.get(stack)) is not None:
            self.records.remove(number)
        if remove:
            # Without the flag, the config file is deleted. It is the fleet's if the stack was a plain one.
            self.engine.run("stack", "rm", "--yes", "--preserve-config", "--stack", stack)
        return True

    def _place(self, stack: str) -> Place:
        number, record = self.numbers.get(stack), ""
        if number is not None:
            record = f"{self.fleet.platform_namespace}/{record_name(self.fleet.owner, number)}"
        return Place(bare_name(stack), self.fleet.project.name, record)

    def _write(self, stack: str, state: Export) -> None:
        self._check_same(stack)
        if (number := self.numbers.get(stack)) is not None:
            self._declare(number, workspaces_of(state))
        self._import(stack, state)

    def _declare(self, number: int, ledger: Ledger) -> None:
        written = self.records.change(number, lambda record: replace(record, declared=ledger))
        if written is None:
            trouble = self.records.trouble or refusal("the run records can't be written")
            again = f"then again: ambient reshard {self.fleet.name}"
            raise AmbientError([trouble.within("the resharding is not complete", again)])

    def _check_same(self, stack: str) -> None:
        """Refuse a changed state. The backend has no conditional import, but imports fail while a run has the lock."""
        if export(self.engine, stack) != self.states[stack]:
            fail(
                None,
                "",
                f"stack {stack!r} was deployed meanwhile",
                f"wait until no run deploys it, then again: ambient reshard {self.fleet.name}",
            )

    def _import(self, stack: str, state: Export) -> None:
        self.engine.run("stack", "import", "--stack", stack, stdin=json.dumps(state))
        self.states[stack] = export(self.engine, stack)
        if workspaces_of(self.states[stack]).keys() != workspaces_of(state).keys():
            fail(None, "", f"stack {stack!r} was deployed meanwhile", f"ambient reshard {self.fleet.name}")


def read_states(engine: Engine, stacks: list[str]) -> dict[str, Export]:
    """Return the states of several stacks, read in parallel."""
    # Whole: `states.exports` leaves out parts that an import needs.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(stacks, pool.map(lambda stack: export(engine, stack), stacks), strict=True))
