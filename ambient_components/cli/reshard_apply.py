"""Does what a resharding plans: states by `pulumi stack import`, run records beside them, in an order that bears kills.

The target's record, its state, the source's record, its state. A workspace that moves is never in no state; whatever
falls in between leaves it in two, which every run refuses and the next resharding mends. A record never declares what
no state has once the move is over: a run that is lost later would take that for its own.
"""

import json
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ambient_components.access.entries import Ledger
from ambient_components.cli.fleets.creation import make_shards, provider_of, set_fleet_key
from ambient_components.cli.project import bare_name
from ambient_components.cli.reshard_plan import Resharding
from ambient_components.engine.backend import export
from ambient_components.engine.command import Engine
from ambient_components.engine.rewriting import items
from ambient_components.engine.state import EMPTY
from ambient_components.errors import fail
from ambient_components.shards import CONFIG_KEY, Record, is_lost, left, record_name
from ambient_components.shards.arrival import Place
from ambient_components.shards.digest import canonical
from ambient_components.shards.exports import Deployment, owner_of, workspaces_of
from ambient_components.shards.moves import check_state, drop, emptied, furnished, move

if TYPE_CHECKING:
    from ambient_components.cli.fleets.fleet import Fleet
    from ambient_components.cli.fleets.records_client import Records

_AT_ONCE = 4


@dataclass
class Resharder:
    """One resharding under way.

    Attributes:
        states: Of every stack that takes part, as it was read or as it is by now.
        numbers: Of those stacks that are shards, and have run records.
    """

    engine: Engine
    fleet: "Fleet"
    records: "Records"
    states: dict[str, Deployment]
    numbers: Mapping[str, int]
    say: Callable[[str], object]

    def check(self) -> None:
        """Refuses what has to be settled by a run first; nothing was changed.

        Raises:
            AmbientError: a state or a record is in no condition to be moved.
        """
        for stack, state in self.states.items():
            check_state(state)
            if owner_of(state) not in ("", self.fleet.owner):
                fail(None, "", f"stack {stack!r} belongs to {owner_of(state)}", f"{self.fleet.owner} is resharded here")
        known = self.records.read()
        if self.records.trouble:
            fail(None, "", self.records.trouble, "run this where the cluster is reached, as its deployer")
        for stack, number in self.numbers.items():
            record = known.get(number, Record())
            if is_lost(record) or left(record):
                fail(
                    None,
                    "",
                    f"a run of {stack} is under way, or its state was never written",
                    f"wait for it; or, with shards as it was: ambient up {self.fleet.name} --shard {number}",
                )

    def rehearse(self, plan: Resharding) -> None:
        """Does all of it in memory alone: what can't be moved is refused before anything is written.

        Raises:
            AmbientError: as `apply`, but for what changes meanwhile.
        """
        states = dict(self.states)
        for one in plan.twice:
            states[one.stack] = drop(states[one.stack], one.workspaces)
        for each in plan.moves:
            target = states.get(each.target, EMPTY)
            states[each.source], states[each.target] = move(
                states[each.source], target, each.workspaces, self._place(each.target)
            )

    def make(self, missing: Collection[int]) -> None:
        """Makes the stacks of these shards.

        Raises:
            AmbientError: the engine's own words.
        """
        made = {self.fleet.stack(number): number for number in sorted(missing)}
        if made:
            file = self.fleet.config_file
            make_shards(self.engine, self.fleet.project, list(made), file, provider_of(file))
        self.numbers = {**self.numbers, **made}
        self.states.update(read_states(self.engine, list(made)))

    def configure(self) -> None:
        """Writes the number of shards into the config: whatever comes then, the next resharding goes on from there."""
        flags, count = self.fleet.flags(0), str(self.fleet.count)
        self.engine.run("config", "set", "--plaintext", CONFIG_KEY, count, *flags)
        if not self.fleet.has_key:
            set_fleet_key(self.engine, flags)
        self.say(f"{CONFIG_KEY}: {count} in {self.fleet.project.shown(self.fleet.config_file)}; commit it")

    def apply(self, plan: Resharding) -> None:
        """Moves.

        Raises:
            AmbientError: a state changed meanwhile, or can't be written. What was moved by then stays moved.
        """
        for one in plan.twice:
            self._write(one.stack, drop(self.states[one.stack], one.workspaces))
            self.say(f"{one.stack} has forgotten {len(one.workspaces)}, which {one.kept} has")
        for one_move in plan.moves:
            source, target = self.states[one_move.source], self.states[one_move.target]
            after, there = move(source, target, one_move.workspaces, self._place(one_move.target))
            # Both are looked at before either is written: a run of one of them ends this before it began.
            self._check_same(one_move.source)
            self._write(one_move.target, there)
            self._write(one_move.source, after)
            self.say(f"{one_move.source} -> {one_move.target}: {len(one_move.workspaces)} moved")

    def furnish(self, stacks: Collection[str]) -> None:
        """Gives stacks that nothing moved to what every shard has: their first run then has nothing to do either."""
        donor = next((state for state in self.states.values() if owner_of(state)), None)
        for stack in stacks:
            if donor is not None and not items(self.states[stack]):
                self._write(stack, furnished(self.states[stack], donor, self._place(stack)))

    def settle_records(self) -> int:
        """Makes every record that is there declare what its state has; returns how many were mended.

        After an interruption that came between a record and its state.
        """
        known, mended = self.records.read(), 0
        for stack, number in self.numbers.items():
            record = known.get(number)
            ledger = workspaces_of(self.states[stack])
            # What differs shows as a change of the ledger in the next preview.
            if record is not None and record.declared is not None and ledger != record.declared:
                self._declare(number, ledger)
                mended += 1
        return mended

    def empty(self, stack: str, *, remove: bool) -> bool:
        """Takes a stack's own things out of its state, once no workspace is in it, and the stack itself if asked.

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
            # Without the flag it deletes the config's file, which is the fleet's where the stack was a plain one.
            self.engine.run("stack", "rm", "--yes", "--preserve-config", "--stack", stack)
        return True

    def _place(self, stack: str) -> Place:
        number, record = self.numbers.get(stack), ""
        if number is not None:
            record = f"{self.fleet.platform_namespace}/{record_name(self.fleet.owner, number)}"
        return Place(bare_name(stack), self.fleet.project.name, record)

    def _write(self, stack: str, state: Deployment) -> None:
        self._check_same(stack)
        if (number := self.numbers.get(stack)) is not None:
            self._declare(number, workspaces_of(state))
        self._import(stack, state)

    def _declare(self, number: int, ledger: Ledger) -> None:
        written = self.records.change(number, lambda record: replace(record, declared=ledger))
        if written is None:
            fail(None, "", self.records.trouble, f"then again: ambient reshard {self.fleet.name}")

    def _check_same(self, stack: str) -> None:
        """The back end has no "import if unchanged"; a run that holds the lock makes the import fail by itself."""
        if canonical(export(self.engine, stack)) != canonical(self.states[stack]):
            fail(
                None,
                "",
                f"stack {stack!r} was deployed meanwhile",
                f"wait until nobody deploys it, then again: ambient reshard {self.fleet.name}",
            )

    def _import(self, stack: str, state: Deployment) -> None:
        self.engine.run("stack", "import", "--stack", stack, stdin=json.dumps(state))
        self.states[stack] = export(self.engine, stack)
        if workspaces_of(self.states[stack]).keys() != workspaces_of(state).keys():
            fail(None, "", f"stack {stack!r} was deployed meanwhile", f"ambient reshard {self.fleet.name}")


def read_states(engine: Engine, stacks: list[str]) -> dict[str, Deployment]:
    """The states of several stacks, a few at once.

    Raises:
        AmbientError: one can't be read.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(stacks, pool.map(lambda stack: export(engine, stack), stacks), strict=True))
