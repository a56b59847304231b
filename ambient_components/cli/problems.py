"""How every verb tells of problems: one sentence with its place, and a line for each hint."""

import sys
from collections.abc import Iterable

from ambient_components.errors import Problem


def show_problem(problem: Problem) -> None:
    """Print one to standard error."""
    print(f"ambient: {problem.text}", file=sys.stderr)


def show_problems(problems: Iterable[Problem]) -> None:
    """Print several to standard error."""
    for problem in problems:
        show_problem(problem)
