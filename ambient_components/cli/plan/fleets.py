"""`ambient plan` for a fleet or for the stacks that a file lists."""

import sys
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import typer

from ambient_components import clock
from ambient_components.cli.fleet_options import check_shards, refuse_words_of_fleets
from ambient_components.errors import AmbientError
from ambient_components.fleet.decisions import ask_states, decide
from ambient_components.fleet.machine import default_jobs
from ambient_components.fleet.planning import plan_fleet, plan_plain
from ambient_components.fleet.skipping import RunOptions
from ambient_components.plan import Plan
from ambient_components.plan.merge import together
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks.files import stack_path
from ambient_components.stacks.project import Project
from ambient_components.stacks.selection import Fleet, find_fleet, find_fleets, listed


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """The command line's options."""

    at: datetime | None
    """The time of the planned run. None means now."""
    offline: bool
    refresh: bool
    everything: bool
    """Whether to include up-to-date shards."""
    shards: tuple[int, ...]
    """Numbers of the shards. Empty means all."""
    jobs: int
    """Number of parallel engines. 0 means one for each processor."""
    state: str
    """A folder with exported states to use instead of the backend."""
    save: bool


def plan_of_fleets(project: Project, stack: str, loaded: LoadedStack, request: PlanRequest) -> Plan | None:
    """Return the plan of a fleet, or of all stacks that a file lists. None for a plain stack or a single shard.

    Raises:
        AmbientError: The files, the config or the states are invalid.
        typer.BadParameter: An option does not apply to a fleet or to a stack.
    """
    if (names := listed(project, stack)) is not None:
        _refuse_saving(request, names[0])
        return _several(project, stack, request)
    fleet = find_fleet(project, stack)
    if fleet is None:
        _refuse_fleets_words(request, stack)
        return None
    _refuse_saving(request, fleet.stack(0))
    _check(request, fleet)
    return _of_fleet(fleet, loaded, request)


def _of_fleet(fleet: Fleet, loaded: LoadedStack, request: PlanRequest) -> Plan:
    skipped: Collection[int] = ()
    # At another time, other shards may be due.
    if not (request.offline or request.everything or request.refresh or request.at):
        skipped = _up_to_date(fleet, loaded)
    return plan_fleet(
        fleet, loaded, request.at, offline=request.offline, refresh=request.refresh, chosen=request.shards,
        up_to_date=skipped, jobs=request.jobs or default_jobs(), states=request.state,
    )  # fmt: skip


def _up_to_date(fleet: Fleet, loaded: LoadedStack) -> Collection[int]:
    """Return the shards that have no changes now, according to the run records."""
    decision = decide(fleet, ask_states(fleet), RunOptions(), loaded=loaded)
    for note in decision.notes:
        print(f"ambient: {note}", file=sys.stderr)
    return decision.up_to_date


def _several(project: Project, name: str, request: PlanRequest) -> Plan:
    """Return the merged plan of several stacks. A failed one appears with its error."""
    fleets = find_fleets(project, name) or ()
    if request.shards or request.state:
        msg = f"{name} names several stacks: ask one of them, {', '.join(one.name for one in fleets)}"
        raise typer.BadParameter(msg, param_hint="--shard" if request.shards else "--state")
    when = request.at or clock.now()
    plans = []
    for one in fleets:
        try:
            loaded = load_stack(stack_path(project, one.name))
            if one.plain:
                plans.append(plan_plain(one, loaded, request.at, offline=request.offline, refresh=request.refresh))
            else:
                plans.append(_of_fleet(one, loaded, request))
        except AmbientError as error:
            plans.append(Plan(one.name, when, not request.offline, errors=error.problems))
    return together(name, when, plans)


def _check(request: PlanRequest, fleet: Fleet) -> None:
    check_shards(fleet, request.shards)


def _refuse_saving(request: PlanRequest, shard: str) -> None:
    """Refuse to save: a saved plan has the digest of one state, but a fleet has many."""
    if request.save:
        msg = f"a fleet's plan can't be saved as one: save that of each shard, such as ambient plan {shard} --save FILE"
        raise typer.BadParameter(msg, param_hint="--save")


def _refuse_fleets_words(request: PlanRequest, stack: str) -> None:
    flags = {"--shard": request.shards, "--all": request.everything, "--jobs": request.jobs}
    refuse_words_of_fleets(stack, flags)
