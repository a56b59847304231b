"""The plan of a fleet: evaluate the shards in parallel and the fleet as a whole, and merge the results."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from ambient_components import clock
from ambient_components.access.entries import Ledger
from ambient_components.access.fleet_guardrails import APPROVED_VARIABLE, fleet_refusals, removals_digest
from ambient_components.collector import default_jobs, go_settings
from ambient_components.engine.command import Engine
from ambient_components.engine.state import EMPTY, Export, joined
from ambient_components.errors import AmbientError, Problem
from ambient_components.fleet.decisions import Decision
from ambient_components.fleet.jobs import DEFAULT, Request
from ambient_components.plan import making
from ambient_components.plan.facts import Plan, sorted_problems
from ambient_components.plan.ledgers import from_ledgers, with_staying
from ambient_components.plan.merge import merge
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule
from ambient_components.stackfile.loader import LoadedStack, divided
from ambient_components.stacks import pulumi
from ambient_components.stacks.reading import ledger_from_state, read_deployed
from ambient_components.stacks.selection import Fleet
from ambient_components.stacks.states import deployed_shards, export, exports, read_exports
from ambient_components.warm import client as warm


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The evaluation of a fleet before any shard runs."""

    guardrails: tuple[Problem, ...]
    """The violations that stop the whole fleet."""
    environ: Mapping[str, Mapping[str, str]]
    """Environment variables for each shard's engine, by stack. With them its removals are checked against the fleet's
    limit."""

    @property
    def moved(self) -> bool:
        """Whether workspaces must first move to other shards. The engine would otherwise delete and create them."""
        return any(guardrail.rule == Rule.OTHER_SHARD for guardrail in self.guardrails)


def evaluate(
    fleet: str,
    before: Mapping[str, Ledger],
    desired: making.Declared,
    after: Mapping[str, Ledger],
    at: datetime,
    homes: Mapping[str, str] | None = None,
) -> Evaluated:
    """Evaluate a fleet before any shard starts: `before` and `after` by stack, `homes` of all workspaces."""
    refusals = fleet_refusals(fleet, before, after, desired.guardrails, at, homes)
    digests = {stack: removals_digest(before.get(stack) or {}, ledger, at) for stack, ledger in after.items()}
    return Evaluated(
        tuple(refusals),
        {stack: {APPROVED_VARIABLE: digest} for stack, digest in digests.items() if digest},
    )


def ledgers_before(decision: Decision) -> dict[str, Ledger]:
    """Return the deployed ledger of each shard by stack, from its run record or else from its state."""
    fleet = decision.fleet
    ledgers: dict[str, Ledger] = {fleet.stack(number): {} for number in range(fleet.count)}
    for number, record in decision.known.items():
        if record.declared is not None:
            ledgers[fleet.stack(number)] = record.declared
    deployed = {stack.rsplit("/", 1)[-1] for stack in decision.deployed}
    unknown = [stack for stack, ledger in ledgers.items() if not ledger and stack.rsplit("/", 1)[-1] in deployed]
    for stack, state in exports(pulumi.PulumiEngine(fleet.project.folder), unknown).items():
        if isinstance(state, AmbientError):
            raise state
        ledgers[stack] = ledger_from_state(state)
    return ledgers


def desired_of(fleet: Fleet, loaded: LoadedStack, ledger: Ledger) -> dict[str, Ledger]:
    """Return the declared ledger of each shard, by stack."""
    homes = divided(loaded, fleet.count)
    return {fleet.stack(number): {name: ledger[name] for name in names} for number, names in homes.items()}


def plan_fleet(
    fleet: Fleet,
    loaded: LoadedStack,
    request: Request = DEFAULT,
    *,
    up_to_date: Collection[int] = (),
    there: Collection[str] | None = None,
) -> Plan:
    """Return the plan of a fleet, of some shards, or of a plain stack. What fails appears with its errors."""
    if fleet.plain:
        return _plan_plain(fleet, loaded, request)
    when, offline, jobs = request.at or clock.now(), request.offline, request.jobs or default_jobs()
    engine = making.engine_at(fleet.project, request.at)
    desired = making.declared(fleet.project, fleet.name, loaded, when)
    every = desired_of(fleet, loaded, desired.ledger)
    mine = {fleet.stack(number) for number in (request.shards or range(fleet.count))}
    skipped = sorted(mine & {fleet.stack(number) for number in up_to_date})
    if not offline and mine - {*skipped}:
        warm.begin(files=[str(fleet.project.folder), fleet.stack_file])
    selected = mine - {*skipped}
    exported = _exported(fleet, engine, every, selected, jobs, request.states, there)
    states = {stack: state for stack, state in exported.items() if not isinstance(state, AmbientError)}
    before: dict[str, Ledger] = {stack: ledger_from_state(state) for stack, state in states.items()}
    # An up-to-date shard is deployed as declared.
    before |= {stack: every[stack] for stack in skipped}
    parts = {stack: every[stack] for stack in selected if stack in states}
    homes = {name: stack for stack, ledger in every.items() for name in ledger}
    after = parts | {stack: every[stack] for stack in skipped}
    evaluated = evaluate(fleet.name, before, desired, after, when, homes)
    quiet = {name: entry for stack in skipped for name, entry in every[stack].items()}
    inner = replace(desired, warnings=())
    if offline or evaluated.moved:
        plans = [_by_files(fleet.name, inner, parts, states, when)]
    else:
        plans = _online(inner, parts, states, engine, evaluated, when, jobs, refresh=request.refresh)
    if quiet:
        # Without changes, but with upcoming dates.
        plans.append(from_ledgers(quiet, quiet, stack=fleet.name, at=when, zone=desired.zone, ahead=desired.ahead))
    plan = merge(
        fleet.name, when, plans, online=not offline, evaluated=parts, skipped=skipped,
        failed={stack: error.problems for stack, error in exported.items() if isinstance(error, AmbientError)},
        warnings=desired.warnings if offline or evaluated.moved or skipped else (),
    )  # fmt: skip
    # Not what a single shard may lose counts.
    own = (guardrail for guardrail in plan.guardrails if guardrail.rule != Guardrail.MASS_REMOVAL)
    guardrails = sorted_problems([*own, *evaluated.guardrails])
    plan = replace(plan, guardrails=guardrails, in_part=not evaluated.guardrails)
    earlier, later = ({name: ledger[name] for ledger in side.values() for name in ledger} for side in (before, parts))
    return with_staying(plan, earlier, later)


def _plan_plain(fleet: Fleet, loaded: LoadedStack, request: Request) -> Plan:
    stack, when, engine = fleet.name, request.at or clock.now(), making.engine_at(fleet.project, request.at)
    try:
        state = export(fleet.project, stack, engine)
        desired = making.declared(fleet.project, stack, loaded, when)
        if request.offline:
            return making.offline(stack, desired, read_deployed(state, stack, when), when)
        return making.online(engine, stack, state, desired, when, refresh=request.refresh)
    except AmbientError as error:
        return Plan(stack, when, not request.offline, errors=error.problems)


def _exported(
    fleet: Fleet, engine: Engine, every: Collection[str], selected: Collection[str], jobs: int, folder: str,
    known: Collection[str] | None
) -> dict[str, Export | AmbientError]:  # fmt: skip
    """Read the states of the selected shards and of those beyond the configured number."""
    if folder:
        saved = read_exports(folder, fleet.project.name, fleet.name, selected)
        return {stack: saved.get(stack, EMPTY) for stack in selected}
    there = deployed_shards(engine, fleet.project, fleet.name, fleet.count, known)
    exported = exports(engine, [stack for stack in there if stack in selected or stack not in every], jobs)
    return exported | {stack: EMPTY for stack in selected if stack not in there}


def _by_files(
    fleet: str, desired: making.Declared, parts: Mapping[str, Ledger], states: Mapping[str, Export], at: datetime
) -> Plan:
    """Compare the files with all states as one, so that a workspace in another shard is not a change."""
    ledger = {name: entry for part in parts.values() for name, entry in part.items()}
    return making.offline(fleet, replace(desired, ledger=ledger), read_deployed(joined(states.values()), fleet, at), at)


def _online(
    desired: making.Declared, parts: Mapping[str, Ledger], states: Mapping[str, Export], engine: Engine,
    evaluated: Evaluated, at: datetime, jobs: int, *, refresh: bool
) -> list[Plan]:  # fmt: skip
    def planned(stack: str) -> Plan:
        own = engine.with_environ({**collector, **(evaluated.environ.get(stack) or {})})
        try:
            part = replace(desired, ledger=parts[stack])
            return making.online(own, stack, states[stack], part, at, refresh=refresh)
        except AmbientError as error:
            return Plan(stack, at, True, errors=error.problems)

    if not parts:
        return []
    at_once = min(jobs, len(parts))
    collector = go_settings(engine.environ, alone=at_once == 1)
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(planned, sorted(parts)))
