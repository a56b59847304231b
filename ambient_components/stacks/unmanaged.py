"""The workspaces of a cluster that a stack does not declare: those in no stack, and those of other stacks."""

from collections.abc import Collection
from dataclasses import dataclass

from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.objects import annotations, is_ending, name
from ambient_components.platform.contract import MANAGED, MANAGED_LABEL, OWNER_ANNOTATION


@dataclass(frozen=True, slots=True)
class Others:
    """The workspaces that a stack does not declare."""

    unmanaged: tuple[str, ...] = ()
    """Workspaces without an owner, sorted: no stack declares them."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Workspaces of other stacks with their owner, PROJECT/FLEET, sorted."""


def others(cluster: Cluster, owner: str, declared: Collection[str], platform_namespace: str) -> Others:
    """Return the workspaces on the platform's list that a stack does not declare.

    The platform's own namespace may be on its list too, and is none. A namespace that is being deleted is left out.

    Args:
        cluster: The cluster.
        owner: The stack's ownership annotation, PROJECT/FLEET.
        declared: All workspaces of the stack or the fleet.
        platform_namespace: The namespace of the platform itself.

    Raises:
        ApiError: The cluster denies the list of namespaces.
    """
    unmanaged, elsewhere = [], []
    for item in cluster.each(core("namespaces"), f"{MANAGED_LABEL}={MANAGED}"):
        workspace, holder = name(item), annotations(item).get(OWNER_ANNOTATION)
        if workspace == platform_namespace or is_ending(item):
            continue
        if holder and holder != owner:
            elsewhere.append((workspace, holder))
        elif not holder and workspace not in declared:
            unmanaged.append(workspace)
    return Others(tuple(sorted(unmanaged)), tuple(sorted(elsewhere)))
