"""The merged plan of a fleet's shards, or of several stacks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from ambient_components.access.role_assignments import AccessDiff
from ambient_components.errors import Problem
from ambient_components.plan.facts import Plan, Shards, sorted_problems


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
    errors = [problem for stack, why in broken.items() for problem in _within(stack, why)]
    errors += [problem for part in parts for problem in _within(part.stack, part.errors)]
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
        refreshed=whole.refreshed and not shards.skipped,
    )


def together(name: str, at: datetime, plans: Sequence[Plan]) -> Plan:
    """Return the plan of several stacks. Workspaces with the same name in two stacks stay separate."""
    whole = _united(name, at, [_in_stack(plan) for plan in plans], online=any(plan.online for plan in plans))
    whole = replace(whole, in_part=all(plan.in_part or plan.shards is None for plan in plans))
    if all(plan.shards is None for plan in plans):
        return whole
    known = [plan.shards or _alone(plan) for plan in plans]
    groups = (
        sorted(stack for shards in known for stack in getattr(shards, group))
        for group in ("evaluated", "skipped", "failed")
    )
    return replace(whole, shards=Shards(*map(tuple, groups)))


def _alone(plan: Plan) -> Shards:
    return Shards(evaluated=(plan.stack,)) if plan.complete else Shards(failed=(plan.stack,))


OF_WORKSPACES: Final = (
    "access.gained", "access.lost", "access.kept", "granted", "dates", "workspaces", "adopted", "keys", "buckets",
    "schedules", "sources", "exposed", "guardrail_changes", "pending", "drift", "staying",
)  # fmt: skip
"""Facts with a workspace; of two, it is empty for the stack as a whole."""

TEXTS: Final = ("other", "unevaluated")
PROBLEMS: Final = ("guardrails", "warnings", "covered_warnings", "errors")
STEPS: Final = ("steps", "beside")


def _united(name: str, at: datetime, plans: Sequence[Plan], *, online: bool) -> Plan:
    """Return all facts of all plans, sorted. Equal facts that are not about one workspace appear once."""

    def every(part: str) -> Iterator[Any]:
        return (fact for plan in plans for fact in attrgetter(part)(plan))

    facts = {part: tuple(sorted(every(part))) for part in (*OF_WORKSPACES, *TEXTS)}
    return _plan(
        Plan(name, at, online),
        {
            **facts,
            "guardrail_changes": tuple(sorted(set(facts["guardrail_changes"]))),
            **{part: sorted_problems(every(part)) for part in PROBLEMS},
            "refreshed": all(plan.refreshed for plan in plans),
            # In the order in which they were written.
            "unknown": tuple(dict.fromkeys(every("unknown"))),
            "steps": tuple(sorted(every("steps"), key=lambda step: (step.name, step.kind, step.op))),
            "beside": tuple(sorted(every("beside"), key=lambda step: (not step.rights, step.name, step.kind, step.op))),
        },
    )


def _plan(plan: Plan, facts: Mapping[str, Any]) -> Plan:
    """Return a plan with other facts, of which those of its access are named as in `OF_WORKSPACES`."""
    access = AccessDiff(*(facts[f"access.{part}"] for part in ("gained", "lost", "kept")))
    return replace(plan, access=access, **{part: value for part, value in facts.items() if "." not in part})


def _distinguished(part: Plan) -> Plan:
    """Return a shard's plan with its stack name on each fact about the stack as a whole."""
    pending = (
        waiting if waiting.workspace else replace(waiting, text=f"{part.stack}: {waiting.text}")
        for waiting in part.pending
    )
    unevaluated = (f"{part.stack}: {text}" for text in part.unevaluated)
    return replace(part, pending=tuple(pending), unevaluated=tuple(unevaluated), errors=())


def _in_stack(plan: Plan) -> Plan:
    """Return a stack's plan with the stack name in front of every workspace."""
    stack = plan.stack

    def renamed(facts: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(
            replace(fact, workspace=f"{stack}/{fact.workspace}" if fact.workspace else stack) for fact in facts
        )

    return _plan(
        plan,
        {
            **{part: renamed(attrgetter(part)(plan)) for part in OF_WORKSPACES},
            "other": tuple(f"{stack}/{text}" for text in plan.other),
            "unevaluated": tuple(f"{stack}: {text}" for text in plan.unevaluated),
            **{part: _within(stack, getattr(plan, part)) for part in PROBLEMS},
            **{
                part: tuple(replace(step, name=f"{stack}/{step.name}") for step in getattr(plan, part))
                for part in STEPS
            },
        },
    )


def _within(stack: str, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(
        replace(
            problem,
            path=f"{stack}: {problem.path}" if problem.path else stack,
            workspaces=tuple(f"{stack}/{name}" for name in problem.workspaces),
        )
        for problem in problems
    )
