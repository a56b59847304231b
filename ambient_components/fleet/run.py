"""A run over one or several fleets: decide, show the plan, ask, run, and summarise."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from ambient_components import clock
from ambient_components.collector import default_jobs
from ambient_components.engine.backend import stack_of
from ambient_components.engine.state import Export, joined
from ambient_components.errors import AmbientError, Problem
from ambient_components.fleet.decisions import Decision, ask_states, decide, every_shard, unsettled
from ambient_components.fleet.jobs import Phase, Request
from ambient_components.fleet.planning import desired_of, evaluate, ledgers_before, plan_fleet
from ambient_components.fleet.progress import View
from ambient_components.fleet.recorder import Recorder
from ambient_components.fleet.runner import Runner
from ambient_components.fleet.summary import exit_code, summary_json, summary_lines
from ambient_components.output import REFUSED, show_problems
from ambient_components.plan import making
from ambient_components.plan.facts import Plan
from ambient_components.plan.merge import together
from ambient_components.plan.page import show
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks import destruction, pulumi, states
from ambient_components.stacks.project import stack_path
from ambient_components.stacks.pulumi import require_passphrase
from ambient_components.stacks.selection import Fleet
from ambient_components.warm import client as warm


def run_up(fleets: Sequence[Fleet], request: Request, confirm: Callable[[str], bool]) -> int:
    """Show the plan, ask, deploy, and return the exit code."""
    begun = time.monotonic()

    def start_fork_server() -> None:
        # Before the plan, so that what it shows is deployed.
        warm.begin(files=[str(fleets[0].project.folder), *(fleet.stack_file for fleet in fleets)])

    question = ask_states(fleets[0])
    files = [load_stack(stack_path(fleet.project, fleet.name)) for fleet in fleets]
    decisions = [
        decide(fleet, question, loaded, request, start_fork_server) for fleet, loaded in zip(fleets, files, strict=True)
    ]
    if all(job.skip for decision in decisions for job in decision.jobs):
        return carry_out(decisions, request, begun)
    start_fork_server()
    for fleet in fleets:
        # Before progress lines, which would hide the question.
        require_passphrase(fleet.project, fleet.name)
    stopping = [
        guardrail
        for decision, loaded in zip(decisions, files, strict=True)
        for guardrail in _evaluated(decision, loaded)
    ]
    # With --yes nothing is confirmed, so the plan is made from files and states, without the engine.
    shown = replace(request, offline=request.yes)
    pages = [
        plan_fleet(decision.fleet, loaded, shown, up_to_date=decision.up_to_date, there=decision.deployed)
        for decision, loaded in zip(decisions, files, strict=True)
    ]
    code = _show(pages, request, stopping, confirm)
    if code is not None:
        return code
    return carry_out(decisions, request, begun, pages)


def run_refresh(fleets: Sequence[Fleet], request: Request) -> int:
    begun, question = time.monotonic(), ask_states(fleets[0])
    return carry_out([every_shard(fleet, question, request.shards) for fleet in fleets], request, begun)


def run_destroy(fleets: Sequence[Fleet], request: Request, ask: Callable[[], None]) -> int:
    """Show what would be deleted, check it, ask (which raises without a yes), destroy, and return the exit code."""
    begun, question = time.monotonic(), ask_states(fleets[0])
    decisions = [every_shard(fleet, question, request.shards) for fleet in fleets]
    if problems := [problem for decision in decisions for problem in unsettled(decision)]:
        show_problems(problems)
        return 1
    # Each fleet is evaluated alone, because the limits apply to one cluster.
    destructions = [destruction.read_destruction(_joined_states(decision)) for decision in decisions]
    if all(destroyed.empty for destroyed in destructions):
        print(f"Fleet {request.name} has nothing: there is nothing to destroy.")
        return 0
    people = sys.stderr if request.form == "json" else sys.stdout
    refused = []
    for fleet, destroyed in zip(fleets, destructions, strict=True):
        title = f"{'Stack' if fleet.plain else 'Fleet'} {fleet.name}"
        if destroyed.empty:
            print(f"{title} has nothing.\n", file=people, flush=True)
            continue
        print(f"{title}:\n", *destruction.lines(destroyed), "", sep="\n", file=people, flush=True)
        path = fleet.name if len(fleets) > 1 else ""
        # A fleet is deployed by all of its shards.
        problems = destruction.refusals(destroyed, f"ambient up {fleet.name}")
        refused += [replace(problem, path=path) for problem in problems]
    if refused:
        show_problems(refused)
        return REFUSED
    ask()
    code = carry_out(decisions, request, begun)
    if code == 0 and request.form != "json":
        command = f"pulumi stack rm {fleets[0].stack(0)} --preserve-config"
        print(f"\nThe stacks and their config stay. To remove one as well: {command}")
    return code


def carry_out(decisions: Sequence[Decision], request: Request, begun: float, pages: Sequence[Plan] = ()) -> int:
    """Run all shards that are not skipped, show progress and a summary, and return the exit code."""
    jobs = [job for decision in decisions for job in decision.jobs]
    recorded = [decision.records for decision in decisions if decision.records and not decision.records.trouble]
    for decision in decisions:
        for job in decision.jobs:
            job.phase = Phase.SKIPPED if job.skip else Phase.WAITING
            job.several = len(decisions) > 1
            job.records = decision.records if decision.records in recorded else None
    notes = [note for decision in decisions for note in decision.notes]
    view, interrupted = View(request, jobs), False
    if any(job.phase is Phase.WAITING for job in jobs):
        for decision in decisions:
            require_passphrase(decision.fleet.project, decision.fleet.name)

        fleet = decisions[0].fleet
        before = decisions[0].states if request.yes else ask_states(fleet).answer()  # an answer takes time
        recorder = Recorder(request.verb, lambda: ask_states(fleet).answer(), before)
        warm.begin()
        with view:
            interrupted = Runner(jobs, request.verb, request.jobs or default_jobs(), recorder, view).run()
        notes += [records.trouble for records in recorded if records.trouble]
    else:
        for job in jobs:
            view.ended(job)
    code = exit_code(jobs, interrupted=interrupted, guardrails=_guardrails(pages))
    seconds = time.monotonic() - begun
    with suppress(BrokenPipeError):  # the reader closed the pipe
        if request.form == "json":
            show_problems(notes)
            print(json.dumps(summary_json(jobs, request, seconds, code)), flush=True)
        else:
            # The plan has shown its warnings. Not the merged page's: with several fleets it changes them.
            shown = {warning for page in pages for warning in page.warnings}
            print(*summary_lines(jobs, request, seconds, notes, shown), sep="\n", flush=True)
    return code


def _show(
    pages: Sequence[Plan], request: Request, whole: Sequence[Problem], confirm: Callable[[str], bool]
) -> int | None:
    """Show the plan and ask. Return the exit code if nothing is to be run."""
    page = pages[0] if len(pages) == 1 else together(request.name, clock.now(), pages)
    page = replace(page, in_part=page.in_part and not whole)
    if request.form != "json":
        # With --yes the page is a record of what begins, and the run itself looks at the rest.
        show(replace(page, unknown=()) if request.yes else page, fold=request.yes)
        sys.stdout.flush()
    guardrails = _guardrails(pages)
    if stopping := of_every_stack(guardrails, whole):
        # The page has the others.
        show_problems(guardrail for guardrail in stopping if request.form == "json" or guardrail not in guardrails)
        return REFUSED
    if not request.yes and not confirm(f"\nDeploy this to {request.name}?"):
        print("ambient: nothing is deployed", file=sys.stderr)
        return 1
    return None


def _guardrails(pages: Sequence[Plan]) -> list[Problem]:
    return [guardrail for page in pages for guardrail in page.guardrails]


def _evaluated(decision: Decision, loaded: LoadedStack) -> tuple[Problem, ...]:
    """Evaluate a fleet as a whole, with the marks that each shard's own check expects. Return what stops all of it.

    Each fleet is evaluated alone, because the limits apply to one cluster. A plain stack needs only its own check.
    """
    fleet, now = decision.fleet, clock.now()
    desired = making.declared(fleet.project, fleet.name, loaded, now)
    for job in decision.jobs:
        job.acknowledged = desired.acknowledged
    if fleet.plain:
        return ()
    after = desired_of(fleet, loaded, desired.ledger)
    evaluated = evaluate(fleet.name, ledgers_before(decision), desired, after, now)
    for job in decision.jobs:
        job.environ = evaluated.environ.get(job.stack) or {}
    return evaluated.guardrails


def of_every_stack(guardrails: Iterable[Problem], whole: Iterable[Problem]) -> list[Problem]:
    """Return the violations that stop every shard.

    The others stop one workspace: its shard runs without it (`shards.excluded`).

    Args:
        guardrails: Violations in all shards.
        whole: Violations of the fleet as a whole, such as a bucket that workspaces of two shards declare.
    """
    return list(dict.fromkeys([*whole, *(guardrail for guardrail in guardrails if not guardrail.workspaces)]))


def _joined_states(decision: Decision) -> Export:
    deployed = [job.stack for job in decision.jobs if (state := stack_of(decision.states, job.stack)) and state.at]
    exports: list[Export] = []
    for export in states.exports(pulumi.engine_for(decision.fleet.project.folder), deployed).values():
        if isinstance(export, AmbientError):
            raise export
        exports.append(export)
    return joined(exports) if exports else {}
