"""The benchmark: clusters, contenders and phases, in order."""

import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import server
from bench.adoption import Adoption, adoption
from bench.errors import BenchError
from bench.objects import Object, difference, lines, objects
from bench.offline import WORKSPACES, Offline, offline
from bench.phases import Contender, Phase, change_of, phases_of
from bench.process import Usage
from bench.project import FleetProject, PlainProject
from bench.sent import Kubectl, RawClient
from sandbox.cluster import Cluster
from sandbox.environment import prepare
from sandbox.toolchain import Toolchain

Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One phase of one contender at one size."""

    contender: Contender
    workspaces: int
    phase: Phase
    usage: Usage
    server: server.Server
    fastest: float = 0.0
    """Seconds of the fastest of several runs. 0 for a single run."""
    slowest: float = 0.0
    """Seconds of the slowest."""


@dataclass
class Results:
    """All results."""

    offline: Offline | None = None
    rows: list[Row] = field(default_factory=list)
    adoption: Adoption | None = None

    def find(self, contender: Contender, workspaces: int, phase: Phase) -> Row | None:
        """Return one row, or None if it was not measured."""
        desired = (contender, workspaces, phase)
        return next((row for row in self.rows if (row.contender, row.workspaces, row.phase) == desired), None)


@dataclass(frozen=True)
class Selection:
    """What to measure."""

    sizes: Sequence[int]
    phases: Collection[Phase]
    contenders: Collection[Contender]
    adopted: int = 0
    """Number of workspaces to adopt. 0 measures no adoption."""


Snapshots = dict[Phase, list[Object]]
"""The objects in the cluster after each phase of the fleet, as input for kubectl and the raw API client."""


def benchmark(toolchain: Toolchain, desired: Selection, say: Say) -> Results:
    """Run the benchmark. After a failure, results are lost and all started programs are stopped.

    The fleet always runs if kubectl or the raw API client are wanted, because their objects come from its cluster.

    Raises:
        BenchError: A command failed, or two contenders created different objects.
    """
    results = Results()
    with tempfile.TemporaryDirectory(prefix="ambient-bench-pyc-") as compiled:
        if len(desired.contenders) == len(Contender):
            results.offline = offline()
            say(f"validate {WORKSPACES} workspaces in as many files: {results.offline.validate:.2f} s")
        if desired.adopted:
            say(f"adopt {desired.adopted} existing workspaces")
            results.adoption = adoption(toolchain, Path(compiled), desired.adopted, say)
        if desired.sizes:
            say("warming up, not counted")
        warm: Snapshots = {}
        for contender in Contender:
            if desired.sizes and (contender in desired.contenders or contender is Contender.FLEET):
                _measure(_Bench(toolchain, Path(compiled), lambda _: None), contender, 1, [Phase.CREATE], warm)
        bench = _Bench(toolchain, Path(compiled), say)
        for size in desired.sizes:
            snapshots: Snapshots = {}
            for contender in Contender:
                if contender is not Contender.FLEET and contender not in desired.contenders:
                    continue
                phases = _phases(contender, size, desired)
                if phases:
                    say(f"{size} workspaces, {contender}")
                    rows = _measure(bench, contender, size, phases, snapshots)
                    results.rows += [row for row in rows if contender in desired.contenders]
    return results


def _phases(contender: Contender, size: int, desired: Selection) -> list[Phase]:
    """Return the wanted phases, and the creation before them."""
    found = [phase for phase in phases_of(contender, size) if phase in desired.phases]
    return [Phase.CREATE, *(phase for phase in found if phase is not Phase.CREATE)] if found else []


@dataclass(frozen=True)
class _Bench:
    toolchain: Toolchain
    compiled: Path
    say: Say


def _measure(bench: _Bench, contender: Contender, size: int, phases: list[Phase], snapshots: Snapshots) -> list[Row]:
    """Run the phases in a new cluster, which is always removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="ambient-bench-"))
    try:
        prepare(directory / "sandbox", bench.toolchain)
        cluster = Cluster(directory / "sandbox", bench.toolchain)
        try:
            cluster.start()
            return _phased(bench, contender, size, phases, snapshots, (cluster, directory / "work"))
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _phased(
    bench: _Bench,
    contender: Contender,
    size: int,
    phases: list[Phase],
    snapshots: Snapshots,
    place: tuple[Cluster, Path],
) -> list[Row]:
    cluster, folder = place
    rows: list[Row] = []
    had: list[Object] = []
    measure = _how(contender, folder, bench.compiled, size, cluster)
    for phase in phases:
        change = change_of(phase, phases)
        before, after = had, snapshots.get(phase, [])
        earlier = server.now(cluster)
        usage = measure(phase, change, before, after)
        row = Row(contender, size, phase, usage, server.now(cluster).since(earlier))
        rows.append(row)
        bench.say(f"  {phase}: {usage.seconds:.1f} s, {usage.cpu_seconds:.1f} s of CPU")
        if phase is Phase.DESTROY:
            continue
        if contender is Contender.FLEET:
            snapshots[phase] = objects(cluster.api())
            if phase is Phase.CREATE and phases[-1] is Phase.DESTROY:
                snapshots[Phase.DESTROY] = snapshots[phase]
        elif contender is Contender.PLAIN:
            _same(phase, snapshots.get(phase), objects(cluster.api()))
        had = snapshots.get(phase, had)
    return rows


def _how(
    contender: Contender, folder: Path, compiled: Path, size: int, cluster: Cluster
) -> Callable[[Phase, object, list[Object], list[Object]], Usage]:
    """Return the function that runs a phase of this contender, given the fleet's objects before and after it."""
    if contender in (Contender.FLEET, Contender.PLAIN):
        made = FleetProject if contender is Contender.FLEET else PlainProject
        project = made(folder, cluster, compiled, size)
        return lambda phase, change, _before, _after: project.measure(phase, change)  # type: ignore[arg-type]
    sender = (Kubectl if contender is Contender.KUBECTL else RawClient)(folder, cluster, compiled)
    return lambda phase, _change, before, after: sender.measure(phase, before, after)


def _same(phase: Phase, ours: list[Object] | None, other: list[Object]) -> None:
    if ours is not None and (differ := difference(lines(ours), lines(other))):
        message = "\n".join([f"After {phase} two contenders' objects differ, so their times mean nothing:", *differ])
        raise BenchError(message)
