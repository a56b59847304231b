"""Shell completion of stacks, workspaces and keys, from the project's files alone."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ambient_components.stacks.names import declared_keys, declared_stacks, is_declared
from ambient_components.stacks.project import Project

Declared = Callable[[Project, str], Iterable[str]]


def _matching(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except Exception:  # an error would be printed into the line that the user types
        return []


def _stack_or(declared: Declared) -> Callable[[str], list[str]]:
    """Complete a stack or, if the project has only one, what it declares."""

    def names() -> Iterator[str]:
        project = Project.find()
        stacks = declared_stacks(project)
        yield from stacks
        if len(stacks) == 1:
            yield from declared(project, stacks[0])

    def complete(incomplete: str) -> list[str]:
        return _matching(incomplete, names)

    return complete


def _of_stack(declared: Declared) -> Callable[[Any, str], list[str]]:
    """Complete what the stack on the command line declares."""

    def names(ctx: Any) -> Iterable[str]:
        project, given = Project.find(), ctx.params
        named = [word for word in (given.get("named"), given.get("stack")) if word and is_declared(project, word)]
        stacks = named[:1] or declared_stacks(project)
        return declared(project, stacks[0]) if len(stacks) == 1 else ()

    def complete(ctx: Any, incomplete: str) -> list[str]:
        return _matching(incomplete, lambda: names(ctx))

    return complete


def _keys(project: Project, stack: str) -> Iterator[str]:
    for workspace, ids in declared_keys(project, stack).items():
        yield from (f"{workspace}/{key}" for key in ids)


def stacks(incomplete: str) -> list[str]:
    return _matching(incomplete, lambda: declared_stacks(Project.find()))


stacks_or_workspaces = _stack_or(declared_keys)
stacks_or_keys = _stack_or(_keys)
workspaces = _of_stack(declared_keys)
keys = _of_stack(_keys)
