"""The renewal of ServiceAccounts that the platform and Kubernetes need: others may have minted tokens of them."""

from collections.abc import Mapping
from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.cluster.objects import Json, mappings, name, text, uid
from ambient_components.cluster.revocation import SERVICE_ACCOUNT, end, object_path
from ambient_components.platform.contract import (
    MANAGED,
    MANAGED_LABEL,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    TRIGGER,
)

_API: Final = f"{PLATFORM_API_GROUP}/{PLATFORM_API_VERSION}"


def renew_trigger(cluster: Cluster, namespace: str) -> None:
    """Replace the account with which schedules create sessions, if it exists.

    It is created like the operator does, owned by ProjectSettings; nothing is copied from the old one.

    Raises:
        StepError: The old account still exists, or the new one could not be created.
    """
    if not end(cluster, SERVICE_ACCOUNT, namespace, TRIGGER):
        return
    settings = cluster.get(path("apis", *_API.split("/"), "namespaces", namespace, "projectsettings", PROJECT_SETTINGS))
    if settings is not None:
        owner = {"apiVersion": _API, "kind": "ProjectSettings", "name": PROJECT_SETTINGS, "controller": True}
        owners = [owner | {"uid": uid(settings)}]
        create_account(
            cluster, namespace, {"name": TRIGGER, "labels": {MANAGED_LABEL: MANAGED}, "ownerReferences": owners}
        )


def renew_account(cluster: Cluster, namespace: str, account: Json) -> None:
    """Replace an account that needs no more than its name and its image pull secrets, such as ``default``.

    Args:
        account: The account. A controller may make another one of its name at once.

    Raises:
        StepError: The old account still exists, or the new one could not be created.
    """
    this = name(account)
    end(cluster, SERVICE_ACCOUNT, namespace, this, uid(account))
    create_account(cluster, namespace, {"name": this})
    if pull_secrets := [{"name": text(one.get("name"))} for one in mappings(account.get("imagePullSecrets"))]:
        cluster.patch(object_path(SERVICE_ACCOUNT, namespace, this), {"imagePullSecrets": pull_secrets})


def create_account(cluster: Cluster, namespace: str, metadata: Mapping[str, Any]) -> None:
    """Create an account, unless a controller was faster."""
    try:
        cluster.create(core("namespaces", namespace, "serviceaccounts"), {"metadata": metadata})
    except ApiError as error:
        if error.status != 409:
            raise
