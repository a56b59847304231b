"""The parts of Pulumi's Python SDK that it does not document, for the plugin and for programs.

No other module uses such names (tests/unit/test_pulumi_sdk.py), so that a new SDK needs changes in this file alone.

* ``pulumi.runtime.proto`` (in 3.165 and older too): messages and services of the plugin protocol.
* ``pulumi.output.UNKNOWN`` (in 3.165 and older too): the value of an output that is not known yet.
* ``pulumi.runtime.resource._get_stack_trace`` and ``source_pb2.StackTrace`` (since 3.195): the function is replaced.
* ``pulumi.runtime.stack.asyncio`` (in 3.165 and older too): the constant for its wait is replaced.
* ``pulumi.runtime.rpc.transfer_properties``, ``pulumi.runtime.resource.create_urn``, ``pulumi._types.resource_types``
  and ``resource_pulumi_to_py_names`` (in 3.231 too): `with_cheap_registration` replaces them. For the first it needs
  ``Output._from_data`` and ``pulumi.output._OutputData`` (in 3.255, and not in 3.231).

The SDK has no options for two expensive features, stack traces and debug lines, so their functions are replaced; that
of debug lines is documented.
Stack traces: the SDK sends about twenty frames with every resource, and the engine stores them. They are two fifths of
the state (measured), hold paths of the machine that ran last, and are useless here because one place registers
everything in a stack file. Debug lines: about sixty per workspace, each a call that the program waits for and the
engine discards. They take a sixth of the program's CPU time (measured).

At the end of a program the SDK waits for the first of all pending outputs, again and again. Each wait looks at all of
them, so the time grows with the square of their number (docs/internals/upstream-issues.md). Waiting until all are done
or one has failed has the same result.
"""

import asyncio
import dataclasses
import functools
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from pulumi import Output, Resource, _types, log, output
from pulumi.output import UNKNOWN
from pulumi.runtime import proto, resource, rpc, stack
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
    "with_cheap_registration",
    "with_one_wait",
    "without_debug_lines",
    "without_stack_traces",
]

_FROM_DATA: Final[Any] = getattr(Output, "_from_data", None)
_DATA: Final[Any] = getattr(output, "_OutputData", None)
_FIELDS: Final = {"resources", "value", "is_known", "is_secret"}

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


def with_cheap_registration() -> None:
    """Register all further resources of this process with a third less work, by functions with the same results.

    * Each property of a resource becomes one future, instead of four and a task that collects them. An SDK with another
      class for what they hold keeps its own function.
    * The URN of plain texts is text and no chain of outputs. The SDK computes one for every resource, and reads it only
      where there is no engine.
    * The types of a class of resources are read from its annotations once, and not for each resource.
    """
    if _FROM_DATA is not None and {field.name for field in dataclasses.fields(_DATA)} == _FIELDS:
        setattr(rpc, "transfer_properties", transfer_properties)  # noqa: B010  # as above
    setattr(resource, "create_urn", create_urn)  # noqa: B010
    for function in (_types.resource_types, _types.resource_pulumi_to_py_names):
        setattr(_types, function.__name__, functools.cache(function))


def transfer_properties(res: Resource, props: Iterable[str], custom: bool) -> dict[str, Callable[..., None]]:
    """Set an output for each property of a resource, and return the functions that resolve them, by property."""
    resolvers: dict[str, Callable[..., None]] = {}
    for name in props:
        if name != "urn" and not (name == "id" and custom):
            data: asyncio.Future[Any] = asyncio.Future()
            res.__dict__[name] = _FROM_DATA(data)
            resolvers[name] = functools.partial(_resolve, res, data)
    return resolvers


def _resolve(
    res: Resource,
    data: "asyncio.Future[Any]",
    value: Any,
    is_known: bool,
    is_secret: bool,
    deps: set[Resource] | None,
    failed: Exception | None,
) -> None:
    if failed is not None:
        data.set_exception(failed)
    else:
        resources = {*(deps or ()), res}
        data.set_result(_DATA(resources=resources, value=value, is_known=is_known, is_secret=is_secret))


_create_urn: Final = resource.create_urn


def create_urn(
    name: Any, type_: Any, parent: Any = None, project: str | None = None, stack: str | None = None
) -> Output[str]:
    """Return the URN of plain texts without a chain of outputs, and others as the SDK does."""
    if isinstance(name, str) and isinstance(type_, str) and isinstance(parent, str):
        return Output.from_input(f"{parent[: parent.rfind('::')]}${type_}::{name}")
    return _create_urn(name, type_, parent, project, stack)


def _nothing(*_: Any, **__: Any) -> None:
    """Discard a debug line."""
