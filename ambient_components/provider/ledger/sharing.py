"""What people may share in guarded workspaces that close or open: written before the run ends or makes any access.

The guard's own patch repeats it later in the run (ADR 0031). Without this step, what closing ends could be shared again
before the patch.
"""

from collections.abc import Iterable
from typing import Any

from ambient_components.access.entries import Ledger
from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.objects import Json, annotations, labels, mapping, mappings
from ambient_components.cluster.parallel import in_parallel
from ambient_components.errors import Problem, StepError
from ambient_components.platform.contract import GUARD_MANAGER, GUARD_SHARING_ANNOTATION
from ambient_components.provider.protocol.resource import Context
from ambient_components.rules.guard import GuardSharing
from ambient_components.rules.warnings import LoudWarning


def write_sharing(context: Context, workspaces: Iterable[str], after: Ledger) -> None:
    """Write what people may share in these workspaces: nothing in closed ones.

    A failure is only a warning: the patch of the guard follows.
    """
    todo = [
        (name, GuardSharing.NONE if after[name].is_closed else after[name].guard.sharing)
        for name in sorted(workspaces)
        if name in after and after[name].guard.mode
    ]
    if not todo:
        return
    cluster = context.guard.cluster
    for warning in in_parallel(lambda job: _write(cluster, *job), todo):
        if warning:
            context.warn(LoudWarning.NOT_DONE, warning)


def _write(cluster: Cluster, workspace: str, sharing: GuardSharing) -> Problem | None:
    where = core("namespaces", workspace)
    try:
        item = cluster.get(where, metadata=True)
        metadata = _of_guard(item)
        if metadata and metadata["annotations"].get(GUARD_SHARING_ANNOTATION) != sharing:
            metadata["annotations"][GUARD_SHARING_ANNOTATION] = str(sharing)
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": workspace, **metadata}}
            cluster.apply(where, body, GUARD_MANAGER)
    except StepError as error:
        return error.problem.within(f"workspace {workspace!r}: could not write its sharing at the start of this run")
    return None


def _of_guard(item: Json | None) -> dict[str, Any]:
    """Return the labels and annotations of the guard's patch, as they are; empty where the guard is not."""
    managers = mappings(mapping(mapping(item).get("metadata")).get("managedFields"))
    patch = next(
        (entry for entry in managers if (entry.get("manager"), entry.get("operation")) == (GUARD_MANAGER, "Apply")),
        None,
    )
    if patch is None:
        return {}
    owned = mapping(mapping(patch.get("fieldsV1")).get("f:metadata"))
    values = {"labels": labels(item), "annotations": annotations(item)}
    return {
        part: {name: there[name] for name in there if f"f:{name}" in mapping(owned.get(f"f:{part}"))}
        for part, there in values.items()
    }
