"""The result of a rule: path in the data, problem and remedy, in the spelling of YAML or of Python.

The caller adds the file or the resource.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ambient_components.errors import PathPart, Problem, Remedy, format_path, hints_of

Path = tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    path: Path
    """Path of the value, or of the entry with the key."""

    problem: str
    """What is wrong."""

    remedy: Remedy
    """What is allowed and what to do."""

    other: Path | None = None
    """Path of the conflicting value."""

    at_key: bool = False
    """Whether the problem is the key, not the value."""

    rule: str | None = None
    """Name of a warning; None for an error."""

    @property
    def warning(self) -> bool:
        """Whether the declaration is valid but probably a mistake."""
        return self.rule is not None


Verdict = tuple[str, Remedy] | None
"""Problem and remedy of a rule about one value; None if there is no problem."""


def verdict_finding(
    path: Path, verdict: Verdict, *, at_key: bool = False, warning: str | None = None
) -> Iterator[Finding]:
    """Yield the finding for a verdict at a path."""
    if verdict is not None:
        problem, remedy = verdict
        yield Finding(path, problem, remedy, at_key=at_key, rule=warning)


def below(path: Path, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings about a part with paths relative to the whole."""
    for finding in findings:
        other = (*path, *finding.other) if finding.other is not None else None
        yield replace(finding, path=(*path, *finding.path), other=other)


def as_problem(finding: Finding) -> Problem:
    """Return it as of an argument: ``keys.ci.generation: 0 is too low``, with its hints."""
    path, hints = finding.path, hints_of(finding.remedy)
    workspaces = (str(path[1]),) if path[:1] == ("workspaces",) and len(path) > 1 else ()
    return Problem(None, format_path(path), finding.problem, hints, finding.rule, workspaces, finding.warning)


class Reader(Enum):
    """Who reads a message, and has written what it is about."""

    FILE = "a stack file"
    PYTHON = "a program in Python"
    OTHER = "a program in another language"


_READER: ContextVar[Reader] = ContextVar("reader", default=Reader.FILE)


@contextmanager
def spelling_of(reader: Reader) -> Iterator[None]:
    """Spell the names of fields in messages and paths as a reader does."""
    token = _READER.set(reader)
    try:
        yield
    finally:
        _READER.reset(token)


@contextmanager
def program_spelling() -> Iterator[None]:
    """Spell the names of fields in messages and paths as the program does: as Python, if it is in no other language."""
    with spelling_of(Reader.PYTHON if _READER.get() is Reader.FILE else _READER.get()):
        yield


def in_python() -> bool:
    return _READER.get() is Reader.PYTHON


def in_program() -> bool:
    return _READER.get() is not Reader.FILE


def spell(field: str) -> str:
    """Return a field's name as the reader of the message writes it."""
    return field if in_python() else camel(field)


def camel(field: str) -> str:
    """Return a field's name in YAML and in plain data, such as ``rotateBefore``, or ``from`` of ``from_``."""
    first, *rest = field.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def is_whole(value: Any, least: int) -> bool:
    """Return whether a value is a whole number and at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
