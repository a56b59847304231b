"""Keeps the SDK from doing what costs much and serves nobody, in a program whose every resource comes from one file.

Stack traces: the SDK sends some twenty frames of file names with every resource, and the engine stores them: two fifths
of our state (measured), paths of whatever machine ran last, and no use to anybody, since all that a stack file holds is
declared at one place.

Debug lines: some sixty a workspace, each a call that the program waits for and that the engine throws away. A sixth of
the program's CPU (measured, docs/performance.md).

The garbage collector: a program makes ten thousands of objects that all live until it ends, and Python looks through
them again and again. A third of the program's CPU (measured); what it then does not collect ends with the process.

There is no switch for the first two, so the functions that make them are replaced; the SDK is pinned below its next
minor, and a test fails where one is gone.
"""

import gc
import os
from typing import Any, Final

from pulumi import log
from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

FUNCTION: Final = "_get_stack_trace"

DEBUG_VARIABLE: Final = "PULUMI_OPTION_DEBUG"
"""The engine's own variable for ``--debug``; the flag itself does not reach the program."""

_COLLECT_AFTER: Final = 100_000
"""Objects made and still there before the garbage collector looks at the young ones: a few times in a run."""


def without_stack_traces() -> None:
    """Registers every further resource of this process without a stack trace. Where the SDK has changed, nothing."""
    if hasattr(resource, FUNCTION):
        setattr(resource, FUNCTION, source_pb2.StackTrace)


def without_debug_lines() -> None:
    """Sends no debug line of the SDK to the engine, unless `DEBUG_VARIABLE` asks for them."""
    if os.environ.get(DEBUG_VARIABLE, "").lower() not in ("true", "1"):
        setattr(log, "debug", _nothing)  # noqa: B010  # an assignment would be an error of types


def without_needless_collection() -> None:
    """Lets the garbage collector leave alone what has been imported, and seldom look at the rest."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


def _nothing(*_: Any, **__: Any) -> None:
    """What a debug line becomes."""
