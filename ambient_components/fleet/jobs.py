"""One shard's job in a run over fleets: what is asked of it, what was decided, and how its run goes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from ambient_components.errors import Problem
from ambient_components.fleet.inputs import ShardInputs
from ambient_components.fleet.processes import Child
from ambient_components.fleet.run_events import Reported
from ambient_components.rules.warnings import Acknowledgements
from ambient_components.shards.cluster_records import Records
from ambient_components.shards.records import Run
from ambient_components.stacks.selection import Fleet


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks of fleets."""

    verb: str = "up"
    """plan, up, refresh or destroy."""
    name: str = ""
    """The name on the command line: a fleet, or a file that lists several."""
    jobs: int = 0
    """Number of parallel engines. 0 means the machine's default."""
    every: bool = False
    refresh: bool = False
    shards: tuple[int, ...] = ()
    """Numbers of the shards to run. Empty means all."""
    form: str = "text"
    yes: bool = False
    at: datetime | None = None
    """The time of a planned run, UTC. None means now."""
    offline: bool = False
    """Whether a plan compares files and states, without engine and cluster."""
    states: str = ""
    """A folder with exported states (STACK.json) to use for an offline plan instead of the backend."""


DEFAULT: Final = Request()


class Result(StrEnum):
    """What is known of a shard, best first."""

    UP_TO_DATE = "up to date"
    CHANGED = "changes pending"
    DUE = "due by date"
    ASKED = "asked for"
    UNKNOWN = "not known"
    NEVER = "never deployed"
    FAILED = "last run did not end well"
    INTERRUPTED = "run was killed"


class Phase(StrEnum):
    SKIPPED = "skipped"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Ended early by Ctrl-C, or not started."""


@dataclass
class Job:
    """One shard: what it needs, and how its run goes. The progress view reads it while the run is in progress."""

    fleet: Fleet
    number: int
    stack: str
    workspaces: int
    changed: int
    """Number of workspaces that differ from the last successful run."""
    why: str
    """Why the shard is run or skipped."""
    checkpoints: bool = True
    refresh: bool = False
    refresh_first: bool = False
    """Whether the shard is up to date apart from drift: refresh its state, and run it only if the cluster differs."""
    expected: int = 0
    """The expected number of resources, only for the progress."""
    result: Result = Result.UNKNOWN
    inputs: ShardInputs | None = None
    """None if the files were not read."""
    acknowledged: Acknowledgements | None = None
    """The acknowledged warnings. None if the files were not read."""
    several: bool = False
    """Whether stacks of several clusters run together, so workspace names need the fleet's name."""
    records: Records | None = None
    """Where its runs are recorded. None for a plain stack, and if the records can't be read."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Additional environment variables for the engine."""

    phase: Phase = Phase.WAITING
    reported: Reported = field(default_factory=Reported)
    run: Run | None = None
    """The run in the shard's record. None if none was written."""
    began: float = 0.0
    ended: float = 0.0
    output: str = ""
    """The engine's output other than events."""
    locked: bool = False
    recorded: bool = True
    """Whether the end of the run was recorded. If not, the next run does not skip the shard."""
    child: Child | None = None
    drifted: bool | None = None
    """Whether the refresh of `refresh_first` found differences. None if there was none, or if it failed."""
    excluded: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """The excluded workspaces with the reasons for their refusal."""

    @property
    def skip(self) -> bool:
        return self.result is Result.UP_TO_DATE

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.began if self.began else 0.0

    def named(self, workspace: str) -> str:
        """Return a workspace's name for messages, with the fleet's name if several fleets run together."""
        return f"{self.fleet.name}/{workspace}" if self.several and workspace else workspace
