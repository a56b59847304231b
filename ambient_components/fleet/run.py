"""A run over one or several fleets: decide, show the plan, ask, run, and summarise."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ambient_components import activity, clock
from ambient_components.engine.backend import Stack
from ambient_components.errors import Problem
from ambient_components.fleet.decisions import Decision, Selection, ask_states, decide, every, ledgers_before
from ambient_components.fleet.inputs import ShardInputs
from ambient_components.fleet.jobs import Job, Phase, Plan, default_jobs
from ambient_components.fleet.planning import Evaluated, desired_of, evaluate, plan_fleet, plan_plain
from ambient_components.fleet.progress import PipeSafeView, view_for
from ambient_components.fleet.records import Recorder
from ambient_components.fleet.runner import Runner
from ambient_components.fleet.skipping import RunOptions
from ambient_components.fleet.summary import exit_code, summary_json, summary_lines
from ambient_components.output import REFUSED, show_problems
from ambient_components.plan import making
from ambient_components.plan.merge import together
from ambient_components.plan.page import show
from ambient_components.program.acknowledgements import acknowledgements
from ambient_components.program.calendar import Calendar
from ambient_components.rules.acknowledgements import Acknowledgements
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.passphrase import require_passphrase
from ambient_components.stacks.project import stack_path
from ambient_components.stacks.selection import Fleet
from ambient_components.warm import client as warm


@dataclass(frozen=True, slots=True)
class Request:
    verb: str
    """up, refresh or destroy."""
    name: str
    """The name on the command line: a fleet, or a file that lists several."""
    jobs: int = 0
    """Number of parallel engines. 0 means the machine's default."""
    every: bool = False
    refresh: bool = False
    shards: tuple[int, ...] = ()
    """Numbers of the shards to run. Empty means all."""
    form: str = "text"
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What the plan has shown before a run."""

    code: int | None = None
    """An exit code if nothing is to be run."""
    guardrails: frozenset[Problem] = frozenset()
    """Guardrail violations of single workspaces."""
    warnings: frozenset[Problem] = frozenset()
    """The warnings, which the summary need not repeat."""


NOTHING_SHOWN: Final = Shown()


def run_up(fleets: Sequence[Fleet], request: Request, confirm: Callable[[str], bool]) -> int:
    """Show the plan, ask, deploy, and return the exit code.

    Raises:
        AmbientError: The inputs of a fleet are invalid or can't be read.
    """
    begun = time.monotonic()

    def start_fork_server() -> None:
        # Before the plan, so that what it shows is deployed.
        warm.begin(files=[str(fleets[0].project.folder), *(fleet.stack_file for fleet in fleets)])

    decisions = decided(fleets, request, start_fork_server)
    if all(task.skip for one in decisions for task in one.tasks):
        return carried_out(decisions, request, begun)
    start_fork_server()
    for one in decisions:
        # Before progress lines, which would hide the question.
        require_passphrase(one.fleet.project, one.fleet.name)
    evaluated = _evaluated(decisions)
    shown = _shown(decisions, request, evaluated, confirm)
    if shown.code is not None:
        return shown.code
    environs = {stack: environ for one in evaluated for stack, environ in one.environ.items()}
    return carried_out(decisions, request, begun, environs, shown)


def run_refresh(fleets: Sequence[Fleet], request: Request) -> int:
    """Refresh the states from the clusters and return the exit code.

    Raises:
        AmbientError: The inputs of a fleet are invalid or can't be read.
    """
    begun, question = time.monotonic(), ask_states(fleets[0])
    return carried_out([every(fleet, question, request.shards) for fleet in fleets], request, begun)


def decided(fleets: Sequence[Fleet], request: Request, will_run: Callable[[], None]) -> list[Decision]:
    """Return what each shard of each fleet needs.

    Args:
        request: The command line's request.
        will_run: See `decide`.

    Raises:
        AmbientError: See `decide`.
    """
    question = ask_states(fleets[0])
    desired = RunOptions(every=request.every, refresh=request.refresh)
    loaded = [load_stack(stack_path(fleet.project, fleet.name)) for fleet in fleets]
    return [
        decide(fleet, question, desired, request.shards, one, will_run=will_run)
        for fleet, one in zip(fleets, loaded, strict=True)
    ]


def carried_out(
    decisions: Sequence[Selection],
    request: Request,
    begun: float,
    environs: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    shown: Shown = NOTHING_SHOWN,
) -> int:
    """Run all shards that are not skipped, show progress and a summary, and return the exit code.

    Args:
        request: The command line's request.
        begun: The start time, from time.monotonic().
        environs: Additional environment variables of a shard's engine, by stack.
        shown: What the plan has shown.
    """
    acknowledged = {one.fleet.name: _acknowledged(one) for one in decisions}
    jobs = [
        Job(
            one.fleet,
            task,
            phase=Phase.SKIPPED if task.skip else Phase.WAITING,
            environ=environs.get(task.stack) or {},
            acknowledged=acknowledged[one.fleet.name],
            several=len(decisions) > 1,
        )
        for one in decisions
        for task in one.tasks
    ]
    if any(job.phase is Phase.WAITING for job in jobs):
        for one in decisions:
            require_passphrase(one.fleet.project, one.fleet.name)
    view = PipeSafeView(view_for(request.form, jobs))
    notes = [note for one in decisions for note in one.notes]
    records = {one.fleet.name: one.records for one in decisions if one.records and not one.records.trouble}
    interrupted = False
    if any(job.phase is Phase.WAITING for job in jobs):
        inputs: dict[tuple[str, int], ShardInputs] = {
            (one.fleet.name, number): found for one in decisions for number, found in one.inputs.items()
        }
        before = decisions[0].states if request.yes else _states(decisions)  # the answer to a question takes time
        recorder = Recorder(request.verb, records, inputs, lambda: _states(decisions), before)
        plan = Plan(request.verb, request.jobs or default_jobs(), os.environ)
        warm.begin()
        try:
            with activity.silent():
                interrupted = Runner(jobs, plan, records, recorder, view).run()
        finally:
            view.close()
        notes += [one.trouble for one in records.values() if one.trouble]
    else:
        for job in jobs:
            view.ended(job)
        view.close()
    code = exit_code(jobs, interrupted=interrupted, guardrails=shown.guardrails)
    seconds = time.monotonic() - begun
    with suppress(BrokenPipeError):  # the reader closed the pipe
        if request.form == "json":
            show_problems(notes)
            print(json.dumps(summary_json(jobs, request.verb, request.name, seconds, code)), flush=True)
        else:
            lines = summary_lines(jobs, request.verb, request.name, seconds, notes, shown.warnings)
            print(*lines, sep="\n", flush=True)
    return code


def _acknowledged(selection: Selection) -> Acknowledgements | None:
    if not isinstance(selection, Decision):
        return None
    file = selection.loaded.file
    return acknowledgements(file, Calendar.of(file, clock.now()))


def _states(decisions: Sequence[Selection]) -> Mapping[str, Stack]:
    return ask_states(decisions[0].fleet).answer()


def _shown(
    decisions: Sequence[Decision], request: Request, evaluated: Sequence[Evaluated], confirm: Callable[[str], bool]
) -> Shown:
    """Show the plan and ask.

    With --yes nothing is confirmed, so the plan is made from files and states, without the engine.
    """
    pages = [
        plan_plain(one.fleet, one.loaded, offline=request.yes, refresh=request.refresh)
        if one.fleet.plain
        else plan_fleet(
            one.fleet, one.loaded, offline=request.yes, refresh=request.refresh, selected=request.shards,
            up_to_date=one.up_to_date, jobs=request.jobs or default_jobs(), there=one.deployed,
        )
        for one in decisions
    ]  # fmt: skip
    page = pages[0] if len(pages) == 1 else together(request.name, clock.now(), pages)
    if request.form != "json":
        show(page)
        sys.stdout.flush()
    guardrails = [guardrail for one in pages for guardrail in one.guardrails]
    if stopping := of_all(guardrails, [guardrail for one in evaluated for guardrail in one.guardrails]):
        # The page has the others.
        show_problems(one for one in stopping if request.form == "json" or one not in guardrails)
        return Shown(REFUSED)
    if guardrails:
        print("ambient: what is refused stays unchanged, all the rest is deployed", file=sys.stderr)
    if not page.complete and not request.yes:
        # A shard that can't be planned does not stop the others. Its own run reports the error.
        print("ambient: not every shard can be planned, the others are deployed", file=sys.stderr)
    if not request.yes and not confirm(f"\nDeploy this to {request.name}?"):
        print("ambient: nothing is deployed", file=sys.stderr)
        return Shown(1)
    # Not the page's own: with several fleets it changes them.
    return Shown(None, frozenset(guardrails), frozenset(one for part in pages for one in part.warnings))


def _evaluated(decisions: Sequence[Decision]) -> list[Evaluated]:
    """Evaluate each fleet as a whole, and return the results with the marks that each shard's own check expects.

    Each fleet is evaluated alone, because the limits apply to one cluster. A plain stack needs only its own check.
    """
    found = []
    for one in decisions:
        if one.fleet.plain:
            continue
        desired = making.declared(one.fleet.project, one.fleet.name, one.loaded, clock.now())
        after = desired_of(one.fleet, one.loaded, desired.ledger)
        before = ledgers_before(one)
        found.append(evaluate(one.fleet.name, before, desired, after, clock.now()))
    return found


def of_all(guardrails: Iterable[Problem], whole: Iterable[Problem]) -> list[Problem]:
    """Return the violations that stop every shard.

    The others stop one workspace: its shard runs without it (`shards.excluded`).

    Args:
        guardrails: Violations in all shards.
        whole: Violations of the fleet as a whole, such as a bucket that workspaces of two shards declare.
    """
    return list(dict.fromkeys([*whole, *(guardrail for guardrail in guardrails if not guardrail.workspaces)]))
