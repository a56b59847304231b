"""The stack files of a project, found without loading them."""

from collections.abc import Hashable, Mapping, Sequence, Set
from pathlib import Path
from typing import TypeVar

from ambient_components.errors import Where, fail
from ambient_components.output import from_here
from ambient_components.stacks.project import STACK_FILES, Project, bare_name
from ambient_components.suggest import did_you_mean

_File = TypeVar("_File", bound=Hashable)


def stack_files(project: Project) -> list[Path]:
    """Return all files in the folder of stack files, sorted, without Pulumi's config files."""
    found = (project.folder / STACK_FILES).glob("*.yaml")
    return sorted(path for path in found if not path.name.startswith(("Pulumi.", ".")))


def stack_path(project: Project, stack: str) -> str:
    """Return the path of a stack file, relative to the working directory.

    Raises:
        AmbientError: The file does not exist.
    """
    path = project.stack_file(stack)
    if not path.is_file():
        names = [found.stem for found in stack_files(project)]
        suggestion = did_you_mean(bare_name(stack), names)
        there = f"stacks with a file: {', '.join(names)}" if names else f"`ambient init {stack}` makes one"
        fail(Where(from_here(path)), "", "there is no such stack file", f"{there}; {suggestion}".removesuffix("; "))
    return from_here(path)


def without_parts(included: Mapping[_File, Set[_File]], order: Sequence[_File]) -> list[_File]:
    """Return the files that no other file includes. An included file is only part of a stack.

    Args:
        included: The other files that each file includes.
        order: The files. Of files that include each other, the first one counts as the stack.
    """
    rank = {file: place for place, file in enumerate(order)}

    def is_part(file: _File) -> bool:
        return any(
            file in parts and (whole not in included[file] or rank[whole] < rank[file])
            for whole, parts in included.items()
            if whole != file
        )

    return [file for file in order if not is_part(file)]
