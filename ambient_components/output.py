"""Output of commands: formats, colours, paths, problems, and exit codes."""

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TextIO

from ambient_components.errors import Problem, with_docs

CHANGES: Final = 2
"""Exit code: changes are pending, or something needs attention."""

REFUSED: Final = 3
"""Exit code: a guardrail refuses the change."""

USAGE: Final = 64
"""Exit code: wrong usage. EX_USAGE of sysexits.h, so that 1 and 2 can mean an answer."""

INTERRUPTED: Final = 130
"""Exit code: ended by Ctrl-C."""

HELP: Final[dict[str, Any]] = {
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 120},
}
"""Settings of every command: plain help that reads the same in a pipe."""

_LOOKS: Final = {"bold": "1", "loud": "1;31", "dim": "2", "added": "32", "removed": "31", "changed": "33"}


class Format(StrEnum):
    TEXT = "text"
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    OPENMETRICS = "openmetrics"
    MARKDOWN = "markdown"
    HTML = "html"
    GITHUB = "github"


def from_here(path: Path) -> str:
    return os.path.relpath(path)


Paint = Callable[[str, str], str]
"""Gives a text a look: `bold`, `loud`, `dim`, `added`, `removed`, `changed`."""


def plain(text: str, look: str) -> str:  # noqa: ARG001
    return text


def paint_for(stream: TextIO) -> Paint:
    """Return colours for a terminal; none for pipes or with NO_COLOR (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return plain
    return lambda text, look: f"\033[{_LOOKS[look]}m{text}\033[0m"


_NARROWEST: Final = 40
_UNBROKEN: Final = "\0->\0"


def width_of(stream: TextIO) -> int:
    """Return the columns of a terminal, 80 if it does not say; 0 for pipes and files, where lines are not wrapped."""
    return shutil.get_terminal_size((80, 24)).columns if stream.isatty() else 0


def wrapped(text: str, width: int, first: str = "", rest: str = "  ") -> list[str]:
    """Return a text as lines, never broken inside a word or at an arrow between two values; one without a width."""
    if not width or len(first) + len(text) <= width:
        return [first + text]
    lines = textwrap.wrap(
        text.replace(" -> ", _UNBROKEN), max(width, _NARROWEST), initial_indent=first, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace(_UNBROKEN, " -> ") for line in lines]


def wrapped_totals(text: str, width: int, first: str = "", rest: str = "  ") -> list[str]:
    """Return a line of totals, wrapped between two of them."""
    if " · " not in text:
        return wrapped(text, width, first, rest)
    kept = text.replace(" ", "\0").replace("\0·\0", "\0· ")
    return [line.replace("\0", " ") for line in wrapped(kept, width, first, rest)]


def show_problem(problem: Problem) -> None:
    show_problems([problem])


def show_problems(problems: Iterable[Problem]) -> None:
    paint = paint_for(sys.stderr)
    for problem, docs in with_docs(problems):
        print(f"ambient: {problem.text}", *([f"  {paint(docs, 'dim')}"] if docs else []), sep="\n", file=sys.stderr)
