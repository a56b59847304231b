"""Running engines in parallel, largest shards first. A failure of one does not stop the others."""

import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ambient_components.collector import go_settings
from ambient_components.engine import texts
from ambient_components.engine.backend import output_names
from ambient_components.engine.command import CommandError
from ambient_components.errors import AmbientError, refusal
from ambient_components.fleet.jobs import Job, Phase
from ambient_components.fleet.locks import note_of, run_despite_dead
from ambient_components.fleet.processes import Child, Interrupts, answer
from ambient_components.fleet.progress import View
from ambient_components.fleet.recorder import Recorder
from ambient_components.fleet.run_events import Failure, Reported
from ambient_components.shards import CHECK_VARIABLE, CHECKPOINTS_VARIABLE, RUN_VARIABLE
from ambient_components.shards.excluded import EXCLUDE_VARIABLE, ROUNDS, exclude_flags, excluded_text, keys_in, reasons
from ambient_components.shards.records import Record, Run, begin
from ambient_components.stacks.pulumi import PulumiEngine, passphrase


class Runner:
    def __init__(self, jobs: Sequence[Job], verb: str, at_once: int, recorder: Recorder, view: View) -> None:
        self._jobs = jobs
        self._verb = verb
        self._recorder = recorder
        self._view = view
        self._lock = threading.Lock()
        self._waiting = deque(sorted((job for job in jobs if job.phase is Phase.WAITING), key=_largest))
        self._working = min(at_once, len(self._waiting))
        self._alone = self._working == 1
        self._ended: deque[Job] = deque()
        self._notes: deque[str] = deque()
        self._stopping = False

    def run(self) -> bool:
        """Run all shards. Return whether the run was interrupted."""
        for job in self._jobs:
            if job.phase is Phase.SKIPPED:
                self._view.ended(job)
        with Interrupts() as interrupts:
            for _ in range(self._working):
                threading.Thread(target=self._work_and_wake, args=(interrupts.wake,), daemon=True).start()
            try:
                while self._working:
                    for time_of in interrupts.wait():
                        self._interrupted(time_of)
                    self._tell()
            finally:
                # Before Ctrl-C gets its usual effect back, so that every ended run is recorded.
                self._recorder.close()
        for job in self._jobs:
            if job.phase is Phase.WAITING:
                job.phase = Phase.INTERRUPTED
        self._tell()
        return interrupts.count > 0

    def _tell(self) -> None:
        """Pass notes and ended jobs to the view. Only the main thread writes to the terminal."""
        while self._notes:
            self._view.note(self._notes.popleft())
        while self._ended:
            self._view.ended(self._ended.popleft())
        self._view.tick()

    def _interrupted(self, time_of: int) -> None:
        with self._lock:
            self._stopping = True
            live = [job.child for job in self._jobs if job.phase is Phase.RUNNING and job.child is not None]
        self._view.note(answer(live, time_of, f"{len(live)} shard{'' if len(live) == 1 else 's'}"))

    def _work_and_wake(self, wake: Callable[[], None]) -> None:
        try:
            self._work()
        finally:
            with self._lock:
                self._working -= 1
            wake()

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._stopping or not self._waiting:
                    return
                job = self._waiting.popleft()
                job.phase, job.began = Phase.RUNNING, time.monotonic()
            try:
                self._run(job)
            except Exception as error:  # one shard's trouble is no other's
                problems = error.problems if isinstance(error, AmbientError) else (refusal(repr(error)),)
                job.reported.failures.update(dict.fromkeys(Failure("", "", problem) for problem in problems))
                job.reported.words += [error.output] if isinstance(error, CommandError) else []
                job.phase = Phase.FAILED
            job.ended = time.monotonic()
            job.child = None
            self._ended.append(job)

    def _run(self, job: Job) -> None:
        if job.refresh_first and self._ends_with_refresh(job):
            return
        before = self._begin(job)
        code = self._run_despite_dead(job)
        if code is None:
            job.phase = Phase.INTERRUPTED
            if before is not None:
                self._take_back(job, before)  # nothing was started
            return
        job.locked = code != 0 and texts.is_locked(job.output)
        if code == 0:
            job.phase = Phase.DONE
        else:
            job.phase = Phase.INTERRUPTED if self._stopping and not job.reported.failures else Phase.FAILED
        if not job.reported.began and job.locked and before is not None:
            self._take_back(job, before)
        elif code >= 0:
            self._recorder.ended(job)
        else:
            job.recorded = False

    def _run_despite_dead(self, job: Job) -> int | None:
        """Run a shard, also if a dead run has locked it, and return the exit code. None if nothing was started."""
        folder, environ = job.fleet.project.folder, self._environ(job)
        codes: list[int] = []

        def attempt() -> str:
            reported = Reported(warnings=job.reported.warnings) if codes else job.reported
            with self._lock:
                if self._stopping:
                    return ""
                job.reported = reported
                job.child = Child(self._command(job), folder, environ, reported)
            codes.append(self._wait(job, environ))
            return "" if codes[-1] == 0 or job.reported.began else job.output

        def unlock() -> bool:
            if self._stopping:
                return False
            # The dead run may have deleted what is still in the state.
            job.refresh, job.drifted = True, None
            return PulumiEngine(folder, environ).attempt("cancel", "--yes", "--stack", job.stack).code == 0

        def say(text: str) -> None:
            self._notes.append(f"ambient: {job.stack}: {text}")

        run_despite_dead(note_of(folder, job.stack, environ), attempt, unlock, say)
        return codes[-1] if codes else None

    def _ends_with_refresh(self, job: Job) -> bool:
        """Refresh a shard's state and check its ledger. Return whether no run follows: no drift, or interrupted."""
        environ = {**self._environ(job), CHECK_VARIABLE: "true"}
        with self._lock:
            if not self._stopping:
                job.child = Child(self._command(job, "refresh"), job.fleet.project.folder, environ, job.reported)
        refreshed = job.child is not None and job.child.wait() == 0 and job.reported.succeeded
        if refreshed:
            job.drifted = job.reported.drifted
        if job.drifted is False:
            job.phase = Phase.DONE
            self._recorder.ended(job)
            return True
        with self._lock:
            job.child = None
            if self._stopping:
                job.phase = Phase.INTERRUPTED
                return True
        # After a failure the run refreshes again, and reports it.
        job.reported = Reported(warnings=job.reported.warnings if refreshed else {})
        return False

    def _wait(self, job: Job, environ: Mapping[str, str]) -> int:
        """Wait for a shard to end. If workspaces are refused, exclude them and run the rest of the shard again."""
        assert job.child is not None  # noqa: S101  # it was just begun
        code = job.child.wait()
        job.output = job.child.output
        for _ in range(ROUNDS):
            refused = reasons(failure.problem for failure in job.reported.failures)
            if code <= 0 or self._verb != "up" or job.reported.stepped or refused is None:
                break
            if {*refused} <= {*job.excluded}:
                break
            outputs = output_names(PulumiEngine(job.fleet.project.folder), job.stack)
            if outputs is None:
                break  # without the output names, the keys of excluded workspaces would no longer be exported
            excluded = {**job.excluded, **refused}
            variable = excluded_text(keys_in(outputs, excluded))
            if job.run is not None:
                # A state that was written earlier does not belong to the round that begins now.
                job.run = replace(job.run, begun=_now())
            reported = Reported(step=f"leaves {', '.join(sorted(excluded))} unchanged")
            with self._lock:
                if self._stopping:
                    break
                job.excluded, job.reported = excluded, reported
                command = [*self._command(job), *exclude_flags(excluded)]
                job.child = Child(command, job.fleet.project.folder, {**environ, EXCLUDE_VARIABLE: variable}, reported)
            code = job.child.wait()
            job.output = job.child.output
        for name, problems in job.excluded.items():
            for problem in problems:
                job.reported.failures.setdefault(Failure(name, "", problem))
        return code or (1 if job.excluded else 0)

    def _begin(self, job: Job) -> Record | None:
        """Record the start of the run and return the previous record. None if nothing was recorded."""
        if job.records is None or self._verb != "up":
            return None
        run = Run(str(uuid.uuid4()), _now(), job.checkpoints)
        before: list[Record] = []

        def change(record: Record) -> Record:
            before.append(record)
            return begin(record, run)

        if job.records.change(job.number, change) is None:
            return None
        job.run = run
        return before[-1]

    def _take_back(self, job: Job, before: Record) -> None:
        """Undo the record of the start. The stack is locked by another run, and this run has created nothing."""
        run = job.run

        def change(now: Record) -> Record:
            if run is None or now.run is None or now.run.id != run.id:
                return now
            # A ledger that was declared meanwhile belongs to the run that holds the lock.
            return replace(now, run=before.run, lost=before.lost)

        if job.records is not None:
            job.records.change(job.number, change)

    def _command(self, job: Job, verb: str = "") -> list[str]:
        verb = verb or self._verb
        flags = ["--refresh"] if verb == "up" and job.refresh and job.drifted is None else []
        # The stack's outputs are masked tokens, which are not needed here.
        return [
            verb, "--yes", "--skip-preview", "--json", "--suppress-outputs", *flags,
            *job.fleet.flags(job.number),
        ]  # fmt: skip

    def _environ(self, job: Job) -> dict[str, str]:
        environ = {
            **os.environ,
            # Several runs at once have Go's defaults: to collect rarely takes more than 1 GB in all (ADR 0026).
            **(go_settings(os.environ, alone=True) if self._alone else {}),
            # A failed step must not stop revocations (docs/concepts/how-it-works.md).
            "PULUMI_CONTINUE_ON_ERROR": "true",
            **passphrase(job.fleet.project, job.fleet.name, os.environ),
        }
        # Never inherit these: without checkpoints and without a record, a killed run would leave unknown objects.
        environ.pop(CHECKPOINTS_VARIABLE, None)
        environ.pop(RUN_VARIABLE, None)
        environ.pop(EXCLUDE_VARIABLE, None)
        environ.pop(CHECK_VARIABLE, None)
        if job.run is not None:
            environ[RUN_VARIABLE] = job.run.id
            if not job.run.checkpoints:
                environ[CHECKPOINTS_VARIABLE] = "true"
        return {**environ, **job.environ}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _largest(job: Job) -> tuple[int, int, str]:
    return (-job.changed, -job.workspaces, job.stack)
