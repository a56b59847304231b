"""Which shards have something to do, and how each is run: by its record, its state and its files. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ambient_components.cli.fleets.inputs import ShardInputs
from ambient_components.engine.backend import Stack
from ambient_components.shards import Record, left, needs_refresh

FEW: Final = 5
"""Workspaces that may change with ordinary checkpoints; with more of them the state is written once, at the end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks of all shards."""

    every: bool = False
    refresh: bool = False
    records: bool = True
    """Whether the run records can be read."""


@dataclass(frozen=True, slots=True)
class Task:
    """One shard's part in a run."""

    number: int
    stack: str
    workspaces: int
    changed: int
    """Workspaces that differ from those of the last run that ended well."""
    skip: bool
    why: str
    """Why it is run, or skipped, in a few words."""
    checkpoints: bool = True
    refresh: bool = False
    expected: int = 0
    """Resources that the run will go through, as far as is known; for the progress alone."""


def task(
    inputs: ShardInputs, stack: str, record: Record | None, state: Stack | None, wanted: Wanted, now: datetime
) -> Task:
    """What is to be done with a shard.

    Args:
        inputs: what it is to be.
        stack: its name.
        record: what the cluster knows of its runs; None: nothing.
        state: what the back end knows; None: it has no such stack.
        wanted: what was asked for.
        now: the moment of the run.
    """
    done = record.done if record is not None else None
    changed = inputs.changed(done.workspaces if done is not None else {})
    lost = record is not None and _lost(record)
    why = _why(inputs, record, state, wanted, now)
    return Task(
        inputs.number,
        stack,
        len(inputs.workspaces),
        changed,
        skip=not why,
        why=why or "nothing changed",
        # After a run that was lost the state does not have what that one made: look, and write down every step.
        checkpoints=not wanted.records or changed <= FEW or (lost and not _mostly_new(inputs, state)),
        # A state with anything in it may name what the lost run deleted.
        refresh=wanted.refresh or (lost and not (state is None or state.empty)),
        expected=_expected(inputs, state, changed),
    )


def _why(inputs: ShardInputs, record: Record | None, state: Stack | None, wanted: Wanted, now: datetime) -> str:
    """Why a shard is run; empty: it need not be."""
    done = record.done if record is not None else None
    if wanted.every:
        return "asked for"
    if wanted.refresh:
        return "looks for drift"
    if not wanted.records:
        return "no run record"
    if record is None or done is None:
        return "never deployed" if state is None or not state.at else "no run of it is recorded"
    if _lost(record):
        return "a run of it was killed, and what that left is not settled"
    if record.run is None or record.run.id != done.id:
        return "its last run did not end well, or was another's"
    if not inputs.digest:
        return inputs.why_unknown or "its inputs are not all known"
    if inputs.digest != done.digest:
        return "its inputs changed"
    if done.next_action and now >= datetime.fromisoformat(done.next_action):
        return f"due since {done.next_action}"
    if state is None or state.at != done.state_at:
        return "its state was changed by somebody else"
    return ""


def _lost(record: Record) -> bool:
    """Whether a run was lost, and what it gave or deleted is not made up for yet."""
    return needs_refresh(record) or bool(left(record))


def _mostly_new(inputs: ShardInputs, state: Stack | None) -> bool:
    """Whether most of it is still to be made: a resource or so a workspace is nothing to look after."""
    return (
        state is None or not state.at or (state.resources is not None and state.resources < 3 * len(inputs.workspaces))
    )


def _expected(inputs: ShardInputs, state: Stack | None, changed: int) -> int:
    """About eleven resources a workspace, until it is known better."""
    known = state.resources if state is not None and state.resources else 0
    return max(known, 11 * len(inputs.workspaces) if changed else known)
