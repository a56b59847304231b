"""The one value for everything that refuses, warns or explains, and the errors that carry it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from ambient_components.documentation import rule_page
from ambient_components.printable import LIMIT, one_line, without_middle

PathPart = str | int
Remedy = str | tuple[str, ...]
"""One hint or several; empty for none."""

_PLAIN_PART = re.compile(r"[A-Za-z0-9_@/…-]+")


@dataclass(frozen=True, order=True, slots=True)
class Where:
    """A position in a file; sorts by file, line and column."""

    file: str
    line: int = 0
    """Line, from 1; 0 means the whole file."""

    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Acknowledged:
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, warning or explanation, in a text that a person can act on without reading the source."""

    where: Where | None
    """Position; None if no file is the cause, for example if the cluster cannot be reached."""

    path: str
    """Place in the data, such as `workspaces.research.grants[2].role`; of a note what it is about. May be empty."""

    problem: str
    """What is wrong; lower case, no full stop, never a secret."""

    hints: tuple[str, ...] = ()
    rule: str | None = None
    workspaces: tuple[str, ...] = ()
    """The workspaces that it is about. Empty where it is about the stack as a whole."""

    warning: bool = False
    """Whether this is a warning, which does not stop the run; never true in an `AmbientError`."""

    acknowledged: Acknowledged | None = None
    data: tuple[tuple[str, ...], ...] = ()
    """Rows of what the text describes, for the program that knows the rule. Never a secret."""

    def __post_init__(self) -> None:
        # What a file, the cluster or the store says is quoted here, however long it is.
        object.__setattr__(self, "path", without_middle(self.path, LIMIT // 8))
        object.__setattr__(self, "problem", without_middle(self.problem, LIMIT // 2))
        object.__setattr__(self, "hints", tuple(without_middle(hint, LIMIT) for hint in self.hints))

    def __str__(self) -> str:
        return one_line("; ".join((self.sentence, *self.hints)))

    @property
    def lines(self) -> tuple[str, ...]:
        return (one_line(self.sentence), *(f"hint: {one_line(hint)}" for hint in self.hints))

    @property
    def text(self) -> str:
        return "\n  ".join(self.lines)

    @property
    def docs(self) -> str:
        return "" if self.warning else rule_page(self.rule)

    @property
    def sort_key(self) -> tuple[Where, str, str]:
        return (self.where or Where(""), self.path, self.problem)

    @property
    def sentence(self) -> str:
        return ": ".join([*(str(part) for part in (self.where, self.path) if part), self.problem])

    def within(self, what: str, *remedies: Remedy, rule: str | None = None) -> "Problem":
        """Return the problem of what failed because of this one, with the hints of both."""
        hints = hints_of(self.hints, *remedies)
        return Problem(None, "", f"{what}: {self.sentence}", hints, rule or self.rule, self.workspaces, self.warning)


def refusal(problem: str, *remedies: Remedy, rule: str | None = None, workspaces: Iterable[str] = ()) -> Problem:
    return Problem(None, "", problem, hints_of(*remedies), rule, tuple(workspaces))


def with_docs(problems: Iterable[Problem]) -> Iterator[tuple[Problem, str]]:
    """Yield problems with the line for their rule's description: for the last problem of each rule, else empty."""
    listed = list(problems)
    last = {problem.docs: number for number, problem in enumerate(listed)}
    for number, problem in enumerate(listed):
        yield problem, f"docs: {problem.docs}" if problem.docs and last[problem.docs] == number else ""


class BadValue(ValueError):  # noqa: N818  # it names the value, and the caller makes an error of it
    """A value that can't be taken; the caller knows its place."""

    def __init__(self, problem: str, *remedies: Remedy) -> None:
        self.problem = problem
        self.hints = hints_of(*remedies)
        super().__init__("; ".join((problem, *self.hints)))


class AmbientError(Exception):
    """One or more sorted problems, none of them a warning; its text has one problem per line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.sort_key))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Problems:
    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._problems = list(problems)

    def add(
        self,
        where: Where | None,
        path: str,
        problem: str,
        *remedies: Remedy,
        rule: str | None = None,
        workspaces: Iterable[str] = (),
        warning: bool = False,
    ) -> None:
        self._problems.append(Problem(where, path, problem, hints_of(*remedies), rule, tuple(workspaces), warning))

    def extend(self, problems: Iterable[Problem]) -> None:
        self._problems.extend(problems)

    def raise_if_any(self) -> None:
        if self.errors:
            raise AmbientError(self.errors)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return self._sorted(warning=False)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return self._sorted(warning=True)

    def _sorted(self, *, warning: bool) -> tuple[Problem, ...]:
        kept = (problem for problem in self._problems if problem.warning is warning)
        return tuple(sorted(kept, key=lambda problem: problem.sort_key))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems)

    def __len__(self) -> int:
        return len(self._problems)


def fail(where: Where | None, path: str, problem: str, *remedies: Remedy) -> NoReturn:
    raise AmbientError([Problem(where, path, problem, hints_of(*remedies))])


def stop(problem: str, *remedies: Remedy) -> NoReturn:
    """Fail with a problem that has no place in a file."""
    raise AmbientError([refusal(problem, *remedies)])


def reject(problem: str, *remedies: Remedy) -> NoReturn:
    raise BadValue(problem, *remedies)


def format_path(path: Iterable[PathPart]) -> str:
    """Format a path for a report: `workspaces.research.grants[2].role`, `workspaces['a.b']`."""
    text = ""
    for part in path:
        if isinstance(part, str) and _PLAIN_PART.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part!r}]"
    return text


def hints_of(*remedies: Remedy) -> tuple[str, ...]:
    hints = (hint for remedy in remedies for hint in ((remedy,) if isinstance(remedy, str) else remedy))
    return tuple(filter(None, hints))


class StepError(Exception):
    """An error in a step: what is wrong and what to do; never a secret.

    The text may quote the cluster or the store: as text the error is one printable line.
    """

    def __init__(self, text: str, *remedies: Remedy, rule: str | None = None, workspaces: Iterable[str] = ()) -> None:
        self.problem = refusal(text, *remedies, rule=rule, workspaces=workspaces)
        super().__init__(text)

    def __str__(self) -> str:
        return str(self.problem)


def text_of(error: BaseException) -> str:
    return "\n".join(map(str, problems_of(error)))


def problems_of(error: BaseException) -> tuple[Problem, ...]:
    """Return the problems that a user sees of an error.

    For an unexpected error the text has the type and the location, for a bug report, but not the message: that may
    quote a request, and so a secret.
    """
    if isinstance(error, StepError):
        return (error.problem,)
    if isinstance(error, AmbientError):
        return error.problems
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    where = one_line(" > ".join(frames[-3:]))
    return (
        refusal(f"a bug in the ambient provider: {type(error).__name__} at {where}", "please report it with this line"),
    )
