"""A contender's objects in the cluster, to compare them, and as input for other contenders."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from bench.workload import PREFIX
from sandbox.api import Api

KINDS: Final = {
    "Namespace": ("v1", "/api/v1", "namespaces"),
    "ServiceAccount": ("v1", "/api/v1", "serviceaccounts"),
    "Secret": ("v1", "/api/v1", "secrets"),
    "ResourceQuota": ("v1", "/api/v1", "resourcequotas"),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ProjectSettings": ("vteam.ambient-code/v1alpha1", "/apis/vteam.ambient-code/v1alpha1", "projectsettings"),
}
"""apiVersion, group path and plural of every kind in a workspace of the benchmark. Namespaces first."""

_BOUND_OBJECT: Final = "ambient-components/handle"
_SERVERS: Final = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "ownerReferences")
_KEPT: Final = ("metadata", "data", "type", "roleRef", "subjects", "spec", "automountServiceAccountToken")

Object = dict[str, Any]


def objects(api: Api) -> list[Object]:
    """Return all objects of the benchmark's workspaces without the server's fields, ready to apply elsewhere."""
    found = []
    for kind, (version, group, plural) in KINDS.items():
        for item in api.request("GET", f"{group}/{plural}")["items"]:
            metadata = item["metadata"]
            name = metadata.get("namespace") or metadata["name"]
            if not name.startswith(PREFIX) or (kind, metadata["name"]) == ("ServiceAccount", "default"):
                continue
            kept = {key: item[key] for key in _KEPT if key in item}
            kept["metadata"] = {key: value for key, value in metadata.items() if key not in _SERVERS}
            kept["metadata"].pop("finalizers", None)
            labels = kept["metadata"].get("labels") or {}
            labels.pop("kubernetes.io/metadata.name", None)
            if kind == "Namespace":
                kept.pop("spec", None)
            found.append({"apiVersion": version, "kind": kind, **kept})
    return found


def path_of(one: Mapping[str, Any]) -> str:
    """Return the path of an object at the API server."""
    _, group, plural = KINDS[one["kind"]]
    metadata = one["metadata"]
    inside = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{group}{inside}/{plural}/{metadata['name']}"


def lines(found: list[Object]) -> Counter[str]:
    """Return kind, namespace, name and role of each object with its count."""
    return Counter(_line(one) for one in found)


def _line(one: Object) -> str:
    metadata = one["metadata"]
    name = metadata["name"]
    if _BOUND_OBJECT in (metadata.get("labels") or {}):
        # The last part is unique for each token by design.
        name = name.rpartition("-")[0] + "-*"
    role = (one.get("roleRef") or {}).get("name", "")
    return f"{one['kind']} {metadata.get('namespace', '')}/{name} {role}".rstrip()


def difference(ours: Counter[str], other: Counter[str], most: int = 10) -> list[str]:
    """Return some lines that only one of the two has. Empty if they are equal."""
    shown = [f"  only the fleet:  {line}" for line in sorted((ours - other).elements())]
    shown += [f"  only the other:  {line}" for line in sorted((other - ours).elements())]
    more = len(shown) - most
    return [*shown[:most], f"  and {more} more"] if more > 0 else shown
