"""What is in the cluster, so that nobody compares a program with one that does less."""

from collections.abc import Iterator
from typing import Any, Final

from bench.workload import PREFIX
from sandbox.api import Api

_KINDS: Final = {
    "Namespace": "/api/v1/namespaces",
    "ConfigMap": "/api/v1/configmaps",
    "Secret": "/api/v1/secrets",
    "ServiceAccount": "/api/v1/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "ProjectSettings": "/apis/vteam.ambient-code/v1alpha1/projectsettings",
    "AgenticSession": "/apis/vteam.ambient-code/v1alpha1/agenticsessions",
}
_MADE_BY_KUBERNETES: Final = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
_HANDLE: Final = "ambient-components/handle"


def objects(api: Api) -> set[str]:
    """Kind, namespace, name, labels and role of everything in the benchmark's workspaces, one line each."""
    return {line for kind, path in _KINDS.items() for line in _lines(kind, api.request("GET", path)["items"])}


def _lines(kind: str, items: list[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        metadata = item["metadata"]
        namespace, name, labels = metadata.get("namespace", ""), metadata["name"], metadata.get("labels") or {}
        if not (namespace or name).startswith(PREFIX) or (kind, name) in _MADE_BY_KUBERNETES:
            continue
        if _HANDLE in labels:
            # The last part is of this one token, by design.
            name = name.rpartition("-")[0] + "-*"
        shown = " ".join(f"{key}={value}" for key, value in sorted(labels.items()))
        role = item.get("roleRef", {}).get("name", "")
        yield f"{kind} {namespace}/{name} {shown} {role}".rstrip()


def difference(ours: set[str], plain: set[str], most: int = 10) -> list[str]:
    """What only one of them made, a few lines of it; empty where both made the same."""
    lines = [f"  only ours:  {line}" for line in sorted(ours - plain)]
    lines += [f"  only plain: {line}" for line in sorted(plain - ours)]
    more = len(lines) - most
    return [*lines[:most], f"  and {more} more"] if more > 0 else lines
