"""The guard as a cluster has it: which of its policies and bindings are there, of which version, and changed or not."""

from collections.abc import Mapping
from dataclasses import dataclass

from ambient_components._version import VERSION
from ambient_components.cluster.client import Cluster, path
from ambient_components.cluster.objects import Json, annotations, labels, listing, mapping
from ambient_components.cluster.parallel import in_parallel
from ambient_components.platform.contract import (
    ADMISSION_API_GROUP,
    GUARD_BINDINGS,
    GUARD_DIGEST_ANNOTATION,
    GUARD_LABEL,
    GUARD_POLICIES,
)
from ambient_components.rules.guard import (
    POLICIES,
    GuardMode,
    binding_names,
    floor_binding_name,
    policy_name,
    spec_digest,
)


@dataclass(frozen=True, slots=True)
class InstalledGuard:
    versions: tuple[str, ...] = ()
    """Versions of its objects, sorted: one, but in the middle of an update. Empty if it is not installed."""
    missing: tuple[str, ...] = ()
    """Names of policies and bindings that are not there, sorted."""
    changed: tuple[str, ...] = ()
    """Names of those that are not as they were printed, sorted."""
    floor: GuardMode | None = None
    """Mode that every workspace has at least; None without one."""

    @property
    def is_installed(self) -> bool:
        return bool(self.versions)

    @property
    def is_whole(self) -> bool:
        return self.is_installed and not (self.missing or self.changed or self.other_versions)

    @property
    def differences(self) -> str:
        """What of it is not as this version installs it, in one line; empty if nothing."""
        parts = {"gone": self.missing, "changed": self.changed, f"not of version {VERSION}": self.other_versions}
        return "; ".join(f"{what}: {listing(names)}" for what, names in parts.items() if names)

    @property
    def other_versions(self) -> tuple[str, ...]:
        """Its versions that are not this one, sorted: what their rules refuse is not known here."""
        return tuple(version for version in self.versions if version != VERSION)


def read_guard(cluster: Cluster) -> InstalledGuard:
    """Read the guard's policies and bindings by name; the right to get them is enough."""
    names = [(GUARD_POLICIES, policy_name(policy)) for policy in POLICIES]
    bindings = {
        name for policy in POLICIES for floor in (None, GuardMode.AUDIT) for name in binding_names(policy, floor)
    }
    names += [(GUARD_BINDINGS, name) for name in bindings]
    items = in_parallel(lambda item: cluster.get(path("apis", ADMISSION_API_GROUP, "v1", *item)), names)
    there = {name: item for (_, name), item in zip(names, items, strict=True) if item is not None}
    floor = _floor(there)
    expected = {name for kind, name in names if kind == GUARD_POLICIES}
    expected.update(name for policy in POLICIES for name in binding_names(policy, floor))
    return InstalledGuard(
        tuple(sorted({labels(item).get(GUARD_LABEL, "") for item in there.values()})),
        tuple(sorted(expected - there.keys())),
        tuple(sorted(name for name, item in there.items() if _is_changed(item))),
        floor,
    )


def has_floor(cluster: Cluster) -> bool:
    """Return whether the guard has a floor, by one of its bindings: one request."""
    name = floor_binding_name(next(iter(POLICIES)))
    return cluster.get(path("apis", ADMISSION_API_GROUP, "v1", GUARD_BINDINGS, name), metadata=True) is not None


def _floor(there: Mapping[str, Json]) -> GuardMode | None:
    """Return the weakest mode of a floor's bindings; they differ in the middle of an update alone."""
    names = {floor_binding_name(policy) for policy in POLICIES}
    actions = [
        mapping(item.get("spec")).get("validationActions") or () for name, item in there.items() if name in names
    ]
    if not actions:
        return None
    if any("Deny" not in each and "Warn" not in each for each in actions):
        return GuardMode.AUDIT
    return GuardMode.DENY if all("Deny" in each for each in actions) else GuardMode.WARN


def _is_changed(item: Json) -> bool:
    return annotations(item).get(GUARD_DIGEST_ANNOTATION) != spec_digest(item.get("spec"))
