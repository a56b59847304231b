"""What a step raises, in the plugin and in a program: text a person can act on, never a traceback."""

from ambient_components.errors import AmbientError
from ambient_components.printable import one_line


class StepError(Exception):
    """A step that cannot be done. Its text reaches the user: what is wrong, and what to do; never a secret.

    The text may quote the cluster or the store: as text the error is one printable line.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


def text_of(error: BaseException) -> str:
    """The text that a user sees for an error.

    Of an error that is not ours only the type is told: its message may quote a request, hence a secret. The place it
    came from is told instead, so that a report of the bug can be acted on.
    """
    if isinstance(error, StepError | AmbientError):
        return str(error)
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    where = " > ".join(frames[-3:])
    return f"a bug in the ambient provider: {type(error).__name__} at {where}; please report it with this line"
