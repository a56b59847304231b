"""What each shard of a fleet needs, from its files, its run record and its state: a job, which its run then fills."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from ambient_components import clock, collector
from ambient_components.access.entries import Ledger
from ambient_components.engine.backend import Question, Stack, stack_of
from ambient_components.errors import AmbientError, Problem, fail, refusal
from ambient_components.fleet.inputs import ShardInputs, needs_key, shard_inputs
from ambient_components.fleet.processes import Child
from ambient_components.fleet.records import Records
from ambient_components.fleet.run_events import Reported
from ambient_components.rules.warnings import Acknowledgements
from ambient_components.shards import FLEET_KEY, Record, Run, left, needs_refresh, split_shard
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks import pulumi
from ambient_components.stacks.reading import ledger_from_state
from ambient_components.stacks.selection import Fleet
from ambient_components.stacks.states import deployed_shards, exports

FEW: Final = 3
"""Maximum number of changed workspaces for a run with checkpoints. With more, the state is written once at the end.

In a shard of fifty, checkpoints take 0.16 s of CPU for each changed workspace (docs/internals/adr/0018)."""

_RESOURCES: Final = 11
"""Resources of a workspace, about. Only for the progress."""

_MEMORY: Final = 512 << 20
"""Bytes of memory for one engine with its program and its plugins."""


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


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What each selected shard of a fleet needs."""

    fleet: Fleet
    records: Records | None
    """The run records. None for a plain stack."""
    states: Mapping[str, Stack]
    jobs: tuple[Job, ...]
    """A job for every selected shard, including skipped ones."""
    known: Mapping[int, Record] = field(default_factory=dict)
    notes: tuple[Problem, ...] = ()

    @property
    def deployed(self) -> list[str]:
        return sorted(name for name, state in self.states.items() if state.at and state.resources != 0)

    @property
    def up_to_date(self) -> tuple[int, ...]:
        return tuple(job.number for job in self.jobs if job.skip)


def ask_states(fleet: Fleet) -> Question:
    """Query the backend for all stacks of the project."""
    return Question(fleet.project.folder)


def decide(
    fleet: Fleet,
    question: Question,
    loaded: LoadedStack,
    request: Request = DEFAULT,
    will_run: Callable[[], None] = lambda: None,
) -> Decision:
    """Decide what each shard needs; `will_run` is called once one is known to be run, before the backend answers."""
    if fleet.plain:
        will_run()
        return _decide_plain(fleet, question.answer(), loaded, refresh=request.refresh)
    records = Records(fleet)
    with ThreadPoolExecutor(1) as pool:
        known_later: Future[dict[int, Record]] = pool.submit(records.read)
        key = _key(fleet) if fleet.has_key and needs_key(loaded) else None
        inputs = shard_inputs(fleet, loaded, records.guard, key)
        known = known_later.result()
    now, numbers, readable = clock.now(), sorted(request.shards) or range(fleet.count), not records.trouble
    records_of = {number: known.get(number, Record()) for number in numbers}
    if any(is_run(inputs[number], records_of[number], request, now, readable=readable) for number in numbers):
        will_run()
    states = question.answer()
    _check_stacks(fleet, numbers, states)
    notes: list[Problem] = []
    if records.trouble:
        notes.append(records.trouble.within("no shard is skipped, and every run has checkpoints"))
    if removed := [fleet.stack(number) for number in numbers_beyond(fleet, states)]:
        problem = f"still deployed, and the config says shards: {fleet.count}: {', '.join(removed)}"
        notes.append(refusal(problem, f"move what is in them: ambient reshard {fleet.name}"))
    jobs = tuple(
        job_of(
            fleet, number, inputs[number], records_of[number], stack_of(states, fleet.stack(number)), request, now,
            readable=readable,
        )
        for number in numbers
    )  # fmt: skip
    return Decision(fleet=fleet, records=records, states=states, jobs=jobs, known=known, notes=tuple(notes))


def _decide_plain(fleet: Fleet, states: Mapping[str, Stack], loaded: LoadedStack, *, refresh: bool) -> Decision:
    """Decide for a plain stack. It has no run record, so it always runs, and with checkpoints."""
    count = len(loaded.file.workspaces)
    _check_stacks(fleet, (0,), states)
    state = stack_of(states, fleet.name)
    job = Job(
        fleet, 0, fleet.name, count, count, why="a plain stack is always run", refresh=refresh,
        expected=(state.resources if state else 0) or _RESOURCES * count,
    )  # fmt: skip
    return Decision(fleet=fleet, records=None, states=states, jobs=(job,))


def every_shard(fleet: Fleet, question: Question, selected: Collection[int] = ()) -> Decision:
    """Return every shard that has a state, or the selected ones, whatever the files and the config declare."""
    states = question.answer()
    numbers = sorted(selected) or [*range(fleet.count), *numbers_beyond(fleet, states)]
    jobs = tuple(
        Job(fleet, number, stack, 0, 0, "asked for", expected=state.resources or 0)
        for number in numbers
        if (state := stack_of(states, stack := fleet.stack(number))) is not None
    )
    return Decision(fleet=fleet, records=None if fleet.plain else Records(fleet), states=states, jobs=jobs)


def job_of(
    fleet: Fleet,
    number: int,
    inputs: ShardInputs,
    record: Record,
    state: Stack | None,
    request: Request,
    now: datetime,
    *,
    readable: bool = True,
) -> Job:
    """Decide what to do with a shard; without a state its stack does not exist."""
    changed = inputs.changed(record.done.workspaces if record.done is not None else {})
    lost = _lost(record)
    result, why = _why(inputs, record, state, request, now, readable=readable)
    refresh_first = request.refresh and result is Result.UP_TO_DATE
    if refresh_first:
        result, why = Result.ASKED, "looks for drift"
    resources = state.resources if state is not None and state.resources else 0
    return Job(
        fleet,
        number,
        fleet.stack(number),
        len(inputs.workspaces),
        changed,
        why=why,
        # After an interrupted run, objects may be missing from the state, so refresh and write every step.
        checkpoints=not readable or changed <= FEW or (lost and not _mostly_new(inputs, state)),
        # A state that is not empty may have resources that the interrupted run deleted.
        refresh=request.refresh or (lost and not (state is None or state.empty)),
        refresh_first=refresh_first,
        expected=max(resources, _RESOURCES * len(inputs.workspaces)) if changed else resources,
        result=result,
        inputs=inputs,
    )


def is_run(inputs: ShardInputs, record: Record, request: Request, now: datetime, *, readable: bool = True) -> bool:
    """Tell whether a shard is run whatever its state is. See `job_of`."""
    as_recorded = None if record.done is None else Stack(record.done.state_at, record.done.resources)
    result, _ = _why(inputs, record, as_recorded, request, now, readable=readable)
    return request.refresh or result is not Result.UP_TO_DATE


def _why(
    inputs: ShardInputs,
    record: Record,
    state: Stack | None,
    request: Request,
    now: datetime,
    *,
    readable: bool,
) -> tuple[Result, str]:
    """Return why a shard must run, or that it need not, apart from drift."""
    done = record.done
    if request.every:
        return Result.ASKED, "asked for"
    if not readable:
        return Result.UNKNOWN, "no run record"
    if done is None:
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
    if state is None or not state.at:
        return True
    return state.resources is not None and state.resources < 3 * len(inputs.workspaces)


def numbers_beyond(fleet: Fleet, states: Mapping[str, Stack]) -> list[int]:
    """Return the numbers of deployed shards beyond the configured number, sorted."""
    if fleet.plain:
        return []
    known = [name for name, state in states.items() if not state.empty]
    stacks = deployed_shards(pulumi.PulumiEngine(fleet.project.folder), fleet.project, fleet.name, fleet.count, known)
    return [split[1] for split in map(split_shard, stacks) if split is not None and split[1] >= fleet.count]


def ledgers_before(decision: Decision) -> dict[str, Ledger]:
    """Return the deployed ledger of each shard by stack, from its run record or else from its state."""
    fleet = decision.fleet
    ledgers: dict[str, Ledger] = {fleet.stack(number): {} for number in range(fleet.count)}
    for number, record in decision.known.items():
        if record.declared is not None:
            ledgers[fleet.stack(number)] = record.declared
    deployed = {stack.rsplit("/", 1)[-1] for stack in decision.deployed}
    unknown = [stack for stack, ledger in ledgers.items() if not ledger and stack.rsplit("/", 1)[-1] in deployed]
    for stack, export in exports(pulumi.PulumiEngine(fleet.project.folder), unknown).items() if unknown else ():
        if isinstance(export, AmbientError):
            raise export
        ledgers[stack] = ledger_from_state(export) or {}
    return ledgers


def default_jobs(root: Path = Path("/")) -> int:
    """Return the default number of engines: one for each core and each half gigabyte of free memory, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, collector.free_memory(root) // _MEMORY))


def _check_stacks(fleet: Fleet, numbers: Collection[int], states: Mapping[str, Stack]) -> None:
    missing = [fleet.stack(number) for number in numbers if stack_of(states, fleet.stack(number)) is None]
    if missing and fleet.plain:
        fail(None, "", f"the back end has no stack {fleet.name}", f"make it: ambient init {fleet.name}")
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        fail(
            None,
            "",
            f"the back end has no stack {', '.join(missing[:3])}{more}, and the config says shards: {fleet.count}",
            f"make them: ambient init {fleet.name} --shards {fleet.count}",
        )


def _key(fleet: Fleet) -> bytes | None:
    """Return the key for secret digests. None if it can't be decrypted; the engine then reports the error."""
    try:
        text = pulumi.PulumiEngine(fleet.project.folder).run(
            "config", "get", FLEET_KEY, "--stack", fleet.stack(0), "--config-file", str(fleet.config_file)
        )
    except AmbientError:
        return None
    return text.strip().encode() or None
