"""Switches for expensive SDK features that a program for one stack file does not need.

Stack traces: the SDK sends about twenty frames with every resource, and the engine stores them. They are two fifths of
the state (measured), hold paths of the machine that ran last, and are useless here because one place registers
everything in a stack file. Debug lines: about sixty per workspace, each a call that the program waits for and the
engine discards. They take a sixth of the program's CPU time (measured).

The SDK has no option for them, so its functions are replaced. The SDK is pinned below its next minor version, and a
test fails if one of the functions is missing.
"""

import os
from typing import Any, Final

from pulumi import log
from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

FUNCTION: Final = "_get_stack_trace"

DEBUG_VARIABLE: Final = "PULUMI_OPTION_DEBUG"
"""The engine's variable for ``--debug``; the flag itself does not reach the program."""


def without_stack_traces() -> None:
    """Register all further resources of this process without a stack trace, if the SDK still has the function."""
    if hasattr(resource, FUNCTION):
        setattr(resource, FUNCTION, source_pb2.StackTrace)


def without_debug_lines() -> None:
    """Send no debug lines of the SDK to the engine, unless `DEBUG_VARIABLE` is set."""
    if os.environ.get(DEBUG_VARIABLE, "").lower() not in ("true", "1"):
        setattr(log, "debug", _nothing)  # noqa: B010  # an assignment would be an error of types


def _nothing(*_: Any, **__: Any) -> None:
    """Discard a debug line."""
