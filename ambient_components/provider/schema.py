"""The plugin's Pulumi schema, for ``pulumi package get-schema`` and SDKs of other languages.

Names, types and texts are those of the client side in `resources`.
"""

import json
from collections.abc import Mapping, Sequence
from inspect import get_annotations, getdoc
from types import NoneType, UnionType
from typing import Any, Final, NotRequired, Union, get_args, get_origin, is_typeddict

import pulumi

from ambient_components import resources
from ambient_components._version import VERSION
from ambient_components.engine import urns
from ambient_components.model.derive import class_texts
from ambient_components.model.keys import DeliverySecret
from ambient_components.provider.protocol.configuration import SECRETS
from ambient_components.resources.attributes import RotatingCredential
from ambient_components.rules.findings import camel
from ambient_components.rules.guardrail_names import StackGuardrails

_TEXT: Final = {"type": "string"}
_ANY: Final = {"$ref": "pulumi.json#/Any"}
_WORDS: Final = {str: _TEXT, bool: {"type": "boolean"}, int: {"type": "integer"}, Any: _ANY}

_CLIENTS: Final = {
    urns.ACCESS_TOKEN: (resources.AccessToken, resources.AccessTokenArgs),
    urns.ACCESS_LEDGER: (resources.AccessLedger, resources.AccessLedgerArgs),
    urns.WORKSPACE_SECRET: (resources.WorkspaceSecret, resources.WorkspaceSecretArgs),
    urns.PROJECT_SETTINGS: (resources.ProjectSettings, resources.ProjectSettingsArgs),
    urns.CONTAINER_DEFAULTS: (resources.ContainerDefaults, resources.ContainerDefaultsArgs),
    urns.FEATURE_FLAGS: (resources.FeatureFlags, resources.FeatureFlagsArgs),
    urns.ROLE_BINDING: (resources.RoleBinding, resources.RoleBindingArgs),
    urns.SERVICE_ACCOUNT: (resources.ServiceAccount, resources.ServiceAccountArgs),
    urns.SCHEDULED_SESSION: (resources.ScheduledSession, resources.ScheduledSessionArgs),
    urns.S3_BUCKET: (resources.S3Bucket, resources.S3BucketArgs),
    urns.S3_CREDENTIALS: (resources.S3Credentials, resources.S3CredentialsArgs),
    urns.CLOSURE: (resources.Closure, resources.ClosureArgs),
}
"""Class and arguments of each resource."""

_REQUIRED_OUTPUTS: Final = {
    urns.ACCESS_TOKEN: ["retiring", "schemaVersion"],
    urns.S3_CREDENTIALS: ["retiring", "foreign", "schemaVersion"],
}
"""Outputs that a rotating credential always has. All others always have what they require."""

_SECRETS: Final = (*SECRETS, "token", "secretKey", "values")

_RECORD: Final = {
    "handle": _TEXT | {"description": "Name of the token Secret, or id of the access key."},
    "uid": _TEXT | {"description": "uid of the token Secret, or id of the access key."},
    "generation": {"type": "integer", "description": "Generation of its identity."},
    "issuedAt": _TEXT | {"description": "RFC 3339."},
    "expiresAt": _TEXT | {"description": "RFC 3339; null if it has no end, or if that was not recorded."},
    "dead": _TEXT | {"description": "Why it no longer works, as a refresh found; null while it works."},
    "lapsed": {
        "type": "boolean",
        "description": "Whether that is because its life is over; left out where it is not.",
    },
}
_RECORD_REQUIRED: Final = ["handle", "uid", "generation", "issuedAt"]
_TOKEN, _STORE_KEY, _NEXT_ACTION = (f"ambient:index:{name}" for name in ("TokenHandle", "StoreKey", "NextAction"))
_DELIVERY, _GUARDRAILS = "ambient:index:TokenDelivery", "ambient:index:StackGuardrails"


def schema_json() -> str:
    return json.dumps(schema())


def schema() -> dict[str, Any]:
    # On the wire, all settings of a provider are texts.
    settings = {name: property | _TEXT for name, property in _properties(resources.ProviderArgs).items()}
    return {
        "name": "ambient",
        "version": VERSION,
        "displayName": "Ambient",
        "description": "Access, keys, secrets, settings and buckets of Ambient Code Platform workspaces.",
        "license": "Apache-2.0",
        "keywords": ["kind/native", "category/cloud", "kubernetes"],
        "config": {"variables": settings},
        "provider": {
            "description": "The ambient plugin: one instance per cluster and object store.",
            "inputProperties": settings,
        },
        "types": _types(),
        "resources": {token: _resource(token, *client) for token, client in _CLIENTS.items()},
    }


def _types() -> dict[str, Any]:
    delivery = _properties(DeliverySecret)
    return {
        _TOKEN: _object(
            "A token, identified by its token Secret: deleting that Secret revokes only this token.",
            _RECORD,
            _RECORD_REQUIRED,
        ),
        _STORE_KEY: _object("An access key of the object store, without its secret.", _RECORD, _RECORD_REQUIRED),
        _NEXT_ACTION: _object(
            "What a later run does next.",
            {
                "what": _TEXT | {"description": "rotate, revoke, or expire (no action)."},
                "at": _TEXT | {"description": "RFC 3339; the first run after this time does it."},
            },
            ["what", "at"],
        ),
        _DELIVERY: _object(_first_line(DeliverySecret), delivery, [*delivery]),
        _GUARDRAILS: _object(_first_line(StackGuardrails), _properties(StackGuardrails), []),
    }


def _object(description: str, properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": properties, "required": required}


def _resource(token: str, client: type, arguments: Any) -> dict[str, Any]:
    inputs = _properties(arguments)
    required = [name for name in inputs if name in arguments.__required_keys__]
    return {
        "description": _first_line(client),
        "inputProperties": inputs,
        "requiredInputs": required,
        "properties": _properties(client, _STORE_KEY if token == urns.S3_CREDENTIALS else _TOKEN) | inputs,
        "required": _REQUIRED_OUTPUTS.get(token, required),
    }


def _properties(cls: type, record: str = _TOKEN) -> dict[str, Any]:
    """Return the annotated fields of a class as properties.

    Args:
        record: Type of the records of a rotating credential.
    """
    classes = [base for base in cls.__mro__ if base is cls or base is RotatingCredential]
    hints = {field: hint for base in classes for field, hint in get_annotations(base).items()}
    texts = {field: text for base in classes for field, text in class_texts(base).items()}
    special: dict[str, dict[str, Any]] = {
        "current": _reference(record),
        "retiring": {"type": "array", "items": _reference(record)},
        "pendingRevocations": {"type": "array", "items": _reference(record)},
        "nextAction": _reference(_NEXT_ACTION),
        "deliver": _reference(_DELIVERY),
        "guardrails": _reference(_GUARDRAILS),
    }
    return {
        camel(field): {
            **(special.get(camel(field)) or _type(hint)),
            **({"secret": True} if camel(field) in _SECRETS else {}),
            "description": " ".join(texts[field].split()),
        }
        for field, hint in hints.items()
        if field in texts
    }


def _reference(token: str) -> dict[str, Any]:
    return {"$ref": f"#/types/{token}"}


def _type(hint: Any) -> dict[str, Any]:
    origin, inner = get_origin(hint), [each for each in get_args(hint) if each is not NoneType]
    if hint in _WORDS:
        return dict(_WORDS[hint])
    if is_typeddict(hint):
        return {"type": "object", "additionalProperties": _ANY}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _type(inner[1])}
    if origin in (list, Sequence):
        return {"type": "array", "items": _type(inner[0])}
    if origin in (NotRequired, Union, UnionType, pulumi.Output):
        return _type(inner[0])  # an Input is a value, or what becomes one
    # A text with rules.
    return dict(_TEXT)


def _first_line(cls: type) -> str:
    return " ".join((getdoc(cls) or "").partition("\n\n")[0].split())
