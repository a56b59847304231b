"""Recording how runs ended, in a thread of its own, so that no shard waits for another shard's record."""

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
from ambient_components.fleet.jobs import Job, Phase
from ambient_components.rotation.state import format_time
from ambient_components.shards.records import Done, Record, done, left, needs_refresh, recorded

_GATHERED: Final = 10.0
"""Seconds to wait for more shards to end before the backend is queried."""

_WAIT_PER_QUERY: Final = 30
"""Seconds to wait at least for each second of the last query. For an answer the backend reads every state of the
project: 0.9 s of CPU for 20 states of 3 MB."""

_SLACK: Final = timedelta(seconds=1)
"""A state that was written more than this after the engine's end comes from another run."""


class Recorder:
    """Records the ends of a run's shards; `before` are the states before the first one."""

    def __init__(self, verb: str, states: Callable[[], Mapping[str, Stack]], before: Mapping[str, Stack]) -> None:
        self._verb = verb
        self._states = states
        self._answers = [(0.0, before)]
        self._pause = _GATHERED
        self._queue: SimpleQueue[tuple[Job, datetime] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def ended(self, job: Job) -> None:
        """Record the end of a run. A plain stack has no record."""
        if not job.fleet.plain:
            self._queue.put((job, datetime.now(UTC)))

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            items = [self._queue.get()]
            until = time.monotonic() + self._pause
            while None not in items and (left := until - time.monotonic()) > 0:
                with suppress(Empty):
                    items.append(self._queue.get(timeout=left))
            if ended := [item for item in items if item is not None]:
                self._write(ended)
            if None in items:
                return

    def _write(self, items: Sequence[tuple[Job, datetime]]) -> None:
        """Record the end of some jobs, each with the time at which its engine ended."""
        for job, _ in items:
            job.recorded = False
        begun = time.monotonic()
        try:
            states = self._states()
        except AmbientError:
            return  # the next run of these shards then refreshes the state
        now = time.monotonic()
        self._pause = max(_GATHERED, _WAIT_PER_QUERY * (now - begun))
        for job, at in items:
            records, state = job.records, stack_of(states, job.stack)
            before = stack_of(self._before(job), job.stack)
            if records is None or state is None:
                continue
            if self._verb == "destroy":
                if job.phase is Phase.DONE and state.empty:
                    # A ledger in the state deletes the record itself; this deletes one that is left without a ledger.
                    records.remove(job.number, lambda record: not (needs_refresh(record) or left(record)))
                job.recorded = True
                continue
            if state.at and datetime.fromisoformat(state.at) > at + _SLACK:
                continue  # written by another run, so whether this run's state was ever written is unknown
            change = self._change(job, state, before)
            if change is not None:
                try:
                    job.recorded = records.change(job.number, change) is not None
                except ValueError:
                    continue  # another run has begun since
        self._answers.append((now, states))

    def _before(self, job: Job) -> Mapping[str, Stack]:
        """Return the last answer of the backend from before a shard began, so that others' writes are no part of it."""
        return next(states for at, states in reversed(self._answers) if at <= job.began or not at)

    def _change(self, job: Job, state: Stack, before: Stack | None) -> Callable[[Record], Record] | None:
        if self._verb == "refresh" or job.drifted is False:
            return _refreshed(job, state, before)
        run = job.run
        if run is None or not state.written_since(run.begun, before):
            return None
        if job.phase is not Phase.DONE:
            return lambda record: recorded(record, run.id)
        ended = _done(job, state, run.id)
        looked = job.refresh or before is None or before.empty
        return lambda record: done(record, ended, looked=looked)


def _done(job: Job, state: Stack, run_id: str) -> Done:
    inputs, now = job.inputs, datetime.now(UTC)
    assert inputs is not None  # noqa: S101  # only `up` has a run, and it reads the files
    moments = [moment for moment in (inputs.next_at, job.reported.next_at) if moment is not None]
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
    if job.phase is not Phase.DONE or not job.reported.succeeded or job.reported.drifted or before is None:
        return None

    def change(record: Record) -> Record:
        if record.done is None or record.done.state_at != before.at:
            return record
        return replace(record, done=replace(record.done, state_at=state.at))

    return change
