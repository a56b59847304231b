"""The only way to end access: remove what an object grants, delete it, and check that it is gone.

A finalizer keeps an object and its access after a deletion, and all users who can patch the object can add one. So one
request first removes a RoleBinding's subjects and the finalizers of any object. For an object that is being deleted,
the API server refuses new finalizers, so removing them again deletes it permanently.
"""

from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.errors import StepError
from ambient_components.platform.contract import RBAC_API_GROUP

ROLE_BINDING: Final = "RoleBinding"
ROLE: Final = "Role"
SERVICE_ACCOUNT: Final = "ServiceAccount"
SECRET: Final = "Secret"  # noqa: S105  # a kind

_TRIES: Final = 5
"""Rounds in which others may recreate the object, before the step fails."""


def object_path(kind: str, namespace: str, name: str) -> str:
    """Return the API path of an object that carries access: a RoleBinding, a Role, a ServiceAccount or a Secret."""
    if kind in (ROLE_BINDING, ROLE):
        return path("apis", RBAC_API_GROUP, "v1", "namespaces", namespace, f"{kind.lower()}s", name)
    collection = {SERVICE_ACCOUNT: "serviceaccounts", SECRET: "secrets"}[kind]
    return core("namespaces", namespace, collection, name)


def end(cluster: Cluster, kind: str, namespace: str, name: str, uid: str | None = None) -> bool:
    """Delete an object that carries access, despite finalizers.

    Args:
        kind: RoleBinding, Role, ServiceAccount or Secret.
        uid: Delete only the object with this uid; None deletes any object of this name.

    Returns:
        Whether the object existed.

    Raises:
        StepError: The object still exists, or the cluster refuses.
    """
    where = object_path(kind, namespace, name)
    found = False
    for _ in range(_TRIES):
        item = cluster.get(where, metadata=True)
        if item is None or (uid is not None and item["metadata"]["uid"] != uid):
            return found
        found = True
        this = str(item["metadata"]["uid"])
        _neutralise(cluster, kind, where, item)
        cluster.delete(where, this)
    if cluster.get(where, metadata=True) is None:
        return found
    msg = (
        f"{kind} {namespace}/{name} is still there after {_TRIES} deletions: something makes it again, or keeps it. "
        "Find who may write to this namespace (ambient access --live), and run again"
    )
    raise StepError(msg)


def _neutralise(cluster: Cluster, kind: str, where: str, item: dict[str, Any]) -> None:
    """Remove what the object grants, and its finalizers."""
    metadata: dict[str, Any] = {"uid": item["metadata"]["uid"], "finalizers": None}
    if kind == ROLE_BINDING and _patched(cluster, where, {"metadata": metadata, "subjects": []}):
        return
    # Without the right to bind its role, the API server lets us change only a binding's finalizers.
    if item["metadata"].get("finalizers"):
        _patched(cluster, where, {"metadata": metadata})


def _patched(cluster: Cluster, where: str, body: dict[str, Any]) -> bool:
    try:
        cluster.patch(where, body, metadata=True)
    except ApiError as error:
        # Deleted or replaced since: the next round handles it. 403 and 422: a change that is not allowed.
        if error.status in (403, 404, 409, 422):
            return False
        raise
    return True
