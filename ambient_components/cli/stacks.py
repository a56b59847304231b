"""The stack files of a project, without loading any."""

from pathlib import Path

from ambient_components.cli.project import STACK_FILES, Project, bare_name
from ambient_components.cli.terminal import from_here
from ambient_components.errors import Where, fail
from ambient_components.suggest import did_you_mean


def stack_files(project: Project) -> list[Path]:
    """What lies in the folder of the stack files, sorted; Pulumi's own config lies there too and is left out."""
    found = (project.folder / STACK_FILES).glob("*.yaml")
    return sorted(path for path in found if not path.name.startswith(("Pulumi.", ".")))


def stack_path(project: Project, stack: str) -> str:
    """Where the file of a stack is, seen from the working directory.

    Raises:
        AmbientError: there is none.
    """
    path = project.stack_file(stack)
    if not path.is_file():
        names = [found.stem for found in stack_files(project)]
        suggestion = did_you_mean(bare_name(stack), names)
        there = f"stacks with a file: {', '.join(names)}" if names else f"`ambient init {stack}` makes one"
        fail(Where(from_here(path)), "", "there is no such stack file", f"{there}; {suggestion}".removesuffix("; "))
    return from_here(path)
