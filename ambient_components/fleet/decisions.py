"""The start of a run over a fleet: read files, records and states in parallel, and decide what each shard needs."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ambient_components import clock
from ambient_components.access.entries import Ledger
from ambient_components.engine.backend import Question, Stack, stack_of
from ambient_components.errors import AmbientError, Problem, fail, refusal
from ambient_components.fleet.inputs import ShardInputs, needs_key, shard_inputs
from ambient_components.fleet.records import Records
from ambient_components.fleet.skipping import RunOptions, Task, is_run, task
from ambient_components.shards import FLEET_KEY, Record, split_shard
from ambient_components.stackfile import LoadedStack, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import stack_path
from ambient_components.stacks.reading import ledger_from_state
from ambient_components.stacks.selection import Fleet
from ambient_components.stacks.states import deployed_shards, exports


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The selected shards of one fleet, and what is known without its files."""

    fleet: Fleet
    records: Records | None
    """The run records. None for a plain stack."""
    states: Mapping[str, Stack]
    tasks: tuple[Task, ...]
    """A task for every selected shard, including skipped ones."""
    inputs: Mapping[int, ShardInputs] = field(default_factory=dict)
    notes: tuple[Problem, ...] = ()

    @property
    def deployed(self) -> list[str]:
        """Names of the project's stacks that have, or may have, resources in their states."""
        return sorted(name for name, state in self.states.items() if state.at and state.resources != 0)


@dataclass(frozen=True, kw_only=True)
class Decision(Selection):
    """What each shard needs according to the fleet's files."""

    loaded: LoadedStack
    known: Mapping[int, Record]

    @property
    def up_to_date(self) -> tuple[int, ...]:
        """Numbers of the shards that need no run."""
        return tuple(one.number for one in self.tasks if one.skip)


def ask_states(fleet: Fleet) -> Question:
    """Query the backend for all stacks of the project."""
    return Question(fleet.project.folder)


def decide(
    fleet: Fleet,
    question: Question,
    desired: RunOptions,
    selected: Collection[int] = (),
    loaded: LoadedStack | None = None,
    will_run: Callable[[], None] = lambda: None,
) -> Decision:
    """Decide what each shard needs.

    Args:
        question: The running backend query.
        desired: The user's options for all shards.
        selected: Numbers of the shards to run. Empty means all.
        loaded: The stack file if it is already loaded.
        will_run: Called once a shard is known to be run, before the backend has answered.

    Raises:
        AmbientError: The files or the config are invalid, the backend does not respond, or a shard has no stack.
    """
    if fleet.plain:
        will_run()
        return _decide_plain(fleet, question, desired, loaded or load_stack(stack_path(fleet.project, fleet.name)))
    records = Records(fleet)
    with ThreadPoolExecutor(2) as pool:
        known_later: Future[dict[int, Record]] = pool.submit(records.read)
        loaded = loaded or load_stack(stack_path(fleet.project, fleet.name))
        key = _key(fleet) if fleet.has_key and needs_key(loaded) else None
        inputs = shard_inputs(fleet, loaded, records.guard, key)
        known = known_later.result()
        desired = RunOptions(desired.every, desired.refresh, records=not records.trouble)
        now, numbers = clock.now(), sorted(selected) or range(fleet.count)
        if any(is_run(inputs[one], known.get(one), desired, now) for one in numbers):
            will_run()
        states = question.answer()
    _check_stacks(fleet, numbers, states)
    notes: tuple[Problem, ...] = (
        (records.trouble.within("no shard is skipped, and every run has checkpoints"),) if records.trouble else ()
    )
    if gone := [fleet.stack(number) for number in beyond(fleet, states)]:
        notes += (
            refusal(
                f"still deployed, and the config says shards: {fleet.count}: {', '.join(gone)}",
                f"move what is in them: ambient reshard {fleet.name}",
            ),
        )
    tasks = tuple(
        task(
            inputs[number], fleet.stack(number), known.get(number), stack_of(states, fleet.stack(number)), desired, now
        )
        for number in numbers
    )
    return Decision(
        fleet=fleet, records=records, states=states, tasks=tasks, inputs=inputs, notes=notes, loaded=loaded, known=known
    )


def _decide_plain(fleet: Fleet, question: Question, desired: RunOptions, loaded: LoadedStack) -> Decision:
    """Decide for a plain stack. It has no run record, so it always runs, and with checkpoints."""
    states, count = question.answer(), len(loaded.file.workspaces)
    _check_stacks(fleet, (0,), states)
    state = stack_of(states, fleet.name)
    one = Task(
        0, fleet.name, count, count, why="a plain stack is always run", refresh=desired.refresh,
        expected=(state.resources if state else 0) or 11 * count,
    )  # fmt: skip
    return Decision(fleet=fleet, records=None, states=states, tasks=(one,), loaded=loaded, known={})


def every(fleet: Fleet, question: Question, selected: Collection[int] = ()) -> Selection:
    """Return every shard that has a state, whatever the files and the config declare. For refresh and destroy.

    Args:
        question: The running backend query.
        selected: Numbers of the shards to run. Empty means all.

    Raises:
        AmbientError: The backend does not respond.
    """
    states = question.answer()
    tasks = []
    for number in sorted(selected) or [*range(fleet.count), *beyond(fleet, states)]:
        state = stack_of(states, fleet.stack(number))
        if state is not None:
            tasks.append(Task(number, fleet.stack(number), 0, 0, "asked for", expected=state.resources or 0))
    records = None if fleet.plain else Records(fleet)
    return Selection(fleet=fleet, records=records, states=states, tasks=tuple(tasks))


def beyond(fleet: Fleet, states: Mapping[str, Stack]) -> list[int]:
    """Return the numbers of deployed shards beyond the configured number, sorted."""
    if fleet.plain:
        return []
    known = [name for name, state in states.items() if not state.empty]
    engine = pulumi.PulumiEngine(fleet.project.folder)
    found = map(split_shard, deployed_shards(engine, fleet.project, fleet.name, fleet.count, known))
    return [one[1] for one in found if one is not None and one[1] >= fleet.count]


def ledgers_before(decision: Decision, jobs: int = 0) -> dict[str, Ledger]:
    """Return the deployed ledger of each shard by stack, from its run record or else from its state.

    Args:
        decision: The decision, with the run records.
        jobs: Number of states to read in parallel. 0 means one for each processor.

    Raises:
        AmbientError: A state can't be read.
    """
    fleet = decision.fleet
    found: dict[str, Ledger] = {fleet.stack(number): {} for number in range(fleet.count)}
    for number, record in decision.known.items():
        if record.declared is not None:
            found[fleet.stack(number)] = record.declared
    deployed = {stack.rsplit("/", 1)[-1] for stack in decision.deployed}
    unknown = [stack for stack, ledger in found.items() if not ledger and stack.rsplit("/", 1)[-1] in deployed]
    for stack, export in exports(pulumi.PulumiEngine(fleet.project.folder), unknown, jobs).items() if unknown else ():
        if isinstance(export, AmbientError):
            raise export
        found[stack] = ledger_from_state(export) or {}
    return found


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
