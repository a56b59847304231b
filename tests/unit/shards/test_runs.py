"""No access that a run gave is ever unknown: not of a run that died at any of its steps, nor where two runs meet.

A small world with the engine's two ways to write its state, and runs that crash or fail anywhere. What it finds wrong
is wrong in the order of the real steps as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ambient_components.access.entries import Entry
from ambient_components.shards.records import Done, Record, Run, begin, done, is_lost, left, needs_refresh, recorded
from tests.support.ledgers import declare
from tests.support.quick import examples

Access = tuple[str, str]
Ledger = dict[str, Entry]


def ledger(access: frozenset[Access]) -> Ledger:
    names = {workspace for workspace, _ in access}
    return {
        name: Entry.model_construct(grants={who: "view" for place, who in sorted(access) if place == name})
        for name in names
    }


def access_in(one: Ledger) -> set[Access]:
    return {(workspace, subject) for workspace, entry in one.items() for subject in entry.grants}


def access_left(lost: dict[str, tuple[Entry, ...]]) -> set[Access]:
    return {(name, subject) for name, entries in lost.items() for entry in entries for subject in entry.grants}


@dataclass
class State:
    resources: set[Access] = field(default_factory=set)
    ledger: Ledger = field(default_factory=dict)


@dataclass
class World:
    cluster: set[Access] = field(default_factory=set)
    state: State = field(default_factory=State)
    stored: dict[str, str] = field(default_factory=dict)
    locked: str = ""

    @property
    def record(self) -> Record:
        return Record.parse(self.stored)

    @record.setter
    def record(self, record: Record) -> None:
        self.stored = record.data()

    def unknown(self) -> set[Access]:
        """Access that nobody would ever end."""
        record = self.record
        known = self.state.resources | access_in(record.declared or {}) | access_left(dict(record.lost))
        return self.cluster - known


@dataclass(frozen=True)
class Plan:
    """One run, and what becomes of it."""

    files: frozenset[Access]
    checkpoints: bool = True
    by_hand: bool = False
    """`pulumi up` itself, which always has checkpoints."""
    crash: int = 99
    """The step before which the process is killed."""
    fail: int = 99
    """The step before which something fails; the engine ends in order then."""
    intruder: int = 99
    """The step before which somebody else starts a run of the same shard, and is stopped by the lock."""
    intruder_checkpoints: bool = True
    unwritable: bool = False
    """Whether the record can't be written: a run without checkpoints does not begin then, others go on."""


class StepFailedError(Exception):
    pass


def engine(world: World, plan: Plan, run: Run, *, refresh: bool) -> Iterator[None]:
    """The engine's part: the ledger's provider first, then what it says."""
    kept = run.checkpoints
    state = world.state if kept else State(set(world.state.resources), dict(world.state.ledger))
    try:
        yield
        if refresh:
            state.resources &= world.cluster
            yield
        desired = ledger(plan.files)
        remains = access_left(left(world.record, run.id)) - plan.files
        unsettled = world.record.lost.keys() & desired.keys() or remains & world.cluster
        if state.ledger != desired or world.record.declared != desired or unsettled:
            for one in sorted(remains & world.cluster):
                world.cluster.discard(one)
                yield
            if not plan.unwritable:
                world.record = declare(world.record, desired, run, swept=True)
            yield
            state.ledger = desired
            yield
        for one in sorted(plan.files - state.resources):
            world.cluster.add(one)
            state.resources.add(one)
            yield
        for one in sorted(state.resources - plan.files):
            world.cluster.discard(one)
            state.resources.discard(one)
            yield
    finally:
        # Python comes here after a kill too: `world.locked` tells whether it was one.
        if world.locked == run.id:
            world.state = state


def whole_run(world: World, plan: Plan, run: Run) -> Iterator[None]:
    """`ambient up` of one shard, or `pulumi up`; each step is one that reaches the cluster or the state."""
    refresh = False
    if not plan.by_hand:
        refresh = needs_refresh(world.record)
        if not plan.unwritable:
            world.record = begin(world.record, run)
        yield
    if world.locked:
        return
    world.locked = run.id
    ended_well = True
    try:
        yield from engine(world, plan, run, refresh=refresh)
    except StepFailedError:
        ended_well = False
    if world.locked != run.id:
        return
    world.locked = ""
    yield
    if plan.by_hand or plan.unwritable:
        return
    world.record = recorded(world.record, run.id)
    yield
    if ended_well:
        try:
            world.record = done(world.record, Done(run.id, "", "", "", "", {}, 0))
        except ValueError:
            return  # another one began since
        yield


def play(world: World, number: int, plan: Plan) -> None:
    run = Run(f"run-{number}", "", checkpoints=plan.checkpoints or plan.by_hand or plan.unwritable)
    steps = whole_run(world, plan, run)
    for step in range(98):
        if step == plan.intruder:
            other = Plan(plan.files, plan.intruder_checkpoints)
            rival = Run(f"intruder-{number}", "", checkpoints=plan.intruder_checkpoints)
            if world.locked:
                for _ in whole_run(world, other, rival):
                    assert world.unknown() == set()
        if step == plan.crash:
            world.locked = ""  # the engine writes nothing any more
            steps.close()
            return
        try:
            if step == plan.fail and world.locked == run.id:
                steps.throw(StepFailedError())
            else:
                next(steps)
        except StopIteration:
            break
        assert world.unknown() == set()


WORKSPACES, SUBJECTS = ("pay", "dev", "ops"), ("ana", "bob")
FILES = st.frozensets(st.tuples(st.sampled_from(WORKSPACES), st.sampled_from(SUBJECTS)))
STEPS = st.integers(0, 14) | st.just(99)
PLANS = st.builds(
    Plan,
    files=FILES,
    checkpoints=st.booleans(),
    by_hand=st.booleans(),
    crash=STEPS,
    fail=STEPS,
    intruder=STEPS,
    intruder_checkpoints=st.booleans(),
    unwritable=st.booleans(),
)
ANA, BOB = frozenset({("pay", "ana")}), frozenset({("pay", "bob")})
BOTH = ANA | BOB


@examples(400)
@given(plans=st.lists(PLANS, max_size=7), last=FILES)
# A run that failed and could not write its record, after its ledger was recorded; and the same one again, killed.
@example(plans=[Plan(BOTH, fail=4, unwritable=True), Plan(BOTH, checkpoints=False, crash=5)], last=ANA)
# A run that failed after its ledger was recorded; the same one again, killed; and then what both gave is taken back.
@example(plans=[Plan(BOTH, fail=4), Plan(BOTH, checkpoints=False, crash=5)], last=ANA)
# What a killed run gave is declared by the next one, which fails, or is killed, before it adopts it.
@example(plans=[Plan(ANA, checkpoints=False, crash=5), Plan(ANA, checkpoints=False, fail=4)], last=frozenset())
@example(plans=[Plan(ANA, checkpoints=False, crash=5), Plan(ANA, by_hand=True, crash=3)], last=frozenset())
def test_no_access_is_ever_unknown_and_a_run_that_ends_well_leaves_what_is_declared(plans, last):
    world = World()
    for number, plan in enumerate(plans):
        play(world, number, plan)
        assert world.unknown() == set()
    play(world, 98, Plan(last))
    assert world.cluster == last
    assert world.record.lost == {}


@pytest.mark.parametrize("checkpoints", [True, False])
@pytest.mark.parametrize("crash", range(14))
def test_a_run_killed_at_any_step_is_made_up_for(crash, checkpoints):
    world = World()
    play(world, 0, Plan(ANA))
    play(world, 1, Plan(BOTH | {("dev", "bob")}, checkpoints=checkpoints, crash=crash))
    play(world, 2, Plan(BOB, checkpoints=checkpoints))
    assert world.cluster == BOB
    assert world.state.resources == BOB


def test_the_world_can_lose_access():
    """Without the record's care it does: the property above would see it."""
    world = World()
    play(world, 0, Plan(BOTH, checkpoints=False, crash=6))
    assert world.cluster == BOTH
    world.stored = {}
    assert world.unknown() == BOTH


def test_only_a_run_without_checkpoints_can_be_lost():
    kept, once = (Run("r", "", checkpoints=checkpoints) for checkpoints in (True, False))
    assert not is_lost(Record())
    assert not is_lost(begin(Record(), kept))
    assert is_lost(begin(Record(), once))
    assert not is_lost(recorded(begin(Record(), once), "r"))
    assert is_lost(recorded(begin(Record(), once), "another"))


def test_the_state_is_doubted_until_a_run_ends_well():
    record = begin(Record(), Run("lost", "", checkpoints=False))
    assert not needs_refresh(Record())
    for number, run in enumerate(("by hand", "failed")):
        record = declare(record, ledger(ANA), Run(run, "", checkpoints=True), swept=True)
        record = recorded(record, run)
        assert needs_refresh(record), number
    run = Run("well", "", checkpoints=True)
    record = begin(begin(record, run), run)
    ended = Done("well", "", "", "", "", {}, 0)
    assert needs_refresh(record)
    # What the ledger could not end is still there.
    assert done(record, ended) == recorded(record, "well")
    record = declare(record, ledger(ANA), run, swept=True)
    assert not needs_refresh(done(record, ended))


def test_a_run_sees_its_own_record_not_as_lost():
    record = declare(begin(Record(), Run("r", "", checkpoints=False)), ledger(ANA), Run("r", "", checkpoints=False))
    assert left(record, "r") == {}
    assert left(record) == left(record, "next") == {"pay": (Entry.model_construct(grants={"ana": "view"}),)}


def test_what_runs_left_is_kept_once_each():
    record = Record()
    for number, files in enumerate((ANA, BOTH, ANA, BOTH)):
        run = Run(str(number), "", checkpoints=False)
        record = declare(begin(record, run), ledger(files), run)
    assert left(record, "next") == {"pay": tuple(ledger(files)["pay"] for files in (ANA, BOTH))}


def test_a_run_that_begins_anew_is_not_recorded():
    record = begin(Record(), Run("r", "", checkpoints=False, recorded=True))
    assert is_lost(record)


def test_nobody_is_done_with_the_run_of_another():
    record = begin(Record(), Run("second", "", checkpoints=True))
    with pytest.raises(ValueError, match="another run of the shard has begun since"):
        done(record, Done("first", "", "", "", "", {}, 0))
