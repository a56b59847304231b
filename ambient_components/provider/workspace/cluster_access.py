"""Access in the cluster, declared or not: from the platform's UI, or from users who can create RoleBindings."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from ambient_components.cluster import objects
from ambient_components.cluster.client import Cluster, core, path
from ambient_components.cluster.objects import Json, labels, listing, role_ref, short, subjects
from ambient_components.platform.contract import (
    APP_LABEL,
    GRANT_APP,
    KEY_APP,
    LEGACY_GRANT_APP,
    OWNER_ROLE_LABEL,
    RBAC_API_GROUP,
    ROLES,
    cluster_role,
)
from ambient_components.printable import one_line

_PLATFORM_ROLES: Final = {cluster_role(role): role.value for role in ROLES}
_KUBERNETES_ADMIN: Final = "admin"
"""Kubernetes' own ClusterRole, which the platform's manifests extend: it passes all of the platform's checks (contract
5). OpenShift binds it to the creator of a project.
"""

_GRANTS_OR_KEYS: Final = f"{APP_LABEL} in ({GRANT_APP},{LEGACY_GRANT_APP},{KEY_APP})"


@dataclass(frozen=True, slots=True, order=True)
class ExistingAccess:
    """One object that gives access to a workspace."""

    namespace: str
    kind: str
    """RoleBinding or ServiceAccount."""
    name: str
    uid: str
    what: str
    """Description such as ``edit of group:devs``."""

    @property
    def path(self) -> str:
        """API path."""
        if self.kind == "ServiceAccount":
            return core("namespaces", self.namespace, "serviceaccounts", self.name)
        return f"{bindings_path(self.namespace)}/{self.name}"


def bindings_path(namespace: str) -> str:
    """Return the API path of a namespace's RoleBindings."""
    return path("apis", RBAC_API_GROUP, "v1", "namespaces", namespace, "rolebindings")


def listed(
    cluster: Cluster, workspaces: Collection[str], notice: Callable[[ExistingAccess, Json], None] | None = None
) -> list[ExistingAccess]:
    """Return all grants, keys and creator bindings of some workspaces, by the platform's labels, sorted.

    Args:
        cluster: The cluster. All of it is listed, in pages.
        workspaces: Names of the workspaces.
        notice: Called with each object, which is then dropped: 10,000 large ones would not fit into memory.
    """
    bindings = path("apis", RBAC_API_GROUP, "v1", "rolebindings")
    found = set[ExistingAccess]()
    for collection, selector, reading in (
        (bindings, _GRANTS_OR_KEYS, _binding),
        (bindings, f"{OWNER_ROLE_LABEL}=admin", _binding),
        (core("serviceaccounts"), f"{APP_LABEL}={KEY_APP}", _account),
    ):
        for item in cluster.each(collection, selector):
            if objects.namespace(item) not in workspaces:
                continue
            one = reading(item)
            found.add(one)
            if notice:
                notice(one, item)
    return sorted(found)


def inside(cluster: Cluster, namespace: str) -> list[ExistingAccess]:
    """Return all access to one workspace, sorted: bindings of the platform's roles, labelled or not, and keys."""
    bindings = (_binding(item) for item in cluster.each(bindings_path(namespace)) if _gives_access(item))
    accounts = cluster.each(core("namespaces", namespace, "serviceaccounts"), f"{APP_LABEL}={KEY_APP}")
    return sorted({*bindings, *map(_account, accounts)})


def by_namespace(found: Iterable[ExistingAccess]) -> dict[str, list[ExistingAccess]]:
    """Return objects by namespace."""
    groups: dict[str, list[ExistingAccess]] = {}
    for one in found:
        groups.setdefault(one.namespace, []).append(one)
    return groups


def _gives_access(binding: Json) -> bool:
    passes = role_ref(binding) in {f"ClusterRole/{name}" for name in (*_PLATFORM_ROLES, _KUBERNETES_ADMIN)}
    return passes or labels(binding).get(APP_LABEL) in (GRANT_APP, LEGACY_GRANT_APP, KEY_APP)


def _binding(item: Json) -> ExistingAccess:
    role = role_ref(item).partition("/")[2]
    what = one_line(f"{short(_PLATFORM_ROLES.get(role, role))} of {listing(subjects(item)) or 'none'}")
    return _found(item, "RoleBinding", what)


def _account(item: Json) -> ExistingAccess:
    return _found(item, "ServiceAccount", f"key {short(objects.name(item))}")


def _found(item: Json, kind: str, what: str) -> ExistingAccess:
    return ExistingAccess(objects.namespace(item), kind, objects.name(item), objects.uid(item), what)
