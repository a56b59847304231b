"""Several requests to the cluster at once, by the one number that holds for all of this tool."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from ambient_components.errors import Problem, StepError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")

AT_ONCE: Final = 16
"""Requests at once, of one caller. The API server's own limits hold for all of them together."""

_FEW: Final = 4
"""Jobs up to which they are done one after the other, in their order."""


def in_parallel(work: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> list[_Result]:
    todo = list(jobs)
    if len(todo) <= _FEW:
        return [work(job) for job in todo]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [*pool.map(work, todo)]


def attempted(work: Callable[[_Job], object], jobs: Iterable[_Job]) -> list[tuple[_Job, Problem | None]]:
    def attempt(job: _Job) -> tuple[_Job, Problem | None]:
        try:
            work(job)
        except StepError as error:
            return job, error.problem
        return job, None

    return in_parallel(attempt, jobs)
