"""A quota that refuses new access in a namespace while its access ends.

Remaining access can create more while other access ends: bindings, accounts and Secrets, faster than they are deleted.
No role of a workspace may write quotas, so the API server refuses the creations of everyone, until the quota is gone.
"""

from typing import Final

from ambient_components.cluster.client import ApiError, Cluster, core
from ambient_components.platform.contract import CLOSING_QUOTA

_NONE: Final = {
    "count/rolebindings.rbac.authorization.k8s.io": "0",
    "count/roles.rbac.authorization.k8s.io": "0",
    "count/serviceaccounts": "0",
    "count/secrets": "0",
}


def freeze(cluster: Cluster, namespace: str) -> None:
    """Refuse new RoleBindings, Roles, ServiceAccounts and Secrets. The API server learns of it within a moment."""
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": CLOSING_QUOTA}, "spec": {"hard": _NONE}}
    try:
        cluster.create(core("namespaces", namespace, "resourcequotas"), body)
    except ApiError as error:
        if error.status != 409:  # an interrupted run left it
            raise


def thaw(cluster: Cluster, namespace: str) -> None:
    cluster.delete(core("namespaces", namespace, "resourcequotas", CLOSING_QUOTA))
