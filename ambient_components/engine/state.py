"""A stack's state, as `pulumi stack export` prints it: read into typed values. What writes states is in `rewriting`.

Secrets are never looked at: an export has them encrypted, but for one that was asked for with `--show-secrets`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.engine.secrets import without_secrets
from ambient_components.engine.types import short
from ambient_components.engine.urns import Urn

Export = Mapping[str, Any]
"""What `pulumi stack export` printed, parsed. Only this package looks into it."""

EMPTY: Final[dict[str, Any]] = {"version": 3, "deployment": {"resources": []}}
"""The state of a stack that has deployed nothing yet."""

_DIGESTED: Final = (
    "urn", "id", "parent", "provider", "inputs", "outputs", "external", "protect", "retainOnDelete", "deletedWith",
    "delete", "pendingReplacement", "taint", "initErrors", "modified",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, in a state, a preview or an event."""

    urn: Urn
    type: str
    id: str = ""
    custom: bool = True
    """Whether a provider makes it; else it is a component."""
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    parent: str = ""
    """Its URN."""
    protect: bool = False
    retain_on_delete: bool = False
    delete: bool = False
    """Whether a replacement left it, to be deleted. It then has the logical name of what took its place."""

    @classmethod
    def of(cls, item: Mapping[str, Any], urn: str = "") -> "Resource":
        """Read one.

        Args:
            item: Its JSON.
            urn: For where the JSON has none, as in a step.
        """
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
        """The logical name."""
        return self.urn.name

    @property
    def kind(self) -> str:
        """The last part of its type, such as RoleBinding, whether that is Kubernetes' own or ours."""
        return short(self.type)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a run was in the middle of when it was killed."""

    type: str
    """creating, updating, deleting, reading or importing."""
    resource: Resource


def resources(export: Export, *types: str) -> list[Resource]:
    """Return the resources of a state, in its order.

    Args:
        export: The state.
        types: Type tokens; none for all.
    """
    return [
        Resource.of(item) for item in _deployment(export).get("resources") or () if not types or item["type"] in types
    ]


def operations(export: Export) -> list[Operation]:
    """Return what a killed run was at work on: the cluster may have it too."""
    found = _deployment(export).get("pending_operations") or ()
    return [Operation(str(one.get("type")), Resource.of(one.get("resource") or {})) for one in found]


def secrets_provider(export: Export) -> str:
    """Return what encrypts the secrets of a state, as Pulumi calls it; empty where it has none."""
    return str((_deployment(export).get("secrets_providers") or {}).get("type") or "")


def place(export: Any) -> tuple[str, str] | None:
    """Return the stack and the project of a state; None where it has no resources.

    Raises:
        ValueError: It is no exported state.
    """
    try:
        items = (export["deployment"] or {}).get("resources") or ()
        found = Urn.parse(items[0]["urn"]) if items else None
    except (KeyError, TypeError, IndexError, AttributeError):
        msg = "no exported state"
        raise ValueError(msg) from None
    if found is not None and not found.types:
        msg = "no URN"
        raise ValueError(msg)
    return (found.stack, found.project) if found else None


def is_checkpoint(export: Any) -> bool:
    """Tell whether this is a file out of a bucket of states, which has another form."""
    return isinstance(export, dict) and "checkpoint" in export and "deployment" not in export


def joined(exports: Iterable[Export]) -> dict[str, Any]:
    """Return several states as one: all of their resources, and all that killed runs were at work on."""
    whole: dict[str, Any] = {"resources": [], "pending_operations": []}
    for export in exports:
        deployment = _deployment(export)
        whole["resources"] += deployment.get("resources") or ()
        whole["pending_operations"] += deployment.get("pending_operations") or ()
        if provider := deployment.get("secrets_providers"):
            whole["secrets_providers"] = provider
    return {"version": 3, "deployment": whole}


def parse_export(text: str) -> Any:
    """Return an exported state, without what nothing reads: the outputs of Kubernetes' objects are most of a large one.

    Raises:
        ValueError: It is no JSON.
    """
    return json.loads(text, object_hook=_slim)


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    if "urn" in item and str(item.get("type")).startswith("kubernetes:"):
        for part in ("outputs", "dependencies", "propertyDependencies"):
            item.pop(part, None)
    else:
        item.pop("managedFields", None)
    return item


def state_digest(export: Export) -> str:
    """Return the digest of a state: another one after every run that changed something.

    Of the resources as they are exported, without what is encrypted in them: each export may encrypt a state
    again. A secret that changes is seen by the time at which its resource was modified.
    """
    parts = [
        {name: without_secrets(item[name], "secret") for name in _DIGESTED if name in item}
        for item in _deployment(export).get("resources") or ()
    ]
    parts += [{"pending": one.type, "urn": str(one.resource.urn)} for one in operations(export)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _deployment(export: Export) -> Mapping[str, Any]:
    return export.get("deployment") or {}
