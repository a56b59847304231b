"""Recording how runs ended. One backend query serves all runs that ended in the meantime."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final

from ambient_components.engine.backend import Stack, stack_of
from ambient_components.errors import AmbientError
from ambient_components.fleet.inputs import ShardInputs
from ambient_components.fleet.jobs import Job, Phase
from ambient_components.fleet.records import Records
from ambient_components.rotation.state import format_time
from ambient_components.shards import Done, Record, done, left, needs_refresh, recorded

_GATHERED: Final = 10.0
"""Seconds to wait for more shards to end before the backend is queried. It reads every state of the project for the
answer: 1.2 s for 40 states of 1.2 MB."""

_SLACK: Final = timedelta(seconds=1)
"""A state that was written more than this after the engine's end comes from another run."""

Inputs = Mapping[tuple[str, int], ShardInputs]
"""The inputs by fleet and shard number."""


Ended = tuple[Job, datetime]
"""A job, and when its engine ended."""


class Recorder:
    """A recorder in a thread of its own, so that no shard waits for another shard's record.

    Args:
        verb: Up, refresh or destroy.
        records: The run records by fleet name.
        inputs: The inputs of each shard.
        states: Queries the backend.
        before: The states before the first run.
    """

    def __init__(
        self,
        verb: str,
        records: Mapping[str, Records],
        inputs: Inputs,
        states: Callable[[], Mapping[str, Stack]],
        before: Mapping[str, Stack],
    ) -> None:
        self._verb = verb
        self._records = records
        self._inputs = inputs
        self._states = states
        self._before = before
        self._queue: SimpleQueue[Ended | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def ended(self, job: Job) -> None:
        """Record the end of a run. A plain stack has no record."""
        if not job.fleet.plain:
            self._queue.put((job, datetime.now(UTC)))

    def close(self) -> None:
        """Write all remaining records and stop."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            items = [self._queue.get()]
            until = time.monotonic() + _GATHERED
            while None not in items and (left := until - time.monotonic()) > 0:
                with suppress(Empty):
                    items.append(self._queue.get(timeout=left))
            found = [item for item in items if item is not None]
            if found:
                self._write(found)
            if None in items:
                return

    def _write(self, items: Sequence[Ended]) -> None:
        for job, _ in items:
            job.recorded = False
        try:
            states = self._states()
        except AmbientError:
            return  # the next run of these shards then refreshes the state
        for job, at in items:
            records, state = self._records.get(job.fleet.name), stack_of(states, job.task.stack)
            before = stack_of(self._before, job.task.stack)
            if records is None or state is None:
                continue
            if self._verb == "destroy":
                if job.phase is Phase.DONE and state.empty:
                    # A ledger in the state deletes the record itself; this deletes one that is left without a ledger.
                    records.remove(job.task.number, lambda record: not (needs_refresh(record) or left(record)))
                job.recorded = True
                continue
            if state.at and datetime.fromisoformat(state.at) > at + _SLACK:
                continue  # written by another run, so whether this run's state was ever written is unknown
            change = self._change(job, state, before)
            if change is not None:
                try:
                    job.recorded = records.change(job.task.number, change) is not None
                except ValueError:
                    continue  # another run has begun since

    def _change(self, job: Job, state: Stack, before: Stack | None) -> Callable[[Record], Record] | None:
        if self._verb == "refresh":
            return _refreshed(job, state, before)
        run = job.run
        if run is None or not state.written_since(run.begun, before):
            return None
        if job.phase is not Phase.DONE or job.reported.lost_access:
            # Access of an interrupted run that could not be removed stays in `lost`, so the shard runs again.
            return lambda record: recorded(record, run.id)
        ended = self._done(job, state, run.id)
        looked = job.task.refresh or before is None or before.empty
        return lambda record: done(record, ended, looked=looked)

    def _done(self, job: Job, state: Stack, run_id: str) -> Done:
        inputs = self._inputs[job.fleet.name, job.task.number]
        now = datetime.now(UTC)
        moments = [one for one in (inputs.next_at, job.reported.next_at) if one is not None]
        if job.reported.unsettled:
            moments.append(now)
        return Done(
            run_id,
            format_time(now),
            inputs.digest,
            format_time(min(moments)) if moments else "",
            state.at,
            inputs.workspaces,
            state.resources or 0,
        )


def _refreshed(job: Job, state: Stack, before: Stack | None) -> Callable[[Record], Record] | None:
    """Return the transition after a refresh. Without drift, a shard that was up to date stays up to date."""
    if job.phase is not Phase.DONE or job.reported.drifted or before is None:
        return None

    def change(record: Record) -> Record:
        if record.done is None or record.done.state_at != before.at:
            return record
        return replace(record, done=replace(record.done, state_at=state.at))

    return change
