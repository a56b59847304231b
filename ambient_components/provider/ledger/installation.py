"""Which installation of the platform the cluster has, and what will have no effect there.

V1 is recognised by its custom resource and its ClusterRoles, V2 by what its control plane writes (contract 6). No
request needs a further right: every identity may read which resources the cluster serves. If the deployer may not read
ClusterRoles, what they would show is unknown.
"""

from collections.abc import Iterator
from typing import Final

from ambient_components.access.entries import Ledger
from ambient_components.cluster.client import ApiError, Cluster, path
from ambient_components.cluster.objects import Json, labels, listing, mappings, name, text_at
from ambient_components.cluster.objects import namespace as namespace_of
from ambient_components.documentation import page
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.contract import (
    CONTROL_PLANE,
    CONTROL_PLANE_BINDING,
    CONTROL_PLANE_LABEL,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_ID_LABEL,
    PROJECT_SETTINGS,
    RBAC_API_GROUP,
    ROLES,
    cluster_role,
)
from ambient_components.rules.warnings import LoudWarning, WarningRule

_SUPPORTED: Final = f"supported installations: {page('project/compatibility', 'installations-of-the-platform')}"
_RESOURCES: Final = path("apis", PLATFORM_API_GROUP, PLATFORM_API_VERSION)
_CLUSTER_ROLES: Final = path("apis", RBAC_API_GROUP, "v1", "clusterroles")
_BINDINGS: Final = path("apis", RBAC_API_GROUP, "v1", "rolebindings")


class Installation:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._projects = set[str]()

    def see(self, namespace: Json) -> None:
        """Note what a namespace shows. Only cluster admins and the platform can write its labels."""
        notes = labels(namespace)
        if notes.get(CONTROL_PLANE_LABEL) == CONTROL_PLANE or PROJECT_ID_LABEL in notes:
            self._projects.add(name(namespace))

    def warnings(self, after: Ledger) -> list[Problem]:
        """Return what will have no effect, after all namespaces were seen."""
        own = {workspace for workspace, entry in after.items() if not entry.is_released}
        if not own:
            return []
        try:
            return [*self._of_cluster(), *self._of_workspaces(own)]
        except StepError as error:
            what = "it is unknown which installation of the platform the cluster has"
            return [error.problem.within(what, rule=LoudWarning.NOT_CHECKED)]

    def _of_cluster(self) -> Iterator[Problem]:
        roles = self._roles()
        missing = [cluster_role(role) for role in ROLES if roles is not None and cluster_role(role) not in roles]
        v2 = bool(self._projects) or CONTROL_PLANE in (roles or ())
        if not self._serves_v1():
            yield _without_v1(v2=v2, roles="unknown" if roles is None else listing(sorted(roles)) or "none")
            return
        if missing:
            yield refusal(
                f"the platform's ClusterRoles {listing(missing)} do not exist: what is granted by them gives no access",
                "apply the platform's manifests (components/manifests/base/rbac)",
                rule=WarningRule.MISSING_ROLES,
            )
        if v2:
            yield refusal(
                "V2 of the platform is installed beside V1: V2's UI and acpctl do not show the workspaces of this "
                "stack, and grants and keys have no effect in V2",
                _SUPPORTED,
                rule=WarningRule.SECOND_PLATFORM,
            )

    def _of_workspaces(self, own: set[str]) -> Iterator[Problem]:
        try:
            # An existing namespace gets this binding, but no labels.
            bound = set(map(namespace_of, self._cluster.each(_BINDINGS, name=CONTROL_PLANE_BINDING, metadata=True)))
        except StepError:  # reported with the access, which comes from the same list
            bound = set()
        for workspace in sorted(own & (self._projects | bound)):
            yield refusal(
                f"workspace {workspace!r}: V2's control plane has a project for this namespace: when the project or "
                "one of its sessions is deleted in V2, it deletes the namespace with all that is in it, if it may",
                f"check that the account {CONTROL_PLANE} has no right to delete namespaces",
                "or give the project in V2 another name",
                rule=WarningRule.CONTROL_PLANE,
                workspaces=(workspace,),
            )

    def _serves_v1(self) -> bool:
        served = self._cluster.get(_RESOURCES) or {}
        return any(text_at(item, "name") == PROJECT_SETTINGS for item in mappings(served.get("resources")))

    def _roles(self) -> set[str] | None:
        """Return the platform's existing ClusterRoles; None if the deployer may not read them."""
        names = (*map(cluster_role, ROLES), CONTROL_PLANE)
        try:
            return {name for name in names if self._cluster.get(f"{_CLUSTER_ROLES}/{name}") is not None}
        except ApiError as error:
            if error.status == 403:
                return None
            raise


def _without_v1(*, v2: bool, roles: str) -> Problem:
    if v2:
        return refusal(
            "only V2 of the platform was found: the grants, keys, secrets, storage and settings of this stack have no "
            "effect there",
            "use acpctl for V2, or install V1 (backend, operator, CRDs)",
            _SUPPORTED,
            rule=WarningRule.UNSUPPORTED_PLATFORM,
        )
    return refusal(
        f"no installation of the platform was found: the cluster does not serve {PROJECT_SETTINGS}.{PLATFORM_API_GROUP}"
        f" (the platform's ClusterRoles: {roles}), so nothing shows these workspaces or starts sessions in them",
        "check the context of the kubeconfig, or install the platform",
        _SUPPORTED,
        rule=WarningRule.NO_PLATFORM,
    )
