"""Output of commands: formats, colours, paths, problems, and exit codes."""

import os
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final, TextIO

from ambient_components.errors import Problem

CHANGES: Final = 2
"""Exit code: changes are pending, or something needs attention."""

REFUSED: Final = 3
"""Exit code: a guardrail refuses the change."""

USAGE: Final = 64
"""Exit code: wrong usage. EX_USAGE of sysexits.h, so that 1 and 2 can mean an answer."""

INTERRUPTED: Final = 130
"""Exit code: ended by Ctrl-C."""

_LOOKS: Final = {"bold": "1", "loud": "1;31", "dim": "2"}


class Format(StrEnum):
    """Output formats. Each command accepts some of them."""

    TEXT = "text"
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    GITHUB = "github"


def from_here(path: Path) -> str:
    """Return a path relative to the working directory, as people type it and their editor finds it."""
    return os.path.relpath(path)


Paint = Callable[[str, str], str]
"""Gives a text a look: `bold`, `loud`, `dim`."""


def plain(text: str, look: str) -> str:  # noqa: ARG001
    """Return the text without a look, for pipes and files."""
    return text


def paint_for(stream: TextIO) -> Paint:
    """Return colours for a terminal; none for pipes or with NO_COLOR (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return plain
    return lambda text, look: f"\033[{_LOOKS[look]}m{text}\033[0m"


def show_problem(problem: Problem) -> None:
    """Print one to standard error."""
    print(f"ambient: {problem.text}", file=sys.stderr)


def show_problems(problems: Iterable[Problem]) -> None:
    """Print several to standard error."""
    for problem in problems:
        show_problem(problem)
