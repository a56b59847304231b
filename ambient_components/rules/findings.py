"""What a rule finds wrong: where in the data, what, and what is allowed. The caller adds the file or the resource."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ambient_components.errors import PathPart, Problem, Remedy, format_path, hints_of

Path = tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with what is declared."""

    path: Path
    """Of the offending value, or of the entry whose key offends."""

    problem: str
    """What is wrong."""

    remedy: Remedy
    """What is allowed and what to do."""

    other: Path | None = None
    """Of the value that it collides with."""

    at_key: bool = False
    """Whether the key offends, and not the value."""

    warning: bool = False
    """Whether the file is good all the same, and does something that hardly anybody wants."""


Verdict = tuple[str, Remedy] | None
"""Problem and remedy, or None; what a rule about one value answers."""


def verdict_finding(path: Path, verdict: Verdict, *, at_key: bool = False, warning: bool = False) -> Iterator[Finding]:
    """Give a verdict its place."""
    if verdict is not None:
        problem, remedy = verdict
        yield Finding(path, problem, remedy, at_key=at_key, warning=warning)


def below(path: Path, found: Iterable[Finding]) -> Iterator[Finding]:
    """Give findings about a part their place in the whole."""
    for one in found:
        yield replace(one, path=(*path, *one.path), other=(*path, *one.other) if one.other is not None else None)


def as_problem(found: Finding) -> Problem:
    """Return it as of an argument: ``keys.ci.generation: 0 is too low``, with its hints."""
    return Problem(None, format_path(found.path), found.problem, hints_of(found.remedy), warning=found.warning)
