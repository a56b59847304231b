"""The benchmark itself: clusters, programs and phases, in order."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError
from bench.objects import difference, objects
from bench.offline import WORKSPACES, Offline, offline
from bench.process import Usage
from bench.programs import Phase, Program, Project, State
from sandbox.cluster import Cluster
from sandbox.environment import prepare
from sandbox.toolchain import Toolchain

Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """One program at one size, once."""

    program: Program
    workspaces: int
    usage: dict[Phase, Usage]
    state: State
    created: frozenset[str]
    changed: frozenset[str]
    """The objects in the cluster after each of the two updates."""


@dataclass
class Results:
    """Everything that was measured."""

    offline: Offline
    measured: list[Measured] = field(default_factory=list)

    def of(self, program: Program, workspaces: int) -> list[Measured]:
        """The runs of one program at one size."""
        return [one for one in self.measured if (one.program, one.workspaces) == (program, workspaces)]


def benchmark(toolchain: Toolchain, sizes: Sequence[int], runs: int, say: Say) -> Results:
    """Measures both programs at every size.

    Raises:
        BenchError: a command failed, or the two programs did not make the same objects.
    """
    results = Results(offline())
    say(f"validate {WORKSPACES} workspaces in as many files: {results.offline.validate:.2f} s")
    say("warming up: both programs once, not counted")
    for program in Program:
        _measure(toolchain, program, 1, lambda _: None)
    for workspaces in sizes:
        for number in range(runs):
            # Who goes first alternates, in case the machine gets slower or faster meanwhile.
            order = list(Program) if number % 2 == 0 else list(reversed(Program))
            for program in order:
                count = f" (run {number + 1} of {runs})" if runs > 1 else ""
                say(f"{workspaces} workspaces, {program}{count}")
                results.measured.append(_measure(toolchain, program, workspaces, say))
            _compare(*(results.of(program, workspaces)[-1] for program in Program))
    return results


def _measure(toolchain: Toolchain, program: Program, workspaces: int, say: Say) -> Measured:
    """A new cluster, a new stack, three phases; all of it is gone afterwards, however it ends."""
    directory = Path(tempfile.mkdtemp(prefix="ambient-bench-"))
    try:
        prepare(directory / "sandbox", toolchain)
        cluster = Cluster(directory / "sandbox", toolchain)
        try:
            cluster.start()
            project = Project(program, directory / "project", cluster)
            usage = {}
            project.write(workspaces)
            usage[Phase.CREATE] = _told(say, Phase.CREATE, project.up)
            created = objects(cluster.api())
            state = project.state()
            usage[Phase.NOTHING] = _told(say, Phase.NOTHING, project.preview)
            project.write(workspaces, changed=True)
            usage[Phase.CHANGE] = _told(say, Phase.CHANGE, project.up)
            changed = objects(cluster.api())
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return Measured(program, workspaces, usage, state, frozenset(created), frozenset(changed))


def _told(say: Say, phase: Phase, measure: Callable[[], Usage]) -> Usage:
    usage = measure()
    say(f"  {phase}: {usage.seconds:.1f} s, {usage.cpu_seconds:.1f} s of CPU, {usage.largest_mib:.0f} MiB the largest")
    return usage


def _compare(ours: Measured, plain: Measured) -> None:
    for phase, mine, other in (
        (Phase.CREATE, ours.created, plain.created),
        (Phase.CHANGE, ours.changed, plain.changed),
    ):
        if lines := difference(set(mine), set(other)):
            message = "\n".join(
                [f"After {phase} the two programs' objects differ, so their times mean nothing:", *lines]
            )
            raise BenchError(message)
    if ours.created == ours.changed:
        message = f"{Phase.CHANGE}: nothing changed in the cluster."
        raise BenchError(message)
