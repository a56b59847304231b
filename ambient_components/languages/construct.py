"""`Construct`: the components for programs in other languages, declared in the plugin's process.

The SDK's own server sets up the process for a request and reads its options. Inputs are read here: it makes floats of
whole numbers, and a known output of every input with a dependency, of which no structure can be read.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final

import grpc
import pulumi
from google.protobuf import struct_pb2

from ambient_components._version import VERSION
from ambient_components.engine import secrets
from ambient_components.errors import problems_of
from ambient_components.languages.components import COMPONENTS, Declared, Inputs
from ambient_components.problem_json import for_engine
from ambient_components.pulumi_sdk import UNKNOWN, apply_patches, component_server, proto

_THREADS: Final = 32
"""Maximum registrations in parallel; the SDK has its --parallel in programs, and a few per core here."""


async def construct(
    request: proto.ConstructRequest, context: grpc.aio.ServicerContext, engine_address: str, *, unguarded: bool
) -> proto.ConstructResponse:
    """Declare the component of a request. An error ends the call with text, never a traceback.

    Dependencies of inputs become those of the component: its children need what any of them needs.

    Args:
        request: The engine's request.
        context: The call.
        engine_address: The engine.
        unguarded: Whether the provider of this process is, which may be another than that of the stack's config.
    """
    declare = COMPONENTS.get(request.type)
    if declare is None:
        names = ", ".join(sorted(COMPONENTS))
        text = f"{request.type} is no component of ambient {VERSION}; allowed: {names}"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
        raise AssertionError
    _set_up(asyncio.get_running_loop())
    inputs = read_inputs(request.inputs)
    for dependencies in request.inputDependencies.values():
        request.dependencies.extend(urn for urn in dependencies.urns if urn not in request.dependencies)
    request.ClearField("inputs")
    request.ClearField("inputDependencies")
    request.config["ambient:unguarded"] = str(unguarded).lower()

    def declared(name: str, options: pulumi.ResourceOptions) -> Declared:
        vars(options).update(_options(request))
        return declare(name, inputs, options)

    try:
        answer: proto.ConstructResponse = await component_server(declared, VERSION, engine_address).Construct(
            request, context
        )
    except grpc.aio.AbortError:
        raise
    except Exception as error:
        await context.abort(grpc.StatusCode.UNKNOWN, _text(error))
        raise
    return answer


def _options(request: proto.ConstructRequest) -> dict[str, Any]:
    """Return the options that the SDK does not read, or reads False of where the caller has not said them."""
    # Older SDKs have no timeout of read.
    timeouts = {name: getattr(request.customTimeouts, name, "") for name in ("create", "update", "delete", "read")}
    given = {name: timeout for name, timeout in timeouts.items() if timeout}
    return {
        "protect": request.protect if request.HasField("protect") else None,
        "retain_on_delete": request.retainOnDelete if request.HasField("retainOnDelete") else None,
        "delete_before_replace": request.deleteBeforeReplace,
        "custom_timeouts": pulumi.CustomTimeouts(**given) if given else None,
    }


@cache
def _set_up(loop: asyncio.AbstractEventLoop) -> None:
    """Prepare this process for registrations. Each waits in a thread for its step, of which the engine has many."""
    apply_patches()
    loop.set_exception_handler(_leave_to_the_call)
    loop.set_default_executor(ThreadPoolExecutor(_THREADS))


def _text(error: Exception) -> str:
    """Return the text of an error that ends a call: of arguments that became known, of the engine, or of a bug."""
    # The SDK raises one with a traceback in its text instead of those that it does not know.
    cause = error if isinstance(error, pulumi.RunError) else error.__context__ or error
    # The SDK has no class of its own for answers of the engine.
    told = isinstance(cause, pulumi.RunError) or type(cause) is Exception
    return str(cause) if told else for_engine(problems_of(cause))


def _leave_to_the_call(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Print no errors of futures and tasks: those left by a failed registration, which ends its call with the text."""
    if not {"future", "task"} & context.keys():
        loop.default_exception_handler(context)


def read_inputs(struct: struct_pb2.Struct) -> Inputs:
    """Return inputs as a program has them: known values plain, secret and unknown ones as outputs.

    `wire.decode` unwraps both, as resources need them, and keeps null.
    """
    return {name: _read(value) for name, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def _read(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return pulumi.Output.from_input(UNKNOWN) if text == secrets.UNKNOWN else text
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_read(item) for item in value.list_value.values]
        case "struct_value":
            return _read_struct(value.struct_value)
        case _:
            return None


def _read_struct(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    signature = fields[secrets.SIGNATURE_KEY].string_value if secrets.SIGNATURE_KEY in fields else ""
    if signature not in (secrets.SECRET, secrets.OUTPUT):
        return read_inputs(struct)
    is_secret = signature == secrets.SECRET or ("secret" in fields and fields["secret"].bool_value)
    value = _read(fields["value"]) if "value" in fields else pulumi.Output.from_input(UNKNOWN)
    return pulumi.Output.secret(value) if is_secret else value
