"""The one way in which access ends: take away what an object gives, delete it, and look whether it is gone.

A finalizer keeps an object, and the access that it gives, after its deletion, and everybody who may patch an object may
add one. So a RoleBinding first loses its subjects and every object its finalizers, in one request. Once an object is
being deleted the API server refuses new finalizers, so taking them away again ends the object for good.
"""

from typing import Any, Final

from ambient_components.cluster import ApiError, Cluster, core, path
from ambient_components.contract import RBAC_API_GROUP
from ambient_components.failure import StepError

ROLE_BINDING: Final = "RoleBinding"
SERVICE_ACCOUNT: Final = "ServiceAccount"
SECRET: Final = "Secret"  # noqa: S105  # a kind

_TRIES: Final = 5
"""Rounds in which somebody may make the object again before the step fails."""


def object_path(kind: str, namespace: str, name: str) -> str:
    """Return the API path of an object that carries access: a RoleBinding, a ServiceAccount or a Secret."""
    if kind == ROLE_BINDING:
        return path("apis", RBAC_API_GROUP, "v1", "namespaces", namespace, "rolebindings", name)
    collection = {SERVICE_ACCOUNT: "serviceaccounts", SECRET: "secrets"}[kind]
    return core("namespaces", namespace, collection, name)


def end(cluster: Cluster, kind: str, namespace: str, name: str, uid: str | None = None) -> bool:
    """End one object that carries access, whatever keeps it.

    Args:
        cluster: The cluster.
        kind: RoleBinding, ServiceAccount or Secret.
        namespace: The object's namespace.
        name: The object's name.
        uid: The one object to end; another one of that name is left alone. None ends whatever has the name.

    Returns:
        Whether there was such an object.

    Raises:
        StepError: It is still there, or the cluster refuses.
    """
    where = object_path(kind, namespace, name)
    found = False
    for _ in range(_TRIES):
        item = cluster.get(where)
        if item is None or (uid is not None and item["metadata"]["uid"] != uid):
            return found
        found = True
        this = str(item["metadata"]["uid"])
        _neutralise(cluster, kind, where, item)
        cluster.delete(where, this)
    if cluster.get(where) is None:
        return found
    msg = (
        f"{kind} {namespace}/{name} is still there after {_TRIES} deletions: somebody makes it again, or keeps it. "
        "Find who may write to this namespace (ambient access --live), and run again"
    )
    raise StepError(msg)


def _neutralise(cluster: Cluster, kind: str, where: str, item: dict[str, Any]) -> None:
    """Take away what the object gives, and what would keep it."""
    metadata: dict[str, Any] = {"uid": item["metadata"]["uid"], "finalizers": None}
    if kind == ROLE_BINDING and _patched(cluster, where, {"metadata": metadata, "subjects": []}):
        return
    # The API server lets us change no binding of a role that we may not bind, but for its finalizers.
    if item["metadata"].get("finalizers"):
        _patched(cluster, where, {"metadata": metadata})


def _patched(cluster: Cluster, where: str, body: dict[str, Any]) -> bool:
    try:
        cluster.patch(where, body)
    except ApiError as error:
        # Gone, or another object of this name by now: the next round sees it. 403 and 422: not ours to change.
        if error.status in (403, 404, 409, 422):
            return False
        raise
    return True
