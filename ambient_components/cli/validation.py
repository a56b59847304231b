"""What `ambient validate` finds out, before it is written in one form or another."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ambient_components.errors import Problem, fail
from ambient_components.spec.loader import Review, review_stack


@dataclass(frozen=True, slots=True)
class Validation:
    """The result for some stack files."""

    problems: tuple[Problem, ...]
    """Errors and warnings, by place; one of a file that two stacks include is here once."""
    workspaces: int
    """How many the valid stacks have, together."""
    files: int
    """How many files were read, or could not be."""

    @property
    def errors(self) -> int:
        """How many of the problems are errors."""
        return len(self.problems) - self.warnings

    @property
    def warnings(self) -> int:
        """How many of the problems are warnings."""
        return sum(problem.warning for problem in self.problems)


def validate_files(paths: Sequence[str]) -> Validation:
    """Check these stack files, each with what it includes."""
    return _together([review_stack(path) for path in dict.fromkeys(paths)])


def validate_stacks(paths: Sequence[str]) -> Validation:
    """Check those of these files that no other of them includes: an included file is only a part of a stack.

    Raises:
        AmbientError: there are no files.
    """
    if not paths:
        fail(None, "", "this project has no stack files", "`ambient init dev` makes the first one, stacks/dev.yaml")
    reviews = {os.path.realpath(path): review_stack(path) for path in paths}
    included = {path: {os.path.realpath(file) for file in review.files[1:]} for path, review in reviews.items()}

    def is_part(path: str) -> bool:
        # Of files that include each other the first one counts as the stack.
        return any(
            path in parts and (path not in included or whole not in included[path] or whole < path)
            for whole, parts in included.items()
            if whole != path
        )

    return _together([review for path, review in reviews.items() if not is_part(path)])


def _together(reviews: Sequence[Review]) -> Validation:
    problems = {problem for review in reviews for problem in review.problems}
    return Validation(
        tuple(sorted(problems, key=lambda problem: problem.sort_key)),
        sum(len(review.stack.file.workspaces) for review in reviews if review.stack is not None),
        len({file for review in reviews for file in review.files}),
    )
