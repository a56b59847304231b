"""The components in the schema of the package, from which the SDKs of other languages are made."""

import inspect
import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from enum import Enum
from types import NoneType
from typing import Any, Final, NamedTuple, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import WithJsonSchema

from ambient_components._version import VERSION
from ambient_components.documentation import REPOSITORY
from ambient_components.engine import urns
from ambient_components.model.base import Model
from ambient_components.model.clusters import SECRET_SETTINGS, SETTINGS, Cluster
from ambient_components.model.derive import class_texts, field_texts
from ambient_components.model.grants import Grant, SeparateGrant
from ambient_components.model.keys import Key, SeparateKey
from ambient_components.model.marks import OUTPUT, SECRET
from ambient_components.model.sources import SecretValues, Source
from ambient_components.model.storage import BucketValues, SeparateBucket, StorageValues
from ambient_components.model.workspaces import OF_FILES, Program, ProgramWorkspace, SeparateWorkspace
from ambient_components.platform.subjects import Subject
from ambient_components.resources import ProviderArgs

_TYPE: Final = "ambient:index:"

_LANGUAGE: Final[Mapping[str, Any]] = {
    "csharp": {"respectSchemaVersion": True, "rootNamespace": "Pulumi"},
    "go": {
        "importBasePath": f"{REPOSITORY.removeprefix('https://')}/sdk/go/ambient",
        "respectSchemaVersion": True,
        "generateResourceContainerTypes": False,
        # Otherwise arguments that are only in a plain list have no type.
        "generateExtraInputTypes": True,
    },
    "java": {"basePackage": "com.pulumi"},
    "nodejs": {"packageName": "@ambient-components/ambient", "respectSchemaVersion": True},
    "python": {"packageName": "pulumi_ambient", "pyproject": {"enabled": True}, "respectSchemaVersion": True},
}
"""Settings of the generators. Without names, an SDK added from Git would have those of the repository's owner."""

_NAMES: Final[Mapping[type[Model], str]] = {
    BucketValues: "WorkspaceBucket",
    Grant: "WorkspaceGrant",
    Key: "WorkspaceKey",
    SecretValues: "WorkspaceSecrets",
    StorageValues: "WorkspaceStorage",
    ProgramWorkspace: "WorkspaceEntry",
}
"""Names of types that would be a component's, or say too little."""

_OF_FILES: Final = ("include", "stacks", "defaults", "templates")
"""Sections that only a stack file has."""

_LEFT_OUT: Final[Mapping[type[Model], Collection[str]]] = {
    ProgramWorkspace: ("template", "shard"),
    Program: _OF_FILES,
    SeparateWorkspace: OF_FILES,
}

_OPTIONAL: Final[Mapping[type[Model], Collection[str]]] = {
    SeparateWorkspace: ("owner", "namespace"),
    SeparateKey: ("owner",),
}
"""Required fields of a model that its component knows otherwise."""


class Component(NamedTuple):
    """One component in the schema."""

    token: str
    model: type[Model]
    description: str
    example: str
    """Its properties in YAML, on one line."""
    outputs: Mapping[str, Any]
    required: tuple[str, ...]

    @property
    def text(self) -> str:
        """The description with the example, as Pulumi's generators read it."""
        properties = f"type: {self.token.replace(':index', '')}\n    properties: {self.example}"
        code = f"```yaml\nresources:\n  example:\n    {properties}\n```"
        block = f"{{{{% example %}}}}\n### Pulumi YAML\n\n{code}\n{{{{% /example %}}}}"
        return f"{self.description}\n\n{{{{% examples %}}}}\n## Example Usage\n{block}\n{{{{% /examples %}}}}"


class _Types:
    def __init__(self) -> None:
        self.types: dict[str, dict[str, Any]] = {}

    def inputs(self, model: type[Model], left_out: Collection[str] = ()) -> dict[str, dict[str, Any]]:
        """Return the properties of a model by their names in the stack file."""
        texts = field_texts(model)
        fields = {name: info for name, info in model.model_fields.items() if name not in left_out}
        properties: dict[str, dict[str, Any]] = {}
        for name, info in fields.items():
            schema = self._kind(info.annotation, info.metadata)
            secret = {"secret": True} if SECRET in info.metadata else {}
            properties[info.alias or name] = {**schema, **secret, "description": _text(texts.get(name, ""))}
        return properties

    def of(self, model: type[Model]) -> dict[str, Any]:
        """Return a reference to a model's type, which is added with those within it."""
        name = _NAMES.get(model, model.__name__)
        if name not in self.types:
            self.types[name] = {}
            left_out = _LEFT_OUT.get(model, ())
            self.types[name] = {
                "type": "object",
                "description": _text(inspect.cleandoc(model.__doc__ or "")),
                "properties": self.inputs(model, left_out),
                "required": required(model, left_out),
            }
        return _reference(name)

    def _kinds(self, annotation: Any, metadata: Collection[Any]) -> Iterator[dict[str, Any]]:
        written = next((mark.json_schema or {} for mark in metadata if isinstance(mark, WithJsonSchema)), {})
        origin, inner = get_origin(annotation), get_args(annotation)
        plain = {} if OUTPUT in metadata else {"plain": True}
        if hasattr(annotation, "__metadata__"):
            yield from self._kinds(annotation.__origin__, [*metadata, *annotation.__metadata__])
        elif origin in (list, tuple):
            yield {"type": "array", "items": self._kind(inner[0]), **plain}
        elif origin is dict:
            yield {"type": "object", "additionalProperties": self._kind(inner[1]), **plain}
        elif inner:
            for alternative in inner:
                yield from self._kinds(alternative, metadata) if alternative is not NoneType else ()
        elif "enum" in written:
            yield {"type": "string", **plain}
        elif issubclass(annotation, Enum):
            yield {**self._enum(annotation), **plain}
        else:
            yield from ({**kind, **plain} for kind in self._plain(annotation, written.get("type")))

    def _kind(self, annotation: Any, metadata: Collection[Any] = ()) -> dict[str, Any]:
        kinds: list[dict[str, Any]] = []
        for kind in self._kinds(annotation, metadata):
            kinds += [kind] if kind not in kinds else []
        return kinds[0] if len(kinds) == 1 else {"oneOf": kinds}

    def _plain(self, kind: type, written: object) -> Iterator[dict[str, Any]]:
        if issubclass(kind, Model) and not issubclass(kind, Source):
            yield self.of(kind)
        elif written == "string":
            yield {"type": "string"}
        elif issubclass(kind, bool):
            yield {"type": "boolean"}
        elif issubclass(kind, int):
            yield {"type": "integer"}
        elif issubclass(kind, float):
            yield {"type": "number"}
        elif issubclass(kind, str) and isinstance(written, list):
            yield from ({"type": "string"}, {"type": "number"})
        elif issubclass(kind, str | date | Subject | Source | ZoneInfo):
            yield {"type": "string"}
        else:
            msg = f"{kind.__name__} has no type in the schema"
            raise TypeError(msg)

    def _enum(self, words: type[Enum]) -> dict[str, Any]:
        self.types[words.__name__] = {
            "type": "string",
            "description": _text(inspect.cleandoc(words.__doc__ or "")),
            "enum": [{"name": _title(word.name), "value": str(word.value)} for word in words],
        }
        return _reference(words.__name__)


def required(model: type[Model], left_out: Collection[str] = ()) -> list[str]:
    """Return the names of the fields without a default."""
    optional = {*left_out, *_OPTIONAL.get(model, ())}
    fields = model.model_fields.items()
    return [info.alias or name for name, info in fields if info.is_required() and name not in optional]


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/types/{_TYPE}{name}"}


def _title(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


def _text(text: str) -> str:
    return re.sub(r" ?Contract [0-9][0-9., ]*\.", "", " ".join(text.split()))


_TOKEN: Final = {
    "type": "string",
    "description": "Bearer token of the key, a secret. Unset if not retained.",
}

_TOKENS: Final = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "Bearer tokens by key id, as far as they are retained. A secret.",
}

# Outputs are not marked as secrets: the SDK of Java does not compile then. `Construct` answers with secrets anyway.
COMPONENT_SCHEMAS: Final = (
    Component(
        urns.WORKSPACES,
        Program,
        "Workspaces with the ledger of their access, which guardrails evaluate.",
        "{workspaces: {payments: {grants: [{group: payments-devs, role: edit}], keys: {ci: {lifetime: 30d}}}}}",
        {
            "tokens": {
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
                "description": "Bearer tokens by workspace and key id, as far as they are retained. A secret.",
            },
        },
        ("tokens",),
    ),
    Component(
        urns.WORKSPACE,
        SeparateWorkspace,
        "A namespace that the platform lists, with its owners, grants, keys, secrets, settings and bucket.",
        "{namespace: payments, owners: [user:alice@example.com], grants: [{group: payments-devs, role: edit}]}",
        {
            "namespace": {"type": "string", "description": "Name of the namespace."},
            "tokens": _TOKENS,
        },
        ("namespace", "tokens"),
    ),
    Component(
        urns.GRANT,
        SeparateGrant,
        "Access of one user or one group to a workspace.",
        "{namespace: payments, user: alice@example.com, role: edit}",
        {},
        (),
    ),
    Component(
        urns.API_KEY,
        SeparateKey,
        "An API key: its own identity in the workspace, with a token that is renewed before it expires.",
        "{namespace: payments, id: ci, owner: acme/prod, lifetime: 30d}",
        {"account": {"type": "string", "description": "Name of its ServiceAccount."}, "token": _TOKEN},
        ("account",),
    ),
    Component(
        urns.BUCKET,
        SeparateBucket,
        "A bucket in an object store, with credentials for it alone.",
        "{name: payments-reports, endpoint: 'https://minio.example.com', owner: acme/prod}",
        {
            "variables": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "STORAGE_MODE, S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY. A secret.",
            }
        },
        ("variables",),
    ),
)


def schema() -> dict[str, Any]:
    """Return the schema of the package: components and the provider, without the resources within components."""
    types = _Types()
    texts = class_texts(ProviderArgs)
    settings = {
        name: {"type": "string", "description": _text(texts[name])}
        | ({"secret": True} if name in SECRET_SETTINGS else {})
        for name in SETTINGS
    }
    resources = {component.token: _resource(component, types) for component in COMPONENT_SCHEMAS}
    cluster = {
        **types.of(Cluster),
        "plain": True,
        "description": "Cluster and object store. Default: those of the config.",
    }
    resources[urns.WORKSPACES]["inputProperties"]["cluster"] = cluster
    return {
        "name": "ambient",
        "version": VERSION,
        "displayName": "Ambient",
        "description": "Workspaces, grants, API keys, secrets and buckets of the Ambient Code Platform.",
        "license": "Apache-2.0",
        "repository": REPOSITORY,
        "keywords": ["kind/component", "category/cloud", "kubernetes"],
        "language": _LANGUAGE,
        "config": {"variables": settings},
        "provider": {
            "description": "The ambient plugin: one instance per cluster and object store.",
            "inputProperties": settings,
        },
        "types": {_TYPE + name: kind for name, kind in sorted(types.types.items())},
        "resources": resources,
    }


def _resource(component: Component, types: _Types) -> dict[str, Any]:
    left_out = _LEFT_OUT.get(component.model, ())
    return {
        "isComponent": True,
        "description": component.text,
        "inputProperties": types.inputs(component.model, left_out),
        "requiredInputs": required(component.model, left_out),
        "properties": dict(component.outputs),
        "required": list(component.required),
    }


def schema_json() -> str:
    return json.dumps(schema())
