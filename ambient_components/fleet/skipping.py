"""Which shards have changes, and how each is run, from its record, its state and its files. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from ambient_components.engine.backend import Stack
from ambient_components.fleet.inputs import ShardInputs
from ambient_components.shards import Record, left, needs_refresh

FEW: Final = 3
"""Maximum number of changed workspaces for a run with checkpoints. With more, the state is written once at the end.

In a shard of fifty, checkpoints take 0.16 s of CPU for each changed workspace (docs/internals/adr/0018)."""


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


@dataclass(frozen=True, slots=True)
class RunOptions:
    every: bool = False
    refresh: bool = False
    records: bool = True
    """Whether the run records can be read."""


@dataclass(frozen=True, slots=True)
class Task:
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

    @property
    def skip(self) -> bool:
        return self.result is Result.UP_TO_DATE


def task(
    inputs: ShardInputs, stack: str, record: Record | None, state: Stack | None, desired: RunOptions, now: datetime
) -> Task:
    """Decide what to do with a shard.

    Args:
        record: Its run record, or None.
        state: Its state's metadata. None if the stack does not exist.
        desired: The user's options.
        now: The time of the run.
    """
    done = record.done if record is not None else None
    changed = inputs.changed(done.workspaces if done is not None else {})
    lost = record is not None and _lost(record)
    result, why = _why(inputs, record, state, desired, now)
    refresh_first = desired.refresh and result is Result.UP_TO_DATE
    if refresh_first:
        result, why = Result.ASKED, "looks for drift"
    return Task(
        inputs.number,
        stack,
        len(inputs.workspaces),
        changed,
        why=why,
        # After an interrupted run, objects may be missing from the state, so refresh and write every step.
        checkpoints=not desired.records or changed <= FEW or (lost and not _mostly_new(inputs, state)),
        # A state that is not empty may have resources that the interrupted run deleted.
        refresh=desired.refresh or (lost and not (state is None or state.empty)),
        refresh_first=refresh_first,
        expected=_expected(inputs, state, changed),
        result=result,
    )


def is_run(inputs: ShardInputs, record: Record | None, desired: RunOptions, now: datetime) -> bool:
    """Tell whether a shard is run whatever its state is. See `task`."""
    done = record.done if record is not None else None
    as_recorded = None if done is None else Stack(done.state_at, done.resources)
    return desired.refresh or _why(inputs, record, as_recorded, desired, now)[0] is not Result.UP_TO_DATE


def _why(
    inputs: ShardInputs, record: Record | None, state: Stack | None, desired: RunOptions, now: datetime
) -> tuple[Result, str]:
    """Return why a shard must run, or that it need not, apart from drift."""
    done = record.done if record is not None else None
    if desired.every:
        return Result.ASKED, "asked for"
    if not desired.records:
        return Result.UNKNOWN, "no run record"
    if record is None or done is None:
        if state is None or not state.at:
            return Result.NEVER, "never deployed"
        return Result.UNKNOWN, "no run of it is recorded"
    if _lost(record):
        return Result.INTERRUPTED, "a run of it was killed, and what that left is not settled"
    if record.run is None or record.run.id != done.id:
        return Result.FAILED, "its last run did not end well, or was another's"
    if not inputs.digest:
        return Result.UNKNOWN, inputs.why_unknown or "its inputs are not all known"
    if inputs.digest != done.digest:
        return Result.CHANGED, "its inputs changed"
    if done.next_action and now >= datetime.fromisoformat(done.next_action):
        return Result.DUE, f"due since {done.next_action}"
    if state is None or state.at != done.state_at:
        return Result.CHANGED, "its state was changed since its last run"
    return Result.UP_TO_DATE, "nothing changed"


def _lost(record: Record) -> bool:
    """Tell whether an interrupted run's objects or deletions are still unresolved."""
    return needs_refresh(record) or bool(left(record))


def _mostly_new(inputs: ShardInputs, state: Stack | None) -> bool:
    """Tell whether most resources do not exist yet, so there is little that a refresh could find."""
    return (
        state is None or not state.at or (state.resources is not None and state.resources < 3 * len(inputs.workspaces))
    )


def _expected(inputs: ShardInputs, state: Stack | None, changed: int) -> int:
    """Return the expected number of resources, about eleven for each workspace."""
    known = state.resources if state is not None and state.resources else 0
    return max(known, 11 * len(inputs.workspaces) if changed else known)
