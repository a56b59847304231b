"""Conversion between Pulumi's wire values (protobuf structs) and plain Python.

Supported are the kinds that our resources use: null, bool, number, text, list, map, secret, unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

from ambient_components.engine import secrets
from ambient_components.errors import StepError

type_key: Final = secrets.SIGNATURE_KEY
secret_signature: Final = secrets.SECRET
output_signature: Final = secrets.OUTPUT
unknown_sentinel: Final = secrets.UNKNOWN


class _Unknown:
    """A value that is not known before the update; its only instance is `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = _Unknown()


def has_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine must encrypt in the state and hide from displays; also hidden in its repr."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def decode(struct: struct_pb2.Struct | None) -> dict[str, Any]:
    """Return a struct as plain values: secrets unwrapped, unknowns as `UNKNOWN`, whole numbers as ints."""
    if struct is None:
        return {}
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == unknown_sentinel else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "struct_value":
            fields = value.struct_value.fields
            if type_key in fields:
                return _decode_special(fields)
            return {key: _decode(item) for key, item in fields.items()}
        case _:
            return None


def _decode_special(fields: Mapping[str, struct_pb2.Value]) -> Any:
    signature = fields[type_key].string_value
    if signature == secret_signature:
        return _decode(fields["value"])
    if signature == output_signature:
        return _decode(fields["value"]) if "value" in fields else UNKNOWN
    msg = f"a value of a kind this provider does not take (signature {signature})"
    raise StepError(msg)


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return plain values as a struct; `Secret` and `UNKNOWN` in their wire forms."""
    struct = struct_pb2.Struct()
    for key, value in values.items():
        _encode(value, struct.fields[key])
    return struct


def _encode(value: Any, target: struct_pb2.Value) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = float(value)
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, _Unknown):
        target.string_value = unknown_sentinel
    elif isinstance(value, Secret):
        target.struct_value.fields[type_key].string_value = secret_signature
        _encode(value.value, target.struct_value.fields["value"])
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _encode(item, target.struct_value.fields[key])
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _encode(item, target.list_value.values.add())
    else:
        msg = f"{type(value).__name__} has no wire form"
        raise TypeError(msg)


def encode_like(before: struct_pb2.Struct, values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return plain values as a struct, secret where they were before: a refresh reads values without marks."""
    struct = encode(values)
    for key, marked in values.items():
        value = _unmarked(marked)
        if key not in before.fields or not _holds_secret(before.fields[key]):
            continue
        if _decode(before.fields[key]) == value:
            struct.fields[key].CopyFrom(before.fields[key])
        else:
            struct.fields[key].Clear()
            _encode(Secret(value), struct.fields[key])
    return struct


def _unmarked(value: Any) -> Any:
    match value:
        case Secret():
            return _unmarked(value.value)
        case Mapping():
            return {key: _unmarked(item) for key, item in value.items()}
        case list() | tuple():
            return [_unmarked(item) for item in value]
        case _:
            return value


def _holds_secret(value: struct_pb2.Value) -> bool:
    match value.WhichOneof("kind"):
        case "list_value":
            return any(map(_holds_secret, value.list_value.values))
        case "struct_value":
            fields = value.struct_value.fields
            signature = fields[type_key].string_value if type_key in fields else ""
            marked = signature == output_signature and "secret" in fields and fields["secret"].bool_value
            return signature == secret_signature or marked or any(map(_holds_secret, fields.values()))
        case _:
            return False


def merged(inputs: struct_pb2.Struct, outputs: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return a resource's state: its inputs, with their secret marks, overwritten by the outputs."""
    state = struct_pb2.Struct()
    state.CopyFrom(inputs)
    for key, value in outputs.items():
        state.fields[key].Clear()
        _encode(value, state.fields[key])
    return state
