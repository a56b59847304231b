"""The error of a step in the plugin or a program: text that a person can act on, never a traceback."""

from ambient_components.errors import AmbientError
from ambient_components.printable import one_line


class StepError(Exception):
    """An error in a step: what is wrong and what to do; never a secret.

    The text may quote the cluster or the object store, so it is made printable and put on one line.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


def text_of(error: BaseException) -> str:
    """Return the text that a user sees for an error.

    For an unexpected error the text has the type and the location, for a bug report, but not the message: that may
    quote a request, and so a secret.
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
