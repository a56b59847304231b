"""The parts of Pulumi's Python SDK that it does not document, for the plugin and for programs.

No other module uses such names (tests/unit/test_pulumi_sdk.py), so that a new SDK needs changes in this file alone.

* ``pulumi.runtime.proto`` (in 3.165 and older too): messages and services of the plugin protocol.
* ``pulumi.output.UNKNOWN`` (in 3.165 and older too): the value of an output that is not known yet.
* ``pulumi.runtime.resource._get_stack_trace`` and ``source_pb2.StackTrace`` (since 3.195): the function is replaced.
* ``pulumi.runtime.stack.asyncio`` (in 3.165 and older too): the constant for its wait is replaced.

The SDK has no options for two expensive features, so their functions are replaced; that of debug lines is documented.
Stack traces: the SDK sends about twenty frames with every resource, and the engine stores them. They are two fifths of
the state (measured), hold paths of the machine that ran last, and are useless here because one place registers
everything in a stack file. Debug lines: about sixty per workspace, each a call that the program waits for and the
engine discards. They take a sixth of the program's CPU time (measured).

At the end of a program the SDK waits for the first of all pending outputs, again and again. Each wait looks at all of
them, so the time grows with the square of their number (docs/internals/upstream-issues.md). Waiting until all are done
or one has failed has the same result.
"""

import asyncio
import os
from typing import Any, Final

from pulumi import log
from pulumi.output import UNKNOWN
from pulumi.runtime import proto, resource, stack
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
    provider_pb2_grpc,
    source_pb2,
)

__all__ = [
    "DEBUG_VARIABLE",
    "UNKNOWN",
    "engine_pb2",
    "engine_pb2_grpc",
    "language_pb2",
    "language_pb2_grpc",
    "plugin_pb2",
    "proto",
    "provider_pb2_grpc",
    "with_one_wait",
    "without_debug_lines",
    "without_stack_traces",
]

DEBUG_VARIABLE: Final = "PULUMI_OPTION_DEBUG"
"""The engine's variable for ``--debug``; the flag itself does not reach the program."""


def without_stack_traces() -> None:
    """Register all further resources of this process without a stack trace."""
    resource._get_stack_trace = source_pb2.StackTrace


def without_debug_lines() -> None:
    """Send no debug lines of the SDK to the engine, unless `DEBUG_VARIABLE` is set."""
    if os.environ.get(DEBUG_VARIABLE, "").lower() not in ("true", "1"):
        setattr(log, "debug", _nothing)  # noqa: B010  # an assignment would be an error of types


class _Asyncio:
    """The module asyncio as the SDK's stack module sees it."""

    FIRST_COMPLETED = asyncio.FIRST_EXCEPTION

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


def with_one_wait() -> None:
    """Wait once for all pending outputs of this process's program, instead of once for each."""
    setattr(stack, "asyncio", _Asyncio())  # noqa: B010  # as above


def _nothing(*_: Any, **__: Any) -> None:
    """Discard a debug line."""
