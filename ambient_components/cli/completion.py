"""Shell completion of stacks, workspaces, keys and subjects, from the project's files alone."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ambient_components.stacks.names import declared_keys, declared_stacks, declared_subjects, is_declared
from ambient_components.stacks.project import Project


def stacks(incomplete: str) -> list[str]:
    return _matching(incomplete, lambda: declared_stacks(Project.find()))


def stacks_or_workspaces(incomplete: str) -> list[str]:
    """Complete a stack or, if the project has only one, a workspace of it."""
    return _matching(incomplete, lambda: _first(_workspaces))


def stacks_or_keys(incomplete: str) -> list[str]:
    """Complete a stack or, if the project has only one, a key of it."""
    return _matching(incomplete, lambda: _first(_keys))


def stacks_or_subjects(incomplete: str) -> list[str]:
    """Complete a stack or, if the project has only one, a subject of its grants."""
    return _matching(incomplete, lambda: _first(_subjects))


def workspaces(ctx: Any, incomplete: str) -> list[str]:
    """Complete a workspace of the stack on the command line."""
    return _matching(incomplete, lambda: _of_stack(ctx, _workspaces))


def keys(ctx: Any, incomplete: str) -> list[str]:
    """Complete a key of the stack on the command line, as WORKSPACE/KEY."""
    return _matching(incomplete, lambda: _of_stack(ctx, _keys))


def subjects(ctx: Any, incomplete: str) -> list[str]:
    """Complete a subject of the grants and owners of the stack on the command line."""
    return _matching(incomplete, lambda: _of_stack(ctx, _subjects))


def _matching(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except Exception:  # an error would be printed into the line that the user types
        return []


def _first(more: Callable[[Project, str], Iterator[str]]) -> list[str]:
    project = Project.find()
    names = declared_stacks(project)
    return [*names, *(more(project, names[0]) if len(names) == 1 else ())]


def _of_stack(ctx: Any, more: Callable[[Project, str], Iterator[str]]) -> list[str]:
    project, given = Project.find(), ctx.params
    named = [word for word in (given.get("named"), given.get("stack")) if word and is_declared(project, word)]
    names = named[:1] or declared_stacks(project)
    return list(more(project, names[0])) if len(names) == 1 else []


def _workspaces(project: Project, stack: str) -> Iterator[str]:
    yield from declared_keys(project, stack)


def _subjects(project: Project, stack: str) -> Iterator[str]:
    yield from declared_subjects(project, stack)


def _keys(project: Project, stack: str) -> Iterator[str]:
    for workspace, ids in declared_keys(project, stack).items():
        yield from (f"{workspace}/{key}" for key in ids)
