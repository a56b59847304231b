"""A stack's state, as printed by `pulumi stack export`, read into typed values. The module `rewriting` changes states.

Secrets stay encrypted. Only an export with `--show-secrets` has them in plain text.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ambient_components.engine.secrets import without_secrets
from ambient_components.engine.urns import Urn, short

Export = Mapping[str, Any]
"""The parsed output of `pulumi stack export`. Only this package reads its fields."""

EMPTY: Final[dict[str, Any]] = {"version": 3, "deployment": {"resources": []}}
"""The state of a stack that was never deployed."""

LATEST_VERSION: Final = 4
"""The newest known version of the format (DeploymentSchemaVersionLatest in Pulumi's core.go, v3.274.1)."""

_DIGESTED: Final = (
    "urn", "id", "parent", "provider", "inputs", "outputs", "external", "protect", "retainOnDelete", "deletedWith",
    "delete", "pendingReplacement", "taint", "initErrors", "modified",
)  # fmt: skip


_HIDDEN: Final = "[secret]"


@dataclass(frozen=True, slots=True)
class Resource:
    urn: Urn
    type: str
    id: str = ""
    custom: bool = True
    """Whether a provider manages it. False for a component."""
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    parent: str = ""
    """The parent's URN."""
    protect: bool = False
    retain_on_delete: bool = False
    delete: bool = False
    """Whether it is a pending delete after a replacement. It has the logical name of its successor."""

    @classmethod
    def of(cls, item: Mapping[str, Any], urn: str = "") -> "Resource":
        """Read a resource, with this URN if the JSON has none, as in a step."""
        name = Urn.parse(str(item.get("urn") or urn))
        return cls(
            name,
            str(item.get("type") or name.type),
            str(item.get("id") or ""),
            bool(item.get("custom", True)),
            item.get("inputs") or {},
            item.get("outputs") or {},
            str(item.get("parent") or ""),
            bool(item.get("protect")),
            bool(item.get("retainOnDelete")),
            bool(item.get("delete")),
        )

    @property
    def name(self) -> str:
        return self.urn.name

    @property
    def kind(self) -> str:
        """The last part of the type, such as RoleBinding, for Kubernetes' own type and for ours."""
        return short(self.type)


@dataclass(frozen=True, slots=True)
class Operation:
    type: str
    """creating, updating, deleting, reading or importing."""
    resource: Resource


def resources(export: Export, *types: str) -> list[Resource]:
    return [
        Resource.of(item) for item in _deployment(export).get("resources") or () if not types or item["type"] in types
    ]


def without(export: Export, urns: Collection[str]) -> Export:
    """Return a state without some resources, as after a refresh that does not find them."""
    deployment = _deployment(export)
    kept = [item for item in deployment.get("resources") or () if item["urn"] not in urns]
    return {**export, "deployment": {**deployment, "resources": kept}}


def operations(export: Export) -> list[Operation]:
    """Return the pending operations of a killed run. Each may have taken effect in the cluster."""
    pending = _deployment(export).get("pending_operations") or ()
    return [Operation(str(item.get("type")), Resource.of(item.get("resource") or {})) for item in pending]


def version(export: Export) -> int:
    """Return the version of a state's format. 0 if it has none."""
    number = export.get("version")
    return number if isinstance(number, int) else 0


def written_at(export: Export) -> datetime | None:
    """Return the time of the run that wrote a state, UTC. None if it is unknown."""
    try:
        written = datetime.fromisoformat(_deployment(export)["manifest"]["time"])
        return written.astimezone(UTC).replace(microsecond=0) if written.tzinfo else None
    except (KeyError, TypeError, ValueError):
        return None


def secrets_provider(export: Export) -> str:
    """Return the type of a state's secrets provider, in Pulumi's terms. Empty if there is none."""
    return str((_deployment(export).get("secrets_providers") or {}).get("type") or "")


def place(export: Any) -> tuple[str, str] | None:
    """Return the stack and the project of a state. None if it has no resources."""
    try:
        items = (export["deployment"] or {}).get("resources") or ()
        urn = Urn.parse(items[0]["urn"]) if items else None
    except (KeyError, TypeError, IndexError, AttributeError):
        msg = "no exported state"
        raise ValueError(msg) from None
    if urn is not None and not urn.types:
        msg = "no URN"
        raise ValueError(msg)
    return (urn.stack, urn.project) if urn else None


def bare(export: Export) -> Export:
    """Return an exported state without its secrets, encrypted ones too, and without what decrypts them."""
    deployment = {name: value for name, value in export["deployment"].items() if name != "secrets_providers"}
    stripped: Export = without_secrets({**export, "deployment": deployment}, _HIDDEN)
    return stripped


def is_checkpoint(export: Any) -> bool:
    """Tell whether this is a checkpoint file from a state bucket, which has another format."""
    return isinstance(export, dict) and "checkpoint" in export and "deployment" not in export


def joined(exports: Iterable[Export]) -> dict[str, Any]:
    """Return several states as one, with all resources and all pending operations."""
    whole: dict[str, Any] = {"resources": [], "pending_operations": []}
    for export in exports:
        deployment = _deployment(export)
        whole["resources"] += deployment.get("resources") or ()
        whole["pending_operations"] += deployment.get("pending_operations") or ()
        if provider := deployment.get("secrets_providers"):
            whole["secrets_providers"] = provider
    return {"version": 3, "deployment": whole}


def parse_export(text: str) -> Any:
    """Parse an exported state, without unused parts. Outputs of Kubernetes objects are most of a large state."""
    return json.loads(text, object_hook=_slim)


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    if "urn" in item and str(item.get("type")).startswith("kubernetes:"):
        for part in ("outputs", "dependencies", "propertyDependencies"):
            item.pop(part, None)
    else:
        item.pop("managedFields", None)
    return item


def state_digest(export: Export) -> str:
    """Return the digest of a state, which changes with every run that changes something.

    It covers the exported resources without encrypted values, because each export may encrypt them again. A changed
    secret shows in the modification time of its resource.
    """
    parts = [
        {name: without_secrets(item[name], "secret") for name in _DIGESTED if name in item}
        for item in _deployment(export).get("resources") or ()
    ]
    parts += [{"pending": operation.type, "urn": str(operation.resource.urn)} for operation in operations(export)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _deployment(export: Export) -> Mapping[str, Any]:
    return export.get("deployment") or {}
