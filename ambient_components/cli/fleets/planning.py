"""The plan of a fleet: its shards judged side by side, what only the whole shows, and one page of it all."""

import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ambient_components import clock
from ambient_components.access.entries import Ledger
from ambient_components.access.fleet_rails import JUDGED_VARIABLE, fleet_refusals, removals_mark
from ambient_components.access.rail_names import REMOVALS
from ambient_components.cli import planning
from ambient_components.cli.fleets import reading
from ambient_components.cli.fleets.fleet import Fleet
from ambient_components.cli.ledgers import ledger_from_state
from ambient_components.cli.project import bare_name
from ambient_components.engine.state import EMPTY, Export, joined
from ambient_components.errors import AmbientError, BadValue, Problem, fail
from ambient_components.plan.facts import Plan, sorted_problems
from ambient_components.plan.ledgers import from_ledgers
from ambient_components.plan.merge import merge
from ambient_components.rules.refusals import Rule
from ambient_components.spec.shards import shards_of

if TYPE_CHECKING:
    from ambient_components.engine.command import Engine
    from ambient_components.spec.loader import LoadedStack


_COLLECTOR, _SELDOM = "GOGC", "300"
"""Go's garbage collector, in an engine and a plugin that live for seconds: a sixth less CPU, some 80 MiB more."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a fleet before any of its shards runs."""

    rails: tuple[Problem, ...]
    """Why none of them may."""
    environ: Mapping[str, Mapping[str, str]]
    """By stack, for its engine's environment: what leaves that shard is then judged by the fleet's share."""
    moved: bool = False
    """Whether workspaces have to be moved to other shards first: the engine would take them for gone, and for new."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What a fleet's states and files say, by stack."""

    wanted: planning.Declared
    """Of the whole fleet."""
    parts: Mapping[str, Ledger]
    """What is asked for of each shard that is judged."""
    states: Mapping[str, Export]
    """Of each shard that was read."""
    failed: Mapping[str, tuple[Problem, ...]]
    """Why others were not."""


def judge(
    fleet: str,
    before: Mapping[str, Ledger],
    wanted: planning.Declared,
    after: Mapping[str, Ledger],
    at: datetime,
    homes: Mapping[str, str] | None = None,
) -> Judged:
    """Judges a fleet as a whole, before any shard is started.

    Args:
        fleet: its name.
        before: what each shard deployed last, by its stack: of states, or of the run records' `declared`.
        wanted: what the files ask for, of the whole fleet.
        after: the same, by stack: see `wanted_of`. Only of shards that `before` knows, or that are new.
        at: UTC.
        homes: the stack that each workspace of the whole fleet belongs to; None: as `after` has it.
    """
    found = fleet_refusals(fleet, before, after, wanted.rails, at, homes)
    marks = {stack: removals_mark(before.get(stack) or {}, ledger, at) for stack, ledger in after.items()}
    return Judged(
        tuple(found),
        {stack: {JUDGED_VARIABLE: mark} for stack, mark in marks.items() if mark},
        any(one.rule == Rule.OTHER_SHARD for one in found),
    )


def wanted_of(fleet: Fleet, loaded: "LoadedStack", ledger: Ledger) -> dict[str, Ledger]:
    """What the files ask for of each shard, by its stack.

    Raises:
        AmbientError: a workspace names a shard that is not there.
    """
    try:
        homes = shards_of(loaded.file.workspaces, fleet.count)
    except BadValue as error:
        fail(None, "shard", error.problem, error.hints)
    return {fleet.stack(number): {name: ledger[name] for name in names} for number, names in homes.items()}


def plan_fleet(
    fleet: Fleet,
    loaded: "LoadedStack",
    at: datetime | None = None,
    *,
    offline: bool = False,
    refresh: bool = False,
    chosen: Collection[int] = (),
    up_to_date: Collection[int] = (),
    jobs: int = 0,
    states: str = "",
    there: Collection[str] | None = None,
) -> Plan:
    """The plan of a fleet, or of some of its shards. A shard that fails is told with its errors, and hides no other.

    Args:
        fleet: which.
        loaded: its files.
        at: UTC; None: now.
        offline: whether the files are compared with the states, and nobody is asked.
        refresh: whether the engine looks into the cluster first.
        chosen: numbers of the shards that are asked for; none for all.
        up_to_date: of those of which it is known that nothing is to do: they are not asked.
        jobs: shards at once; 0 for as many as there are processors.
        states: a folder of exported states instead of the back end, STACK.json each; offline.
        there: names of the stacks that have something in their states; None: the back end is asked.

    Raises:
        AmbientError: the files or the config are wrong, or the back end does not answer.
    """
    when = at or clock.now()
    engine = planning.engine_at(fleet.project, at)
    wanted = planning.declared(fleet.project, fleet.name, loaded, when)
    every = wanted_of(fleet, loaded, wanted.ledger)
    mine = {fleet.stack(number) for number in (chosen or range(fleet.count))}
    skipped = sorted(mine & {fleet.stack(number) for number in up_to_date})
    known = _known(fleet, engine, wanted, every, mine - {*skipped}, jobs, states, there)
    before: dict[str, Ledger] = {stack: ledger_from_state(state) or {} for stack, state in known.states.items()}
    # What is up to date was deployed as it is asked for.
    before |= {stack: every[stack] for stack in skipped}
    after = {**known.parts, **{stack: every[stack] for stack in skipped}}
    homes = {name: stack for stack, ledger in every.items() for name in ledger}
    judged = judge(fleet.name, before, wanted, after, when, homes)
    quiet = {name: entry for stack in skipped for name, entry in every[stack].items()}
    if offline or judged.moved:
        parts = [_by_files(fleet.name, known, when)]
    else:
        parts = _online(known, engine, judged, when, jobs, refresh=refresh)
    if quiet:
        # Nothing of it changes; dates come all the same.
        parts.append(from_ledgers(quiet, quiet, stack=fleet.name, at=when, zone=wanted.zone, ahead=wanted.ahead))
    warnings = wanted.warnings if offline or judged.moved or skipped else ()
    plan = merge(
        fleet.name, when, parts, online=not offline, asked=known.parts, skipped=skipped, failed=known.failed,
        warnings=warnings,
    )  # fmt: skip
    # Not what a single shard may lose counts.
    own = (one for one in plan.rails if one.rule != REMOVALS)
    return replace(plan, rails=sorted_problems([*own, *judged.rails]))


def plan_plain(
    fleet: Fleet, loaded: "LoadedStack", at: datetime | None = None, *, offline: bool = False, refresh: bool = False
) -> Plan:
    """The plan of a plain stack that stands beside others; one that can't be made is told with its error.

    Args:
        fleet: the stack (`Fleet.plain`).
        loaded: its files.
        at: UTC; None: now.
        offline: whether the files are compared with the state, and nobody is asked.
        refresh: whether the engine looks into the cluster first.
    """
    stack, when, engine = fleet.name, at or clock.now(), planning.engine_at(fleet.project, at)
    try:
        state = reading.export(fleet.project, stack, engine)
        wanted = planning.declared(fleet.project, stack, loaded, when)
        if offline:
            return planning.offline(stack, wanted, planning.deployed(state, stack, when), when)
        return planning.online(engine, stack, state, wanted, when, refresh=refresh)
    except AmbientError as error:
        return Plan(stack, when, not offline, errors=error.problems)


def _known(
    fleet: Fleet, engine: "Engine", wanted: planning.Declared, every: Mapping[str, Ledger], asked: Collection[str],
    jobs: int, folder: str, known: Collection[str] | None,
) -> _Known:  # fmt: skip
    """Reads the states: of the shards that are asked, and of those beyond the fleet's number."""
    if folder:
        found = _from_folder(fleet, folder, asked)
    else:
        there = reading.deployed_shards(engine, fleet.project, fleet.name, fleet.count, known)
        found = reading.exports(engine, [stack for stack in there if stack in asked or stack not in every], jobs)
        found |= {stack: EMPTY for stack in asked if stack not in there}
    states = {stack: state for stack, state in found.items() if not isinstance(state, AmbientError)}
    failed = {stack: error.problems for stack, error in found.items() if isinstance(error, AmbientError)}
    return _Known(wanted, {stack: every[stack] for stack in asked if stack in states}, states, failed)


def _from_folder(fleet: Fleet, folder: str, stacks: Collection[str]) -> dict[str, Export | AmbientError]:
    from ambient_components.cli.plan_state import read_export  # noqa: PLC0415

    found: dict[str, Export | AmbientError] = {}
    for stack in stacks:
        name = bare_name(stack)
        path = Path(folder) / f"{name}.json"
        found[stack] = read_export(str(path), fleet.project.name, name) if path.exists() else EMPTY
    return found


def _by_files(fleet: str, known: _Known, at: datetime) -> Plan:
    """The files against the states, all of them as one: what is only in another shard is no change."""
    wanted = {name: entry for ledger in known.parts.values() for name, entry in ledger.items()}
    there = planning.deployed(joined(known.states.values()), fleet, at)
    return planning.offline(fleet, replace(known.wanted, ledger=wanted, warnings=()), there, at)


def _online(
    known: _Known, engine: "Engine", judged: Judged, at: datetime, jobs: int, *, refresh: bool
) -> list[Plan]:  # fmt: skip
    def asked(stack: str) -> Plan:
        wanted = replace(known.wanted, ledger=known.parts[stack], warnings=())
        seldom = {_COLLECTOR: engine.environ.get(_COLLECTOR, _SELDOM)}
        own = engine.with_environ({**seldom, **(judged.environ.get(stack) or {})})
        try:
            return planning.online(own, stack, known.states[stack], wanted, at, refresh=refresh)
        except AmbientError as error:
            return Plan(stack, at, True, errors=error.problems)

    if not known.parts:
        return []
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        return list(pool.map(asked, sorted(known.parts)))
