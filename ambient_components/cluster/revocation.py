"""How access ends, in one way: remove what an object grants, delete it, and check that it is gone.

A finalizer keeps an object and its access after a deletion, and all users who can patch the object can add one. So one
request first removes a RoleBinding's subjects and the finalizers of any object. For an object that is being deleted,
the API server refuses new finalizers, so removing them again deletes it permanently.

ServiceAccounts that the platform and Kubernetes need are made again: others may have minted tokens of them.
"""

from collections.abc import Mapping
from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core, of_platform, path
from ambient_components.cluster.objects import Json, mappings, name, text, uid
from ambient_components.errors import StepError
from ambient_components.platform.contract import (
    CLOSING_QUOTA,
    MANAGED,
    MANAGED_LABEL,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    RBAC_API_GROUP,
    TRIGGER,
)

ROLE_BINDING: Final = "RoleBinding"
ROLE: Final = "Role"
SERVICE_ACCOUNT: Final = "ServiceAccount"
SECRET: Final = "Secret"  # noqa: S105  # a kind

_NONE: Final = {
    "count/rolebindings.rbac.authorization.k8s.io": "0",
    "count/roles.rbac.authorization.k8s.io": "0",
    "count/serviceaccounts": "0",
    "count/secrets": "0",
}

_API: Final = f"{PLATFORM_API_GROUP}/{PLATFORM_API_VERSION}"

_TRIES: Final = 5
"""Rounds in which others may recreate the object, before the step fails."""


def object_path(kind: str, namespace: str, name: str) -> str:
    if kind in (ROLE_BINDING, ROLE):
        return path("apis", RBAC_API_GROUP, "v1", "namespaces", namespace, f"{kind.lower()}s", name)
    collection = {SERVICE_ACCOUNT: "serviceaccounts", SECRET: "secrets"}[kind]
    return core("namespaces", namespace, collection, name)


def end(cluster: Cluster, kind: str, namespace: str, name: str, uid: str | None = None) -> bool:
    """Delete an object that carries access, despite finalizers, and tell whether it existed. Another uid stays."""
    where = object_path(kind, namespace, name)
    existed = False
    for _ in range(_TRIES):
        item = cluster.get(where, metadata=True)
        if item is None or (uid is not None and item["metadata"]["uid"] != uid):
            return existed
        existed = True
        this = str(item["metadata"]["uid"])
        _neutralise(cluster, kind, where, item)
        cluster.delete(where, this)
    if cluster.get(where, metadata=True) is None:
        return existed
    msg = (
        f"{kind} {namespace}/{name} is still there after {_TRIES} deletions: something makes it again, or keeps it. "
        "Find who may write to this namespace (ambient access --live), and run again"
    )
    raise StepError(msg)


def _neutralise(cluster: Cluster, kind: str, where: str, item: dict[str, Any]) -> None:
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


def renew_trigger(cluster: Cluster, namespace: str) -> None:
    """Replace the account with which schedules create sessions, if it exists.

    It is created like the operator does, owned by ProjectSettings; nothing is copied from the old one.
    """
    if not end(cluster, SERVICE_ACCOUNT, namespace, TRIGGER):
        return
    settings = cluster.get(of_platform(namespace, "projectsettings", PROJECT_SETTINGS))
    if settings is not None:
        owner = {"apiVersion": _API, "kind": "ProjectSettings", "name": PROJECT_SETTINGS, "controller": True}
        owners = [owner | {"uid": uid(settings)}]
        create_account(
            cluster, namespace, {"name": TRIGGER, "labels": {MANAGED_LABEL: MANAGED}, "ownerReferences": owners}
        )


def renew_account(cluster: Cluster, namespace: str, account: Json) -> None:
    """Replace an account that needs only its name and image pull secrets; a controller may make it again at once."""
    this = name(account)
    end(cluster, SERVICE_ACCOUNT, namespace, this, uid(account))
    create_account(cluster, namespace, {"name": this})
    if pull_secrets := [{"name": text(secret.get("name"))} for secret in mappings(account.get("imagePullSecrets"))]:
        cluster.patch(object_path(SERVICE_ACCOUNT, namespace, this), {"imagePullSecrets": pull_secrets})


def create_account(cluster: Cluster, namespace: str, metadata: Mapping[str, Any]) -> None:
    try:
        cluster.create(core("namespaces", namespace, "serviceaccounts"), {"metadata": metadata})
    except ApiError as error:
        if error.status != 409:
            raise


def freeze(cluster: Cluster, namespace: str) -> None:
    """Refuse new RoleBindings, Roles, ServiceAccounts and Secrets in a namespace while its access ends.

    Remaining access can create more, faster than it is deleted. No role of a workspace may write quotas, so the API
    server refuses the creations of everyone, within a moment and until the quota is gone.
    """
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": CLOSING_QUOTA}, "spec": {"hard": _NONE}}
    try:
        cluster.create(core("namespaces", namespace, "resourcequotas"), body)
    except ApiError as error:
        if error.status != 409:  # an interrupted run left it
            raise


def thaw(cluster: Cluster, namespace: str) -> None:
    cluster.delete(core("namespaces", namespace, "resourcequotas", CLOSING_QUOTA))
