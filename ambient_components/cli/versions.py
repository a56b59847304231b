"""Two versions of a project's stacks, from Git revisions or from disk."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ambient_components.cli.stacks import without_parts
from ambient_components.errors import AmbientError, Problem, Where
from ambient_components.spec.files import Files
from ambient_components.spec.loader import Review, review_stack
from ambient_components.spec.ownership import Touched, Version, touched


def changes(before: Mapping[str, Version], after: Mapping[str, Version]) -> list[Touched]:
    """Return the affected workspaces by stack.

    Args:
        before: The stacks by name before the change.
        after: The stacks by name after the change.
    """
    return [found for name in sorted({*before, *after}) for found in touched(name, before.get(name), after.get(name))]


def versions(folder: str, files: Files, names: Sequence[str], called: str) -> dict[str, Version]:
    """Return the stacks of a revision by name.

    Args:
        folder: The folder of the stack files.
        files: The files of the revision.
        names: The stacks to read, if they exist. Default: all stack files that no other file includes.
        called: The revision's name, for positions in messages. Empty for files on disk.

    Raises:
        AmbientError: Stacks are invalid. The error has all problems.
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
    """Return the stack files that no other one includes."""
    by_file = {files.identity(path): review for path, review in reviews.items()}
    included = {own: {files.identity(path) for path in review.files[1:]} for own, review in by_file.items()}
    wholes = set(without_parts(included, list(included)))
    return {path: review for path, review in reviews.items() if files.identity(path) in wholes}


def _errors(review: Review) -> list[Problem]:
    return [problem for problem in review.problems if not problem.warning]


def _at(problem: Problem, called: str) -> Problem:
    """Return the problem with its position in Git's form REVISION:FILE."""
    if problem.where is None or not called:
        return problem
    return replace(problem, where=Where(f"{called}:{problem.where.file}", problem.where.line, problem.where.column))
