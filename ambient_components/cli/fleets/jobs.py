"""Shards on their way through a run, and what a run needs of who writes down and who tells."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ambient_components.cli.fleets.child import Child
from ambient_components.cli.fleets.events import Told
from ambient_components.cli.fleets.fleet import Fleet
from ambient_components.cli.fleets.skipping import Task
from ambient_components.errors import Problem
from ambient_components.shards import Run


class Phase(StrEnum):
    """Where a shard is."""

    SKIPPED = "skipped"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """By Ctrl-C: ended early, or not begun."""


@dataclass
class Job:
    """One shard, from the decision to its end; read by the progress while it runs."""

    fleet: Fleet
    task: Task
    told: Told = field(default_factory=Told)
    phase: Phase = Phase.WAITING
    run: Run | None = None
    """As its record has it; None: none was written."""
    began: float = 0.0
    ended: float = 0.0
    said: str = ""
    """What the engine said beside its events."""
    locked: bool = False
    recorded: bool = True
    """Whether its end could be written down; if not, it is not skipped the next time."""
    child: Child | None = None
    held: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Workspaces that were refused, and why: the rest of the shard was run without them."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """What its engine has beside the rest of the environment."""
    several: bool = False
    """Whether stacks of several clusters run together: the same workspace in two of them is two."""

    def named(self, workspace: str) -> str:
        """A workspace as it is told: after its fleet as well, where others run beside it."""
        return f"{self.fleet.name}/{workspace}" if self.several and workspace else workspace

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        if not self.began:
            return 0.0
        return (self.ended or time.monotonic()) - self.began


class Log(Protocol):
    """Writes down how runs ended."""

    def ended(self, job: Job) -> None:
        """A run has ended."""

    def close(self) -> None:
        """Writes down what is left."""


class View(Protocol):
    """Tells what goes on."""

    def started(self, job: Job) -> None:
        """A shard begins."""

    def tick(self) -> None:
        """Time has passed."""

    def ended(self, job: Job) -> None:
        """A shard has ended, or was skipped."""

    def note(self, text: str) -> None:
        """Something that is of no shard."""

    def close(self) -> None:
        """Nothing more comes."""


@dataclass(frozen=True)
class Plan:
    """How the engines are started."""

    verb: str
    """up, refresh or destroy."""
    jobs: int
    """How many at once."""
    environ: Mapping[str, str]
