"""The warnings of a fleet's runs, without those that its plan has shown. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from ambient_components.errors import Problem
from ambient_components.fleet.jobs import Job, Phase
from ambient_components.plan.facts import sorted_problems
from ambient_components.plan.lines import folded
from ambient_components.rules.warnings import LOUD, REPAIRED, with_name

_WHOLE = " (all: --format json)"


def warnings_of(job: Job) -> tuple[Problem, ...]:
    """Return the warnings of one shard after its run, those that can't be acknowledged first."""
    return sorted_problems(_as_ended(job, one) for one in _unacknowledged(job))


def warning_lines(jobs: Iterable[Job], shown: Collection[Problem]) -> Iterator[str]:
    """Yield each warning once as text, one for many workspaces with the same.

    Args:
        jobs: All shards, after their runs.
        shown: Warnings that the plan has shown.
    """
    known = {_key(one) for one in shown}
    found = (_as_ended(job, one) for job in jobs for one in _unacknowledged(job) if _key(one) not in known)
    for one in folded(sorted_problems(found), whole=_WHOLE):
        yield with_name(one.warning).text


def _unacknowledged(job: Job) -> Iterator[Problem]:
    for one in job.reported.warnings:
        if one.rule in LOUD or (job.acknowledged is not None and job.acknowledged.of(one) is None):
            yield one


def _as_ended(job: Job, warning: Problem) -> Problem:
    """Return a warning with its fleet, if there are several. What the run has repaired needs no further action."""
    if job.several:
        workspaces = tuple(map(job.named, warning.workspaces))
        warning = replace(warning, problem=f"{job.fleet.name}: {warning.problem}", workspaces=workspaces)
    if warning.rule in REPAIRED and job.task.refresh and job.phase is Phase.DONE:
        return replace(warning, hints=("this run has repaired it",))
    return warning


def _key(warning: Problem) -> tuple[object, ...]:
    """Return what a warning is about. Its path depends on the working directory."""
    return warning.rule, warning.problem, warning.workspaces
