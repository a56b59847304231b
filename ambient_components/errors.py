"""The error type: what is wrong, where, and what is allowed; many problems at once, warnings included."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from ambient_components.printable import one_line

PathPart = str | int
"""A key of a mapping or an index of a list."""

_PLAIN_PART = re.compile(r"[A-Za-z0-9_@/…-]+")


@dataclass(frozen=True, order=True, slots=True)
class Where:
    """A position in a file; sorts by file, line and column."""

    file: str
    """Name of the file as the user wrote it."""

    line: int = 0
    """Line, from 1; 0 means the whole file."""

    column: int = 0
    """Column in characters, from 1; 0 means the whole file."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem to fix, described so that a person can act on it without reading the source."""

    where: Where | None
    """Position; None if no file is the cause, for example if the cluster cannot be reached."""

    path: str
    """Path in the data, such as `workspaces.research.grants[2].role`; may be empty."""

    problem: str
    """What is wrong; lower case, no full stop, never a secret."""

    remedy: str = ""
    """What is allowed and what to do; may be empty."""

    warning: bool = False
    """Whether this is a warning, which does not stop the run; never true in an `AmbientError`."""

    def __str__(self) -> str:
        what = f"{self.problem}; {self.remedy}" if self.remedy else self.problem
        return one_line(": ".join([str(part) for part in (self.where, self.path) if part] + [what]))

    @property
    def sort_key(self) -> tuple[Where, str, str]:
        """Sort key of a report: by position, problems without a position first."""
        return (self.where or Where(""), self.path, self.problem)


class AmbientError(Exception):
    """One or more sorted problems; its text has one problem per line.

    Attributes:
        problems: At least one problem; none is a warning.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.sort_key))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Problems:
    """A collector of problems, so that users see all of them in one run."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._problems = list(problems)

    def add(self, where: Where | None, path: str, problem: str, remedy: str = "", *, warning: bool = False) -> None:
        """Add one problem."""
        self._problems.append(Problem(where, path, problem, remedy, warning))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add several problems."""
        self._problems.extend(problems)

    def raise_if_any(self) -> None:
        """Raise the collected errors, if there are any.

        Raises:
            AmbientError: All errors at once, without the warnings.
        """
        if self.errors:
            raise AmbientError(self.errors)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The errors, sorted."""
        return self._sorted(warning=False)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings, sorted."""
        return self._sorted(warning=True)

    def _sorted(self, *, warning: bool) -> tuple[Problem, ...]:
        kept = (problem for problem in self._problems if problem.warning is warning)
        return tuple(sorted(kept, key=lambda problem: problem.sort_key))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems)

    def __len__(self) -> int:
        return len(self._problems)


def fail(where: Where | None, path: str, problem: str, remedy: str = "") -> NoReturn:
    """Raise one problem.

    Raises:
        AmbientError: Always.
    """
    raise AmbientError([Problem(where, path, problem, remedy)])


def format_path(path: Iterable[PathPart]) -> str:
    """Format a path for a report: `workspaces.research.grants[2].role`, `workspaces['a.b']`."""
    text = ""
    for part in path:
        if isinstance(part, str) and _PLAIN_PART.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part!r}]"
    return text
