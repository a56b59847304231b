"""A run that dies, or meets a fault, at every call that it makes: one stack, and a fleet of two shards.

The calls are those of a rehearsal in one workspace. Then many workspaces, each with a call of its own, are brought from
state to state: created, rotated, changed, closed, opened, deleted. After each run that died or met its faults one
ordinary run converges, a further one does nothing, every live token is on record, and access is what the file says.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import evidence
from tests.support.crash_stacks import Many, ManyInAFleet, ManyInAStack, Phase, phases
from tests.support.crashes import FAULTS, Fault, Faults, Point, Stops, killed_by, points, record_of
from tests.support.faults import Proxy
from tests.support.machine import Machine

pytestmark = pytest.mark.timeout(3600)

AREA = "crash"
MOST_KILLS = 3
"""Of one change: what the engine does for all workspaces before it goes on takes the later stops a run of their own."""
READS = 12
SIZE = int(os.environ.get("CRASH_SIZE", "0"))
"""Of the stacks, for work on these tests; 0: as many workspaces as there are calls."""
Calls = dict[str, tuple[list[Point], list[Point]]]


@pytest.fixture(scope="module")
def proxy(machine: Machine) -> Iterator[Proxy]:
    with Proxy(machine.cluster) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def calls(machine: Machine, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """What one workspace's runs ask of the cluster, by state: the changes and the reads."""
    one = ManyInAStack(machine, proxy, tmp_path_factory.mktemp("rehearsal"), 1)
    found: Calls = {}
    for phase in phases():
        proxy.calls.clear()
        one.write(phase)
        one.run(phase).ok()
        found[phase.name] = points(proxy.calls)
        one.holds(phase)
    one.stack.remove()
    return found


def goes_to(many: Many, phase: Phase) -> None:
    """An ordinary run, with nothing wrong."""
    many.write(phase)
    many.run(phase).ok()


def converges(many: Many, phase: Phase) -> None:
    """One ordinary run, and nothing to do after it."""
    many.run(phase).ok()
    evidence.count(AREA, "questions to the cluster after a fault", many.holds(phase))
    many.unchanged(phase)


def dies(many: Many, phase: Phase, stops: Stops) -> None:
    """Runs die one after the other, until every workspace was stopped at its call or none stops any more."""
    many.write(phase)
    reached = 0
    for _ in range(MOST_KILLS):
        text = killed_by(many.proxy, stops, many.command(), many.stack.folder, many.environment(phase))
        many.stack.machine.outputs.append(text)
        many.after_a_kill()
        print(f"{phase.name}: killed at {len(stops.reached)} calls", flush=True)
        reached += len(stops.reached)
        if stops.all_reached or not stops.reached:
            break
        stops = stops.rest()
    assert reached, text
    converges(many, phase)
    evidence.count(AREA, f"kills at a call, {many.what}", reached)


def meets(many: Many, phase: Phase, plan: dict[str, tuple[Point, Fault]]) -> None:
    many.write(phase)
    faults = Faults(plan)
    many.proxy.remember()
    with many.proxy.choosing(faults.choose):
        many.run(phase)
    print(f"{phase.name}: {len(faults.met)} of {len(plan)} faults met", flush=True)
    assert len(faults.met) > 0.8 * len(plan), {str(plan[space][0]) for space in plan.keys() - faults.met}
    converges(many, phase)
    for _, fault in faults.met.values():
        evidence.count(AREA, f"calls answered: {fault.name}", 1)


def choices(calls: Calls, phase: Phase) -> list[tuple[Point, Fault]]:
    """Every fault of every change, and of a sample of the reads."""
    changes, reads = calls[phase.name]
    some = reads[:: 1 + len(reads) // READS]
    return [(point, fault) for fault in FAULTS for point in (some if fault.of_reads else changes)]


def stops_of(calls: Calls, phase: Phase, many: Many) -> Stops:
    """Each workspace stops at another of its changes: of a stack the odd ones are answered, of a fleet the others."""
    changes = len(calls[phase.name][0])
    last = {space: 1 + place % changes for place, space in enumerate(many.spaces)}
    return Stops({space: (number, number % 2 == many.odd) for space, number in last.items()})


def most(number: Callable[[Phase], int]) -> int:
    return max(number(phase) for phase in phases() if phase.walked)


SAMPLE = (
    "POST /api/v1/namespaces/W/serviceaccounts/ambient-key-ci-#/token",
    "PATCH /api/v1/namespaces/W/secrets/ambient-runner-secrets",
    "DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/W/rolebindings/ambient-permission-edit-bob-example-com-user",
    "POST /api/v1/namespaces/W/secrets",
    "GET /api/v1/namespaces/W/secrets?",
    "GET /api/v1/namespaces/W-app/secrets/the-key",
    "GET /api/v1/namespaces/W/secrets?",
)
"""A call for each of `FAULTS`, of the change."""


def test_a_sample_of_kills_and_every_fault_once(machine: Machine, proxy: Proxy, tmp_path: Path) -> None:
    many = ManyInAStack(machine, proxy, tmp_path, len(SAMPLE))
    created, changed = phases()[:2]
    dies(many, created, Stops({space: (2 * place + 1, place % 2 == 0) for place, space in enumerate(many.spaces)}))
    meets(
        many,
        changed,
        {space: (Point(kind), fault) for space, kind, fault in zip(many.spaces, SAMPLE, FAULTS, strict=True)},
    )
    many.stack.remove()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ManyInAStack, ManyInAFleet])
def test_a_kill_at_every_change(
    machine: Machine, proxy: Proxy, calls: Calls, tmp_path: Path, kind: type[ManyInAStack | ManyInAFleet]
) -> None:
    many = kind(machine, proxy, tmp_path, SIZE or most(lambda phase: len(calls[phase.name][0])))
    for phase in phases():
        if phase.walked:
            dies(many, phase, stops_of(calls, phase, many))
        else:
            goes_to(many, phase)
    many.stack.remove()


@pytest.mark.slow
def test_a_kill_at_writes_of_the_run_record(machine: Machine, proxy: Proxy, tmp_path: Path) -> None:
    many = ManyInAFleet(machine, proxy, tmp_path, 12, wide=False)  # six a shard: its runs have no checkpoints
    for number, phase in enumerate(phases()[:5], 1):
        dies(many, phase, Stops({"record": (number, number % 2 == 0)}, record_of))
    many.stack.remove()


@pytest.mark.slow
def test_files_that_are_put_back_after_a_kill(machine: Machine, proxy: Proxy, calls: Calls, tmp_path: Path) -> None:
    """A run that dies has ended access that the state still has: who takes the change back has to look (a refresh)."""
    created, changed = phases()[:2]
    many = ManyInAStack(machine, proxy, tmp_path, 12)
    goes_to(many, created)
    many.write(changed)
    stops = Stops({space: (place + 1, place % 2 == 0) for place, space in enumerate(many.spaces)})
    killed_by(proxy, stops, many.command(), many.stack.folder, many.environment(changed))
    many.after_a_kill()
    many.write(created)
    many.stack.up("--refresh", offset=changed.offset).ok()
    many.unchanged(Phase(created.name, created.entry, changed.offset))
    many.holds(created)
    many.stack.remove()


@pytest.mark.slow
def test_a_fault_at_every_call(machine: Machine, proxy: Proxy, calls: Calls, tmp_path: Path) -> None:
    many = ManyInAStack(machine, proxy, tmp_path, SIZE or most(lambda phase: len(choices(calls, phase))))
    # Nothing dies here, and with so many workspaces the engine would do nothing but write its state.
    many.stack.environment["PULUMI_SKIP_CHECKPOINTS"] = "true"
    for phase in phases():
        every = choices(calls, phase)
        if phase.walked:
            meets(many, phase, dict(zip(many.spaces, every[:: -(-len(every) // len(many.spaces))], strict=False)))
        else:
            goes_to(many, phase)
    many.stack.remove()
