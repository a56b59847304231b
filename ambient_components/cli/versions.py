"""Two versions of a project's stacks: as they are in two revisions, or on the disk."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ambient_components.cli.stacks import without_parts
from ambient_components.errors import AmbientError, Problem, Where
from ambient_components.spec.files import Files
from ambient_components.spec.loader import Review, review_stack
from ambient_components.spec.ownership import Touched, Version, touched


def changes(before: Mapping[str, Version], after: Mapping[str, Version]) -> list[Touched]:
    """Return what a change touches, by stack.

    Args:
        before: Stacks by name, before the change.
        after: The same, after it.
    """
    return [found for name in sorted({*before, *after}) for found in touched(name, before.get(name), after.get(name))]


def versions(folder: str, files: Files, names: Sequence[str], called: str) -> dict[str, Version]:
    """Return the stacks of a revision by name.

    Args:
        folder: Of the stack files.
        files: Of the revision.
        names: The stacks to read, if they are there; all, if there are none: those that no other one includes.
        called: The revision, for the places of problems; empty for files on the disk.

    Raises:
        AmbientError: Stacks are broken; all problems at once.
    """
    paths = [f"{folder}/{name}.yaml" for name in names] or [
        f"{folder}/{found}"
        for found in files.expand("*.yaml", folder)
        if not PurePosixPath(found).name.startswith("Pulumi.")
    ]
    reviews = {path: review_stack(path, files=files) for path in paths if files.identity(path) is not None}
    if not names:
        reviews = _whole(reviews, files)
    problems = {_at(problem, called) for review in reviews.values() if not review.stack for problem in _errors(review)}
    if problems:
        raise AmbientError(problems)
    return {PurePosixPath(path).stem: Version(review.stack, files) for path, review in reviews.items() if review.stack}


def _whole(reviews: Mapping[str, Review], files: Files) -> dict[str, Review]:
    """Those of which no other one is made."""
    by_file = {files.identity(path): review for path, review in reviews.items()}
    included = {own: {files.identity(path) for path in review.files[1:]} for own, review in by_file.items()}
    wholes = set(without_parts(included, list(included)))
    return {path: review for path, review in reviews.items() if files.identity(path) in wholes}


def _errors(review: Review) -> list[Problem]:
    return [problem for problem in review.problems if not problem.warning]


def _at(problem: Problem, called: str) -> Problem:
    """The same, with its place as Git names it: REVISION:FILE."""
    if problem.where is None or not called:
        return problem
    return replace(problem, where=Where(f"{called}:{problem.where.file}", problem.where.line, problem.where.column))
