"""The workspaces of a cluster that a stack does not declare: those in no stack, and those of other stacks."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.objects import annotations, is_ending, name
from ambient_components.platform.contract import MANAGED, MANAGED_LABEL, OWNER_ANNOTATION

_ANNOTATED: Final = "has this stack's ownership annotation, and the stack does not declare it"


@dataclass(frozen=True, slots=True)
class Others:
    """The workspaces that a stack does not declare."""

    unmanaged: tuple[str, ...] = ()
    """Workspaces that no stack declares, sorted."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Workspaces of other stacks with their owner, PROJECT/FLEET, sorted."""
    annotated: tuple[str, ...] = ()
    """Those in `unmanaged` with this stack's ownership annotation, sorted: its state, or an entry of it, was lost."""
    acknowledged: tuple[str, ...] = ()
    """Workspaces in no stack that the stack file acknowledges, sorted. Not in `unmanaged`."""

    def reason(self, workspace: str) -> str:
        """Return why an unmanaged workspace is in no stack. Empty if it has no owner."""
        return _ANNOTATED if workspace in self.annotated else ""


def others(
    cluster: Cluster,
    owner: str,
    declared: Collection[str],
    platform_namespace: str,
    acknowledged: Collection[str] = (),
    *,
    is_shard: bool = False,
) -> Others:
    """Return the workspaces on the platform's list that a stack does not declare.

    The platform's own namespace may be on its list too, and is none. A namespace that is being deleted is left out.
    """
    unmanaged, annotated, known = list[str](), list[str](), list[str]()
    elsewhere = []
    for item in cluster.each(core("namespaces"), f"{MANAGED_LABEL}={MANAGED}"):
        workspace, holder = name(item), annotations(item).get(OWNER_ANNOTATION)
        if workspace == platform_namespace or is_ending(item):
            continue
        if holder and holder != owner:
            elsewhere.append((workspace, holder))
        elif workspace in declared:
            continue
        elif not holder:
            (known if workspace in acknowledged else unmanaged).append(workspace)
        elif not is_shard:
            annotated.append(workspace)
    everyone = tuple(sorted(unmanaged + annotated))
    return Others(everyone, tuple(sorted(elsewhere)), tuple(sorted(annotated)), tuple(sorted(known)))
