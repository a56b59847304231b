"""How runs ended, written down in the records: one question to the back end for all that ended meanwhile."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final

from ambient_components.cli.fleets.inputs import ShardInputs
from ambient_components.cli.fleets.jobs import Job, Phase
from ambient_components.cli.fleets.records_client import Records
from ambient_components.engine.backend import Stack, stack_of
from ambient_components.errors import AmbientError
from ambient_components.keys.state import format_time
from ambient_components.shards import Done, Record, done, left, needs_refresh, recorded

_GATHERED: Final = 10.0
"""Seconds in which more shards may end before the back end is asked: it reads every state of the project for an answer,
1.2 s for 40 states of 1.2 MB."""

_SLACK: Final = timedelta(seconds=1)
"""A state that was written later than this after the engine's end is somebody else's."""

Inputs = Mapping[tuple[str, int], ShardInputs]
"""By fleet and number."""


Ended = tuple[Job, datetime]
"""A job, and the moment at which its engine had ended."""


class Recorder:
    """A thread of its own, so that no shard waits for another one's record.

    Args:
        verb: up, refresh or destroy.
        records: of each fleet by name.
        inputs: what each shard was to be.
        states: asks the back end.
        before: the states before the first run.
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
        """A run has ended; that of a plain stack is on no record."""
        if not job.fleet.plain:
            self._queue.put((job, datetime.now(UTC)))

    def close(self) -> None:
        """Writes down what is left, and ends."""
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
            return  # then the next run of these looks into the cluster
        for job, at in items:
            records, state = self._records.get(job.fleet.name), stack_of(states, job.task.stack)
            before = stack_of(self._before, job.task.stack)
            if records is None or state is None:
                continue
            if self._verb == "destroy":
                if job.phase is Phase.DONE and state.empty:
                    # Where the state had a ledger, its end took the record along; else the last of it goes here.
                    records.remove(job.task.number, lambda record: not (needs_refresh(record) or left(record)))
                job.recorded = True
                continue
            if state.at and datetime.fromisoformat(state.at) > at + _SLACK:
                continue  # somebody else's: whether this run's own was ever written, nobody can see any more
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
        if job.phase is not Phase.DONE or job.told.lost_access:
            # What a lost run gave and could not be ended stays `lost`, and the shard is run again.
            return lambda record: recorded(record, run.id)
        ended = self._done(job, state, run.id)
        looked = job.task.refresh or before is None or before.empty
        return lambda record: done(record, ended, looked=looked)

    def _done(self, job: Job, state: Stack, run_id: str) -> Done:
        inputs = self._inputs[job.fleet.name, job.task.number]
        now = datetime.now(UTC)
        moments = [one for one in (inputs.next_at, job.told.next_at) if one is not None]
        if job.told.unsettled:
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
    """A look that found nothing new leaves a shard as it was: with nothing to do, if it had nothing to do."""
    if job.phase is not Phase.DONE or job.told.drifted or before is None:
        return None

    def change(record: Record) -> Record:
        if record.done is None or record.done.state_at != before.at:
            return record
        return replace(record, done=replace(record.done, state_at=state.at))

    return change
