"""The first step of every run: access that ends is removed before anything new is created (`access.endings`)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ambient_components.access import Ending, Expected, Ledger, endings
from ambient_components.cluster.client import ApiError, Cluster
from ambient_components.cluster.revocation import ROLE_BINDING, end, object_path
from ambient_components.failure import StepError
from ambient_components.platform.contract import RBAC_API_GROUP, cluster_role
from ambient_components.provider.protocol.resource import Context

_AT_ONCE: Final = 16


def end_first(context: Context, before: Ledger, after: Ledger) -> None:
    """End all access that the ledger loses, in all workspaces.

    A failure is only a warning: the object's own resource deletes it later in the run, and fails if it still exists.

    Args:
        context: Context of the ledger's update.
        before: The deployed ledger.
        after: The new ledger.
    """
    todo = [
        (name, one) for name in sorted(before.keys() & after.keys()) for one in endings(name, before[name], after[name])
    ]
    if not todo:
        return
    cluster = context.guard.cluster
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for note, warning in pool.map(lambda job: _end(cluster, *job), todo):
            if note:
                context.note(note)
            if warning:
                context.warn(warning)


def _end(cluster: Cluster, workspace: str, one: Ending) -> tuple[str | None, str | None]:
    try:
        for binding in one.after:
            _ensure(cluster, workspace, binding)
        ended = end(cluster, one.kind, workspace, one.name)
    except StepError as error:
        return None, f"workspace {workspace!r}: could not end {one.what} at the start of this run: {error}"
    return (f"{workspace}: ended {one.what}" if ended else None), None


def _ensure(cluster: Cluster, workspace: str, binding: Expected) -> None:
    """Create the binding of a lowered role, so that access is not interrupted; its resource completes it."""
    if binding.role is None or binding.subject is None:
        return
    path = object_path(ROLE_BINDING, workspace, binding.name)
    body = {
        "apiVersion": f"{RBAC_API_GROUP}/v1",
        "kind": ROLE_BINDING,
        "metadata": {"name": binding.name, "namespace": workspace},
        "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": cluster_role(binding.role)},
        "subjects": [binding.subject.rbac_subject()],
    }
    try:
        cluster.create(path.rpartition("/")[0], body)
    except ApiError as error:
        if error.status != 409:
            raise
