"""The run records of a fleet's shards in its cluster, and recording how runs ended."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final

from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import metadata, name, text
from ambient_components.engine.backend import Stack, stack_of
from ambient_components.errors import AmbientError, Problem, StepError, refusal
from ambient_components.fleet.inputs import ShardInputs
from ambient_components.fleet.jobs import Job, Phase
from ambient_components.platform.contract import FLEET_LABEL
from ambient_components.rotation.state import format_time
from ambient_components.shards import Done, Record, done, fleet_label, left, needs_refresh, record_name, recorded
from ambient_components.shards.cluster_records import Place, UnreadableError, change_record, parsed
from ambient_components.stacks.selection import Fleet

Change = Callable[[Record], Record]


class Records:
    """The run records of one fleet. Safe for use from several threads.

    Attributes:
        guard: The fleet's cluster, checked by its uid.
        trouble: Why records can't be read or written. None if they can.
    """

    def __init__(self, fleet: Fleet, guard: Guard | None = None) -> None:
        self._fleet = fleet
        config = fleet.config
        self.guard = guard or Guard(Cluster(config.get("context")), config.get("clusterUid"))
        self._lock = threading.Lock()
        self._broken: dict[int, Problem] = {}
        self.trouble: Problem | None = None

    def read(self, *, beyond: bool = False) -> dict[int, Record]:
        """Return the records of all shards. Missing and unreadable records are left out.

        Args:
            beyond: Whether to include shards beyond the configured number.
        """
        try:
            selector = f"{FLEET_LABEL}={fleet_label(self._fleet.owner)}"
            configmaps = core("namespaces", self._fleet.platform_namespace, "configmaps")
            items = {name(item): item for item in self.guard.cluster.list(configmaps, selector)}
        except StepError as error:
            self._note(error.problem.within("the run records can't be read"))
            return {}
        found = {}
        last = (name.rsplit("-", 1)[-1] for name in items) if beyond else ()
        numbers = {*range(self._fleet.count), *(int(text) for text in last if text.isdecimal())}
        for number in sorted(numbers):
            item = items.get(record_name(self._fleet.owner, number))
            if item is not None:
                try:
                    found[number] = parsed(item)
                except UnreadableError as error:
                    # Never overwrite a record that could not be parsed.
                    self._broken[number] = error.problem.within(self._fleet.stack(number))
                    self._note(self._broken[number])
        return found

    def change(self, number: int, change: Change) -> Record | None:
        """Read a record, change it and write the difference. Retry on concurrent writes.

        Args:
            change: A transition from `ambient_components.shards.records`.

        Returns:
            The new record. None if it could not be written, with the reason in `trouble`.

        Raises:
            ValueError: The transition is not allowed.
        """
        if number in self._broken:
            return None
        try:
            written = change_record(self.guard.cluster, self._place(number), change)
        except UnreadableError as error:
            self._broken[number] = error.problem.within(self._fleet.stack(number))
            self._note(self._broken[number].within("the run records can't be written"))
            return None
        except StepError as error:
            self._note(error.problem.within("the run records can't be written"))
            return None
        if written is None:
            self._note(refusal(f"{self._fleet.stack(number)}: another process writes its run record all the time"))
        return written

    def remove(self, number: int, only: Callable[[Record], bool] | None = None) -> None:
        """Delete a shard's record once its stack is empty. A record that can't be deleted does no harm.

        Args:
            only: Decides, on the current record, whether to delete it. A record that changes meanwhile stays.
        """
        cluster, path = self.guard.cluster, self._place(number).path
        try:
            if only is None:
                cluster.delete(path)
                return
            item = cluster.get(path)
            if item is not None and only(parsed(item)):
                cluster.delete(path, version=text(metadata(item).get("resourceVersion")))
        except StepError as error:
            self._note(error.problem.within("a run record can't be deleted"))

    def _place(self, number: int) -> Place:
        fleet = self._fleet
        name, stack = record_name(fleet.owner, number), fleet.stack(number).rsplit("/", 1)[-1]
        return Place(fleet.platform_namespace, name, fleet.owner, stack)

    def _note(self, problem: Problem) -> None:
        with self._lock:
            self.trouble = self.trouble or problem


_GATHERED: Final = 10.0
"""Seconds to wait for more shards to end before the backend is queried."""

_WAIT_PER_QUERY: Final = 30
"""Seconds to wait at least for each second of the last query. For an answer the backend reads every state of the
project: 0.9 s of CPU for 20 states of 3 MB."""

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
        self._answers = [(0.0, before)]
        self._pause = _GATHERED
        self._queue: SimpleQueue[Ended | None] = SimpleQueue()
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
            found = [item for item in items if item is not None]
            if found:
                self._write(found)
            if None in items:
                return

    def _write(self, items: Sequence[Ended]) -> None:
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
            records, state = self._records.get(job.fleet.name), stack_of(states, job.task.stack)
            before = stack_of(self._before(job), job.task.stack)
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
    if job.phase is not Phase.DONE or not job.reported.succeeded or job.reported.drifted or before is None:
        return None

    def change(record: Record) -> Record:
        if record.done is None or record.done.state_at != before.at:
            return record
        return replace(record, done=replace(record.done, state_at=state.at))

    return change
