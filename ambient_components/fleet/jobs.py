"""The shards in a run, the default number of parallel engines, and the interfaces for results and progress."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from ambient_components import memory
from ambient_components.errors import Problem
from ambient_components.fleet.processes import Child
from ambient_components.fleet.run_events import Reported
from ambient_components.fleet.skipping import Task
from ambient_components.rules.acknowledgements import Acknowledgements
from ambient_components.shards import Run
from ambient_components.stacks.selection import Fleet


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
    """One shard in a run. The progress view reads it while the run is in progress."""

    fleet: Fleet
    task: Task
    reported: Reported = field(default_factory=Reported)
    phase: Phase = Phase.WAITING
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
    """Whether the refresh of `Task.refresh_first` found differences. None if there was none, or if it failed."""
    acknowledged: Acknowledgements | None = None
    """The acknowledged warnings. None if the files were not read."""
    excluded: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """The excluded workspaces with the reasons for their refusal."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Additional environment variables for the engine."""
    several: bool = False
    """Whether stacks of several clusters run together, so workspace names need the fleet's name."""

    def named(self, workspace: str) -> str:
        """Return a workspace's name for messages, with the fleet's name if several fleets run together."""
        return f"{self.fleet.name}/{workspace}" if self.several and workspace else workspace

    @property
    def seconds(self) -> float:
        """The duration of the run so far."""
        if not self.began:
            return 0.0
        return (self.ended or time.monotonic()) - self.began


class Log(Protocol):
    def ended(self, job: Job) -> None:
        """Record the end of a run."""

    def close(self) -> None:
        """Write all remaining records."""


class View(Protocol):
    def started(self, job: Job) -> None:
        """Show that a shard started."""

    def tick(self) -> None:
        """Update the view."""

    def ended(self, job: Job) -> None:
        """Show that a shard ended or was skipped."""

    def note(self, text: str) -> None:
        """Show a message about the run as a whole."""

    def close(self) -> None:
        """Close the view."""


@dataclass(frozen=True)
class Plan:
    verb: str
    """up, refresh or destroy."""
    jobs: int
    """Number of parallel engines."""
    environ: Mapping[str, str]


_EACH: Final = 512 << 20
"""Bytes of memory for one engine with its program and its plugins."""


def default_jobs(root: Path = Path("/")) -> int:
    """Return the default number of engines: one for each core and each half gigabyte of free memory, at least one.

    Args:
        root: The root of the file system, for tests.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, memory.free(root) // _EACH))
