"""The parts of Pulumi's Python SDK that it does not document, for the plugin and for programs.

No other module uses such names (tests/unit/test_pulumi_sdk.py), so that a new SDK needs changes in this file alone.

* ``pulumi.runtime.proto`` (in 3.165 and older too): messages and services of the plugin protocol.
* ``pulumi.output.UNKNOWN`` (in 3.165 and older too): the value of an output that is not known yet.
* ``pulumi.provider.server.ProviderServicer`` (in 3.165 and older too): the server of a plugin with components.
* The names that `PATCHES` replace in the process of a program, for speed and privacy alone: everything works without.
"""

import asyncio
import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final, NamedTuple

from pulumi import Inputs, Output, Resource, ResourceOptions, _types, log, output
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
    "PATCHES",
    "PATCHES_VARIABLE",
    "UNKNOWN",
    "apply_patches",
    "component_server",
    "engine_pb2",
    "engine_pb2_grpc",
    "language_pb2",
    "language_pb2_grpc",
    "plugin_pb2",
    "proto",
    "provider_pb2_grpc",
]

PATCHES_VARIABLE: Final = "AMBIENT_SDK_PATCHES"
"""``off`` leaves the SDK as it is."""

DEBUG_VARIABLE: Final = "PULUMI_OPTION_DEBUG"
"""The engine's variable for ``--debug``; the flag itself does not reach the program."""

_BEFORE: Final = (3, 300)
"""The version of the SDK from which no patch is applied, half a year ahead of the newest that the tests know. Raise it
with the lock file."""

_FROM_DATA: Final[Any] = getattr(Output, "_from_data", None)
_DATA: Final[Any] = getattr(output, "_OutputData", None)
_FIELDS: Final = {"resources", "value", "is_known", "is_secret"}


class Patch(NamedTuple):
    """Names of the SDK that are replaced."""

    names: tuple[str, ...]
    why: str
    """Where the reason is written: an ADR or an upstream issue, in docs/internals."""
    apply: Callable[[], None]
    before: tuple[int, int] = _BEFORE


def apply_patches() -> None:
    """Patch the SDK for all further resources of this process, as far as its version is known."""
    if os.environ.get(PATCHES_VARIABLE, "").lower() in ("off", "0"):
        return
    installed = version("pulumi")
    number = tuple(int(part) for part in installed.split(".")[:2])
    unknown = [patch for patch in PATCHES if number >= patch.before]
    if unknown:
        names = ", ".join(name for patch in unknown for name in patch.names)
        log.debug(f"ambient: pulumi {installed} is newer than what is known here and stays unpatched: {names}")
    for patch in PATCHES:
        if patch not in unknown:
            patch.apply()


def _without_stack_traces() -> None:
    """Register resources without a stack trace.

    The SDK sends about twenty frames with every resource, and the engine stores them. They are two fifths of the state
    (measured), hold paths of the machine that ran last, and are useless here because one place registers everything.
    """
    resource._get_stack_trace = source_pb2.StackTrace


def _without_debug_lines() -> None:
    """Send no debug lines to the engine, unless `DEBUG_VARIABLE` is set.

    They are about sixty per workspace, each a call that the program waits for and the engine discards: a sixth of the
    program's CPU time (measured).
    """
    if os.environ.get(DEBUG_VARIABLE, "").lower() not in ("true", "1"):
        setattr(log, "debug", _nothing)  # noqa: B010  # an assignment would be an error of types


class _Asyncio:
    """The module asyncio as the SDK's stack module sees it."""

    FIRST_COMPLETED = asyncio.FIRST_EXCEPTION

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


def _with_one_wait() -> None:
    """Wait once for all pending outputs of the program, instead of once for each. Both end with the first error."""
    setattr(stack, "asyncio", _Asyncio())  # noqa: B010  # as above


def _with_one_future() -> None:
    """Make one future for each property of a resource, instead of four and a task.

    An SDK with another class for what they hold keeps its own function, such as 3.231.
    """
    if _FROM_DATA is not None and {field.name for field in dataclasses.fields(_DATA)} == _FIELDS:
        setattr(rpc, "transfer_properties", transfer_properties)  # noqa: B010  # as above


def _with_plain_urns() -> None:
    """Compute the URN of plain texts as text. The SDK reads it only where there is no engine."""
    setattr(resource, "create_urn", create_urn)  # noqa: B010  # as above


def _with_types_once() -> None:
    """Read the types of a class of resources from its annotations once, and not for each resource."""
    for function in (_types.resource_types, _types.resource_pulumi_to_py_names):
        setattr(_types, function.__name__, functools.cache(function))


def component_server(
    declare: Callable[[str, ResourceOptions], tuple[Resource, Mapping[str, Any]]], plugin_version: str, engine: str
) -> provider_pb2_grpc.ResourceProviderServicer:
    """Return the SDK's own server of components.

    Args:
        declare: Declares a component by name and options, and returns it with its outputs.
        plugin_version: Version of the plugin.
        engine: Address of the engine.
    """
    # Only a plugin whose engine constructs components needs it.
    from pulumi.provider import ConstructResult, Provider  # noqa: PLC0415
    from pulumi.provider.server import ProviderServicer  # noqa: PLC0415

    class Declaring(Provider):
        def construct(
            self,
            name: str,
            resource_type: str,  # noqa: ARG002  # the request's, by which `declare` was chosen
            inputs: Inputs,  # noqa: ARG002  # read by the caller
            options: ResourceOptions | None = None,
        ) -> ConstructResult:
            component, outputs = declare(name, options or ResourceOptions())
            return ConstructResult(component.urn, {**outputs})

    return ProviderServicer(Declaring(plugin_version), [], engine)


_FOR_EACH: Final = "upstream-issues.md#the-sdks-work-for-each-resource"

PATCHES: Final = (
    Patch(("runtime.resource._get_stack_trace",), "upstream-issues.md#pulumi", _without_stack_traces),
    Patch(("log.debug",), "upstream-issues.md#pulumi", _without_debug_lines),
    Patch(("runtime.stack.asyncio",), "upstream-issues.md#the-sdks-quadratic-wait", _with_one_wait),
    Patch(("runtime.rpc.transfer_properties",), _FOR_EACH, _with_one_future),
    Patch(("runtime.resource.create_urn",), _FOR_EACH, _with_plain_urns),
    Patch(("_types.resource_types", "_types.resource_pulumi_to_py_names"), _FOR_EACH, _with_types_once),
)


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
