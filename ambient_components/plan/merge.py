"""The merged plan of a fleet's shards, or of several stacks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from ambient_components.access.role_assignments import AccessDiff
from ambient_components.errors import Problem
from ambient_components.plan.facts import Plan, Shards, Step, sorted_problems

_Fact = TypeVar("_Fact", bound=Any)


def merge(
    fleet: str,
    at: datetime,
    parts: Sequence[Plan],
    *,
    online: bool,
    evaluated: Iterable[str] | None = None,
    skipped: Iterable[str] = (),
    failed: Mapping[str, Iterable[Problem]] | None = None,
    guardrails: Iterable[Problem] = (),
    warnings: Iterable[Problem] = (),
) -> Plan:
    """Return the plan of a fleet. Equal facts of all shards, such as a changed rule, appear once."""
    broken = dict(failed or {})
    errors = [one for stack, why in broken.items() for one in _within(stack, why)]
    errors += [one for part in parts for one in _within(part.stack, part.errors)]
    bad = {*broken, *(part.stack for part in parts if not part.complete)}
    evaluated = (part.stack for part in parts) if evaluated is None else evaluated
    shards = Shards(
        tuple(sorted(stack for stack in evaluated if stack not in bad)),
        tuple(sorted(skipped)),
        tuple(sorted(bad)),
    )
    whole = _united(fleet, at, [_distinguished(part) for part in parts], online=online)
    return replace(
        whole,
        errors=sorted_problems(errors),
        guardrails=sorted_problems([*whole.guardrails, *guardrails]),
        warnings=sorted_problems([*whole.warnings, *warnings]),
        shards=shards,
    )


def together(name: str, at: datetime, plans: Sequence[Plan]) -> Plan:
    """Return the plan of several stacks. Workspaces with the same name in two stacks stay separate."""
    whole = _united(name, at, [_in_stack(plan) for plan in plans], online=any(plan.online for plan in plans))
    known = [plan.shards or _alone(plan) for plan in plans]
    if all(plan.shards is None for plan in plans):
        return whole
    shards = Shards(
        tuple(sorted(stack for one in known for stack in one.evaluated)),
        tuple(sorted(stack for one in known for stack in one.skipped)),
        tuple(sorted(stack for one in known for stack in one.failed)),
    )
    return replace(whole, shards=shards)


def _alone(plan: Plan) -> Shards:
    return Shards(failed=(plan.stack,)) if not plan.complete else Shards(evaluated=(plan.stack,))


def _united(name: str, at: datetime, plans: Sequence[Plan], *, online: bool) -> Plan:
    """Return all facts of all plans, sorted. Equal facts that are not about one workspace appear once."""

    def every(part: Callable[[Plan], Iterable[_Fact]]) -> tuple[_Fact, ...]:
        return tuple(sorted(fact for plan in plans for fact in part(plan)))

    steps = every(lambda plan: plan.steps)
    return Plan(
        stack=name,
        at=at,
        online=online,
        access=AccessDiff(
            every(lambda plan: plan.access.gained),
            every(lambda plan: plan.access.lost),
            every(lambda plan: plan.access.kept),
        ),
        dates=every(lambda plan: plan.dates),
        workspaces=every(lambda plan: plan.workspaces),
        adopted=every(lambda plan: plan.adopted),
        keys=every(lambda plan: plan.keys),
        buckets=every(lambda plan: plan.buckets),
        schedules=every(lambda plan: plan.schedules),
        sources=every(lambda plan: plan.sources),
        other=every(lambda plan: plan.other),
        exposed=every(lambda plan: plan.exposed),
        guardrails=sorted_problems(one for plan in plans for one in plan.guardrails),
        guardrail_changes=_once(every(lambda plan: plan.guardrail_changes)),
        unevaluated=every(lambda plan: plan.unevaluated),
        pending=every(lambda plan: plan.pending),
        warnings=sorted_problems(one for plan in plans for one in plan.warnings),
        errors=sorted_problems(one for plan in plans for one in plan.errors),
        # In the order in which they were written.
        unknown=tuple(dict.fromkeys(text for plan in plans for text in plan.unknown)),
        steps=tuple(sorted(steps, key=lambda step: (step.name, step.kind, step.op))),
        beside=tuple(sorted(every(lambda plan: plan.beside), key=_rights_first)),
    )


def _once(facts: Iterable[_Fact]) -> tuple[_Fact, ...]:
    return tuple(sorted(set(facts)))


def _rights_first(step: Step) -> tuple[bool, str, str, str]:
    return not step.rights, step.name, step.kind, step.op


def _distinguished(part: Plan) -> Plan:
    """Return a shard's plan with its stack name on each fact about the stack as a whole."""
    pending = (one if one.workspace else replace(one, text=f"{part.stack}: {one.text}") for one in part.pending)
    return replace(
        part, pending=tuple(pending), unevaluated=tuple(f"{part.stack}: {text}" for text in part.unevaluated), errors=()
    )  # fmt: skip


def _in_stack(plan: Plan) -> Plan:
    within = plan.stack

    def renamed(facts: Iterable[_Fact]) -> tuple[_Fact, ...]:
        return tuple(replace(one, workspace=f"{within}/{one.workspace}" if one.workspace else within) for one in facts)

    def reported(texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{within}: {text}" for text in texts)

    def steps(found: Iterable[Step]) -> tuple[Step, ...]:
        return tuple(replace(step, name=f"{within}/{step.name}") for step in found)

    return replace(
        plan,
        access=AccessDiff(renamed(plan.access.gained), renamed(plan.access.lost), renamed(plan.access.kept)),
        dates=renamed(plan.dates),
        workspaces=renamed(plan.workspaces),
        adopted=renamed(plan.adopted),
        keys=renamed(plan.keys),
        buckets=renamed(plan.buckets),
        schedules=renamed(plan.schedules),
        sources=renamed(plan.sources),
        other=tuple(f"{within}/{text}" for text in plan.other),
        exposed=renamed(plan.exposed),
        guardrails=_within(within, plan.guardrails),
        guardrail_changes=renamed(plan.guardrail_changes),
        unevaluated=reported(plan.unevaluated),
        pending=renamed(plan.pending),
        warnings=_within(within, plan.warnings),
        errors=_within(within, plan.errors),
        steps=steps(plan.steps),
        beside=steps(plan.beside),
    )


def _within(stack: str, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(
        replace(
            one,
            path=f"{stack}: {one.path}" if one.path else stack,
            workspaces=tuple(f"{stack}/{name}" for name in one.workspaces),
        )
        for one in problems
    )
