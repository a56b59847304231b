"""Another number of shards: which workspaces move, and moving them with `pulumi stack import`, safely interrupted.

Each state is written with all that arrives, and, once every state has that, without what has left. So a moving
workspace is always in at least one state. An interruption leaves it in two states, which every run refuses and
the next resharding repairs. A record is written before its state, so that afterwards no record declares more than the
states have. Otherwise a later interrupted run would be blamed for the difference.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from ambient_components.access.entries import Ledger
from ambient_components.engine.backend import export
from ambient_components.engine.command import Engine
from ambient_components.engine.rewriting import Item, items
from ambient_components.engine.state import EMPTY, Export
from ambient_components.errors import AmbientError, Where, fail, refusal, stop
from ambient_components.fleet.creation import make_shards, provider_of, set_fleet_key
from ambient_components.fleet.moves import (
    Place,
    arrived,
    check_state,
    drop,
    emptied,
    ledgers,
    owner_of,
    parts_of,
)
from ambient_components.shards.cluster_records import Records
from ambient_components.shards.names import CONFIG_KEY, split_shard
from ambient_components.shards.records import Record, is_lost, left, record_name
from ambient_components.stacks.project import bare_name
from ambient_components.stacks.reading import ledger_from_state
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
    states: Mapping[str, Export], homes: Mapping[str, str], stacks: Collection[str], by_name: Callable[[str], str]
) -> Resharding:
    """Compare the current stacks of workspaces with the assigned ones; `by_name` assigns the undeclared."""
    stacks_of: dict[str, list[str]] = {}
    for stack, state in states.items():
        for name in ledger_from_state(state):
            stacks_of.setdefault(name, []).append(stack)
    twice: dict[tuple[str, str], list[str]] = {}
    moves: dict[tuple[str, str], list[str]] = {}
    for name, owners in sorted(stacks_of.items()):
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
    each = [(len(parts[stack]), ledger_from_state(states[stack])[name]) for stack in owners]
    alike = all(contents == each[0] for contents in each)
    # A run that only removed something shows only in the ledger.
    return max(
        owners,
        key=lambda stack: (modified(parts[stack]), "" if alike else modified(ledgers(states[stack])), stack == home),
    )


def lines(plan: Resharding) -> Iterator[str]:
    for twice in plan.twice:
        names = named(twice.workspaces)
        yield f"  {twice.source}: forgets {names}, in two states since a move was interrupted: {twice.target}"
    for each in plan.moves:
        yield f"  {each.source} -> {each.target}: {named(each.workspaces)}"


def named(names: Collection[str]) -> str:
    """Return some names, and the number of others."""
    shown = ", ".join(sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def written(states: Mapping[str, Export], plan: Resharding, places: Mapping[str, Place]) -> list[tuple[str, Export]]:
    """Return the states to write, in this order. What can't be moved is refused.

    Args:
        places: The fleet's stacks after the change. Those without workspaces get what every shard has, so that their
            first run has no changes. The states of all others become empty.
    """
    now, order = dict(states), list[tuple[str, Export]]()

    def put(stack: str, state: Export) -> None:
        if state is not now.get(stack):
            now[stack] = state
            order.append((stack, state))

    for twice in plan.twice:
        put(twice.source, drop(now[twice.source], twice.workspaces))
    donor = next((state for state in states.values() if owner_of(state)), None)
    for stack, place in places.items():
        state = now.get(stack, EMPTY)
        for each in plan.moves:
            if each.target == stack:
                state = arrived(now[each.source], state, each.workspaces, place)
        if donor is not None and not items(state):
            state = arrived(donor, state, (), place)
        if items(state):
            put(stack, state)
    for stack in states:
        left = [name for each in plan.moves if each.source == stack for name in each.workspaces]
        state = drop(now[stack], left) if left else now[stack]
        if stack not in places and items(state):
            state = emptied(state) or state
        put(stack, state)
    return order


def numbers_of(fleet: Fleet, known: Collection[str]) -> Iterator[int]:
    for name in sorted({bare_name(stack) for stack in known}):
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

    def check(self) -> None:
        """Refuse a fleet with anything that a run must resolve first. Changes nothing."""
        for stack, state in self.states.items():
            check_state(state)
            if owner_of(state) not in ("", self.fleet.owner):
                stop(f"stack {stack!r} belongs to {owner_of(state)}", f"{self.fleet.owner} is resharded here")
        known = self.records.read()
        if self.records.trouble:
            hint = "run this where the cluster is reached, as its deployer"
            raise AmbientError([self.records.trouble.within("nothing is moved", hint)])
        for stack, number in self.numbers.items():
            record = known.get(number, Record())
            again = f"with shards as it was: ambient up {self.fleet.name} --shard {number}"
            if is_lost(record):
                problem = f"a run of {stack} is under way, or its state was never written"
                stop(problem, "wait for it", f"or, {again}")
            if left(record):
                stop(f"an interrupted run of {stack} left access that is not ended yet", again)

    def make(self, missing: Collection[int]) -> None:
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
        print(f"{CONFIG_KEY}: {count} in {self.fleet.project.shown(self.fleet.config_file)} (commit it)")

    def apply(self, order: Sequence[tuple[str, Export]]) -> None:
        """Write states, each after its record."""
        for stack in dict(order):
            self._check_same(stack)  # of all before any is written, so that a concurrent run is noticed early
        for stack, state in order:
            self._check_same(stack)
            if (number := self.numbers.get(stack)) is not None:
                self._declare(number, ledger_from_state(state))
            self.engine.run("stack", "import", "--stack", stack, stdin=json.dumps(state))
            self.states[stack] = export(self.engine, stack)
            if ledger_from_state(self.states[stack]).keys() != ledger_from_state(state).keys():
                self._was_deployed(stack)
            print(f"{stack} is written, workspaces: {len(ledger_from_state(state))}")

    def settle_records(self) -> int:
        """Make each run record declare what its state has, and return the number of corrected records.

        An interruption between the record and the state can leave a difference.
        """
        known, mended = self.records.read(), 0
        for stack, number in self.numbers.items():
            record = known.get(number)
            ledger = ledger_from_state(self.states[stack])
            # The next preview shows the difference as a change of the ledger.
            if record is not None and record.declared is not None and ledger != record.declared:
                self._declare(number, ledger)
                mended += 1
        return mended

    def places(self) -> dict[str, Place]:
        """Return all shards by stack, with what each is called in its state, and its record."""
        fleet, namespace = self.fleet, self.fleet.platform_namespace
        return {
            (stack := fleet.stack(number)): Place(bare_name(stack), f"{namespace}/{record_name(fleet.owner, number)}")
            for number in range(fleet.count)
        }

    def _declare(self, number: int, ledger: Ledger) -> None:
        written = self.records.change(number, lambda record: replace(record, declared=ledger))
        if written is None:
            trouble = self.records.trouble or refusal("the run records can't be written")
            again = f"then again: ambient reshard {self.fleet.name}"
            raise AmbientError([trouble.within("the resharding is not complete", again)])

    def _check_same(self, stack: str) -> None:
        """Refuse a changed state. The backend has no conditional import, but imports fail while a run has the lock."""
        if export(self.engine, stack) != self.states[stack]:
            self._was_deployed(stack)

    def _was_deployed(self, stack: str) -> NoReturn:
        again = f"wait until no run deploys it, then again: ambient reshard {self.fleet.name}"
        stop(f"stack {stack!r} was deployed meanwhile", again)


def read_states(engine: Engine, stacks: list[str]) -> dict[str, Export]:
    # Whole: `states.exports` leaves out parts that an import needs.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(stacks, pool.map(lambda stack: export(engine, stack), stacks), strict=True))
