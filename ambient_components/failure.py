"""The error of a step in the plugin or a program: text that a person can act on, never a traceback."""

from collections.abc import Iterable

from ambient_components.errors import AmbientError, Problem, Remedy, refusal
from ambient_components.printable import one_line


class StepError(Exception):
    """An error in a step: what is wrong and what to do; never a secret.

    The text may quote the cluster or the store: as text the error is one printable line.

    Attributes:
        problem: What is wrong, and what to do.
    """

    def __init__(self, text: str, *remedies: Remedy, rule: str | None = None, workspaces: Iterable[str] = ()) -> None:
        self.problem = refusal(text, *remedies, rule=rule, workspaces=workspaces)
        super().__init__(text)

    def __str__(self) -> str:
        return str(self.problem)


def text_of(error: BaseException) -> str:
    """Return `problems_of` as text, one per line."""
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
