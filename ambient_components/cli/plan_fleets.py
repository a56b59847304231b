"""`ambient plan` of a fleet, and of the stacks that one file names: which are meant, and what can't be asked."""

import sys
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ambient_components.cli.fleet_options import check_shards, refuse_words_of_fleets
from ambient_components.errors import AmbientError, fail

if TYPE_CHECKING:
    from ambient_components.cli.fleets.fleet import Fleet
    from ambient_components.cli.project import Project
    from ambient_components.plan import Plan
    from ambient_components.spec.loader import LoadedStack


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    at: datetime | None
    """None: now."""
    offline: bool
    refresh: bool
    everything: bool
    """Whether no shard is skipped."""
    shards: tuple[int, ...]
    """Empty: all."""
    jobs: int
    """0: one a processor."""
    state: str
    """Where states are, instead of the back end."""
    save: bool


def plan_of_fleets(project: "Project", stack: str, loaded: "LoadedStack", asked: Asked) -> "Plan | None":
    """The plan of a fleet, or of all stacks that a file names; None: it is a plain stack, or a single shard.

    Raises:
        AmbientError: something is wrong with its files, its config or its states.
        typer.BadParameter: what was asked for is of no fleet, or of no stack.
    """
    from ambient_components.cli.fleets.fleet import find_fleet, listed  # noqa: PLC0415

    if (names := listed(project, stack)) is not None:
        _refuse_saving(asked, names[0])
        return _several(project, stack, asked)
    fleet = find_fleet(project, stack)
    if fleet is None:
        _refuse_fleets_words(asked, stack)
        return None
    _refuse_saving(asked, fleet.stack(0))
    _check(asked, fleet)
    return _of_fleet(fleet, loaded, asked)


def _of_fleet(fleet: "Fleet", loaded: "LoadedStack", asked: Asked) -> "Plan":
    from ambient_components.cli.fleets.machine import default_jobs  # noqa: PLC0415
    from ambient_components.cli.fleets.planning import plan_fleet  # noqa: PLC0415

    skipped: Collection[int] = ()
    # At another moment something else may be due.
    if not (asked.offline or asked.everything or asked.refresh or asked.at):
        skipped = _up_to_date(fleet, loaded)
    return plan_fleet(
        fleet, loaded, asked.at, offline=asked.offline, refresh=asked.refresh, chosen=asked.shards,
        up_to_date=skipped, jobs=asked.jobs or default_jobs(), states=asked.state,
    )  # fmt: skip


def _up_to_date(fleet: "Fleet", loaded: "LoadedStack") -> Collection[int]:
    """The shards of which the run records say that nothing is to do now."""
    from ambient_components.cli.fleets.deciding import ask_states, decide  # noqa: PLC0415
    from ambient_components.cli.fleets.skipping import Wanted  # noqa: PLC0415

    decision = decide(fleet, ask_states(fleet), Wanted(), loaded=loaded)
    for note in decision.notes:
        print(f"ambient: {note}", file=sys.stderr)
    return decision.up_to_date


def _several(project: "Project", name: str, asked: Asked) -> "Plan":
    """Each by itself, and then as one page; one that fails hides no other."""
    from ambient_components import clock  # noqa: PLC0415
    from ambient_components.cli.fleets.fleet import find_fleets  # noqa: PLC0415
    from ambient_components.cli.fleets.planning import plan_plain  # noqa: PLC0415
    from ambient_components.cli.stacks import stack_path  # noqa: PLC0415
    from ambient_components.plan import Plan  # noqa: PLC0415
    from ambient_components.plan.merge import together  # noqa: PLC0415
    from ambient_components.spec.loader import load_stack  # noqa: PLC0415

    fleets = find_fleets(project, name) or ()
    if asked.shards or asked.state:
        msg = f"{name} names several stacks: ask one of them, {', '.join(one.name for one in fleets)}"
        raise typer.BadParameter(msg, param_hint="--shard" if asked.shards else "--state")
    when = asked.at or clock.now()
    plans = []
    for one in fleets:
        try:
            loaded = load_stack(stack_path(project, one.name))
            if one.plain:
                plans.append(plan_plain(one, loaded, asked.at, offline=asked.offline, refresh=asked.refresh))
            else:
                plans.append(_of_fleet(one, loaded, asked))
        except AmbientError as error:
            plans.append(Plan(one.name, when, not asked.offline, errors=error.problems))
    return together(name, when, plans)


def _check(asked: Asked, fleet: "Fleet") -> None:
    check_shards(fleet, asked.shards)
    if asked.state and not Path(asked.state).is_dir():
        remedy = f"a folder with the states of its shards: pulumi stack export --stack {fleet.stack(0)} > FOLDER/"
        fail(None, "", f"{asked.state} is no folder, and {fleet.name} is a fleet", f"{remedy}{fleet.stack(0)}.json, …")


def _refuse_saving(asked: Asked, shard: str) -> None:
    """A saved plan is of one state, with one digest; of a fleet each shard has its own."""
    if asked.save:
        msg = f"a fleet's plan can't be saved as one: save that of each shard, such as ambient plan {shard} --save FILE"
        raise typer.BadParameter(msg, param_hint="--save")


def _refuse_fleets_words(asked: Asked, stack: str) -> None:
    flags = {"--shard": asked.shards, "--all": asked.everything, "--jobs": asked.jobs}
    refuse_words_of_fleets(stack, flags)
