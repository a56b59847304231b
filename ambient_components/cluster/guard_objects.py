"""The guard as a cluster has it: which of its policies and bindings are there, of which version, and changed or not."""

from dataclasses import dataclass

from ambient_components.cluster.client import Cluster, path
from ambient_components.cluster.objects import Json, annotations, labels
from ambient_components.cluster.parallel import in_parallel
from ambient_components.platform.contract import (
    ADMISSION_API_GROUP,
    GUARD_BINDINGS,
    GUARD_DIGEST_ANNOTATION,
    GUARD_LABEL,
    GUARD_POLICIES,
)
from ambient_components.rules.guard import POLICIES, binding_names, policy_name, spec_digest


@dataclass(frozen=True, slots=True)
class InstalledGuard:
    versions: tuple[str, ...] = ()
    """Versions of its objects, sorted: one, but in the middle of an update. Empty if it is not installed."""
    missing: tuple[str, ...] = ()
    """Names of policies and bindings that are not there, sorted."""
    changed: tuple[str, ...] = ()
    """Names of those that are not as they were printed, sorted."""

    @property
    def is_installed(self) -> bool:
        return bool(self.versions)

    @property
    def is_whole(self) -> bool:
        return self.is_installed and not self.missing and not self.changed


def read_guard(cluster: Cluster) -> InstalledGuard:
    """Read the guard's policies and bindings by name; the right to get them is enough."""
    names = [(GUARD_POLICIES, policy_name(policy)) for policy in POLICIES]
    names += [(GUARD_BINDINGS, name) for policy in POLICIES for name in binding_names(policy)]
    items = in_parallel(lambda item: cluster.get(path("apis", ADMISSION_API_GROUP, "v1", *item)), names)
    there = {name: item for (_, name), item in zip(names, items, strict=True) if item is not None}
    return InstalledGuard(
        tuple(sorted({labels(item).get(GUARD_LABEL, "") for item in there.values()})),
        tuple(sorted(name for _, name in names if name not in there)),
        tuple(sorted(name for name, item in there.items() if _is_changed(item))),
    )


def _is_changed(item: Json) -> bool:
    return annotations(item).get(GUARD_DIGEST_ANNOTATION) != spec_digest(item.get("spec"))
