"""What a check finds, and what a check is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ambient_components.errors import PathPart
from ambient_components.spec.models import Workspace

Path = tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a stack file that is well-formed."""

    path: Path
    """Of the offending value, or of the entry whose key offends."""

    problem: str
    """What is wrong."""

    remedy: str
    """What is allowed and what to do."""

    other: Path | None = None
    """Of the value that it collides with."""

    at_key: bool = False
    """Whether the key offends, and not the value."""

    warning: bool = False
    """Whether the file is good all the same, and does something that hardly anybody wants."""


Check = Callable[[Path, str, Workspace], Iterator[Finding]]
"""A pure function of the path of a workspace, its name and what it says, defaults and template included."""

Verdict = tuple[str, str] | None
"""Problem and remedy, or None; what the rules outside of this package answer."""


def verdict_finding(path: Path, verdict: Verdict, *, at_key: bool = False, warning: bool = False) -> Iterator[Finding]:
    """Give a verdict its place."""
    if verdict is not None:
        problem, remedy = verdict
        yield Finding(path, problem, remedy, at_key=at_key, warning=warning)
