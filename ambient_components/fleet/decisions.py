"""The fleet's decision: which shards a run needs and why, from files, run records and states. A job for each shard."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ambient_components import clock
from ambient_components.cluster.guard import Guard
from ambient_components.engine.backend import Question, Stack, stack_of
from ambient_components.engine.texts import other_backend
from ambient_components.errors import AmbientError, Problem, refusal, stop
from ambient_components.fleet.inputs import ShardInputs, needs_key, shard_inputs
from ambient_components.fleet.jobs import DEFAULT, Job, Request, Result
from ambient_components.output import show_problem
from ambient_components.shards.cluster_records import Records
from ambient_components.shards.names import FLEET_KEY, split_shard
from ambient_components.shards.records import Record, left, needs_refresh
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks import pulumi
from ambient_components.stacks.selection import Fleet
from ambient_components.stacks.states import deployed_shards

FEW: Final = 3
"""Maximum number of changed workspaces for a run with checkpoints. With more, the state is written once at the end.

In a shard of fifty, checkpoints take 0.16 s of CPU for each changed workspace (docs/internals/adr/0018)."""

_RESOURCES: Final = 11
"""Resources of a workspace, about. Only for the progress."""


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


def records_of(fleet: Fleet) -> Records:
    """Return the run records of a fleet, in the cluster of its config."""
    return Records(Guard.of_config(fleet.config), fleet.platform_namespace, fleet.owner, fleet.name, fleet.count)


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
    records = records_of(fleet)
    with ThreadPoolExecutor(1) as pool:
        known_later: Future[dict[int, Record]] = pool.submit(records.read)
        key = _key(fleet) if fleet.has_key and needs_key(loaded) else None
        inputs = shard_inputs(fleet, loaded, records.guard, key)
        known = known_later.result()
    now, numbers, readable = clock.now(), sorted(request.shards) or range(fleet.count), not records.trouble
    own = {number: known.get(number, Record()) for number in numbers}
    if any(is_run(inputs[number], own[number], request, now, readable=readable) for number in numbers):
        will_run()
    states = question.answer()
    _check_stacks(fleet, numbers, states)
    notes: list[Problem] = []
    if records.trouble:
        notes.append(records.trouble.within("no shard is skipped, and every run has checkpoints"))
    if removed := [fleet.stack(number) for number in _numbers_beyond(fleet, states)]:
        problem = f"still deployed, and the config says shards: {fleet.count}: {', '.join(removed)}"
        notes.append(refusal(problem, f"move what is in them: ambient reshard {fleet.name}"))
    jobs = tuple(
        job_of(
            fleet, number, inputs[number], own[number], stack_of(states, fleet.stack(number)), request, now,
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
    numbers = sorted(selected) or [*range(fleet.count), *_numbers_beyond(fleet, states)]
    jobs = tuple(
        Job(fleet, number, stack, 0, 0, "asked for", expected=state.resources or 0)
        for number in numbers
        if (state := stack_of(states, stack := fleet.stack(number))) is not None
    )
    return Decision(fleet=fleet, records=None if fleet.plain else records_of(fleet), states=states, jobs=jobs)


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
    inputs: ShardInputs, record: Record, state: Stack | None, request: Request, now: datetime, *, readable: bool
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


def unsettled(decision: Decision) -> list[Problem]:
    """Return why shards can't be destroyed: objects of interrupted runs are in no state, and would stay unnoticed."""
    if decision.records is None:
        return []
    known = decision.records.read(outside=True)
    if decision.records.trouble:
        # A ledger in the state reads the record before it is deleted, so this check is not the only one.
        show_problem(decision.records.trouble)
    fleet, problems = decision.fleet, []
    for number, record in known.items():
        if _lost(record):
            more = f"write shards: {number + 1} in the config, as it was, and " if number >= fleet.count else ""
            problems.append(
                refusal(
                    f"{fleet.stack(number)}: a run of it was killed, or is under way, and what it made may be in no "
                    "state: nothing is destroyed",
                    f"{more}run ambient up {fleet.name} --shard {number} first",
                )
            )
    return problems


def _numbers_beyond(fleet: Fleet, states: Mapping[str, Stack]) -> list[int]:
    """Return the numbers of deployed shards beyond the configured number, sorted."""
    if fleet.plain:
        return []
    known = [name for name, state in states.items() if not state.empty]
    stacks = deployed_shards(pulumi.PulumiEngine(fleet.project.folder), fleet.project, fleet.name, fleet.count, known)
    return [split[1] for split in map(split_shard, stacks) if split is not None and split[1] >= fleet.count]


def _check_stacks(fleet: Fleet, numbers: Collection[int], states: Mapping[str, Stack]) -> None:
    missing = [fleet.stack(number) for number in numbers if stack_of(states, fleet.stack(number)) is None]
    if missing and fleet.plain:
        stop(f"the backend has no stack {fleet.name!r}", *other_backend(fleet.name))
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        stop(
            f"the backend has no stack {', '.join(missing[:3])}{more}, and the config says shards: {fleet.count}",
            *other_backend(fleet.name, f" --shards {fleet.count}"),
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
