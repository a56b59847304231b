"""Who has access in the cluster, declared or not: by the platform's UI, by hand, by whoever may make RoleBindings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster import Cluster, core, path
from ambient_components.contract import (
    APP_LABEL,
    GRANT_APP,
    KEY_APP,
    LEGACY_GRANT_APP,
    OWNER_ROLE_LABEL,
    RBAC_API_GROUP,
    ROLES,
    cluster_role,
)

_PLATFORM_ROLES: Final = {cluster_role(role): role for role in ROLES}
_KUBERNETES_ADMIN: Final = "admin"
"""Kubernetes' own ClusterRole, which the platform's manifests extend: it passes all of the platform's checks (contract
5). OpenShift binds it to whoever made a project."""

_GRANTS_OR_KEYS: Final = f"{APP_LABEL} in ({GRANT_APP},{LEGACY_GRANT_APP},{KEY_APP})"


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One object that gives access to a workspace."""

    namespace: str
    kind: str
    """RoleBinding or ServiceAccount."""
    name: str
    uid: str
    what: str
    """For people: ``edit of group:devs``."""

    @property
    def path(self) -> str:
        """API path."""
        if self.kind == "ServiceAccount":
            return core("namespaces", self.namespace, "serviceaccounts", self.name)
        return f"{bindings_path(self.namespace)}/{self.name}"


def bindings_path(namespace: str) -> str:
    """API path of a namespace's RoleBindings."""
    return path("apis", RBAC_API_GROUP, "v1", "namespaces", namespace, "rolebindings")


def listed(cluster: Cluster) -> list[Found]:
    """Every grant, key and creator binding of the cluster, by the labels that the platform selects on. Sorted."""
    bindings = path("apis", RBAC_API_GROUP, "v1", "rolebindings")
    found = [*cluster.list(bindings, _GRANTS_OR_KEYS), *cluster.list(bindings, f"{OWNER_ROLE_LABEL}=admin")]
    accounts = cluster.list(core("serviceaccounts"), f"{APP_LABEL}={KEY_APP}")
    return sorted({*map(_binding, found), *map(_account, accounts)})


def inside(cluster: Cluster, namespace: str) -> list[Found]:
    """All access to one workspace: what binds a role that the platform honours, labelled or not, and keys. Sorted."""
    bindings = cluster.list(bindings_path(namespace))
    accounts = cluster.list(core("namespaces", namespace, "serviceaccounts"), f"{APP_LABEL}={KEY_APP}")
    return sorted({*map(_binding, filter(_gives_access, bindings)), *map(_account, accounts)})


def by_namespace(found: Iterable[Found]) -> dict[str, list[Found]]:
    """Grouped."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(one.namespace, []).append(one)
    return groups


def _gives_access(binding: Mapping[str, Any]) -> bool:
    role = binding.get("roleRef") or {}
    labels = binding["metadata"].get("labels") or {}
    passes = role.get("kind") == "ClusterRole" and role.get("name") in (*_PLATFORM_ROLES, _KUBERNETES_ADMIN)
    return passes or labels.get(APP_LABEL) in (GRANT_APP, LEGACY_GRANT_APP, KEY_APP)


def _binding(item: Mapping[str, Any]) -> Found:
    metadata = item["metadata"]
    role = str((item.get("roleRef") or {}).get("name"))
    subjects = ", ".join(_subjects(item.get("subjects") or ())) or "nobody"
    what = f"{_PLATFORM_ROLES.get(role, role)} of {subjects}"
    return Found(metadata["namespace"], "RoleBinding", metadata["name"], metadata["uid"], what)


def _account(item: Mapping[str, Any]) -> Found:
    metadata = item["metadata"]
    return Found(metadata["namespace"], "ServiceAccount", metadata["name"], metadata["uid"], f"key {metadata['name']}")


def _subjects(subjects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for subject in subjects:
        space = f"{subject['namespace']}:" if subject.get("namespace") else ""
        yield f"{str(subject.get('kind')).lower()}:{space}{subject.get('name')}"
