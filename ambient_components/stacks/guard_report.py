"""The guard of a stack's workspaces, as declared, and as the cluster has it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from ambient_components.access.effective import CLUSTER_ADMIN
from ambient_components.access.entries import Ledger
from ambient_components.access.role_assignments import PLATFORM, RoleAssignment
from ambient_components.cluster.client import ApiError, Cluster
from ambient_components.cluster.guard_objects import InstalledGuard, read_guard
from ambient_components.cluster.objects import Json, listing, mappings, name, namespace
from ambient_components.cluster.role_reading import WHOLE_CLUSTER, Place, read_roles
from ambient_components.cluster.roles import Needs
from ambient_components.model.guard import Guard
from ambient_components.platform.contract import GUARD_API_GROUP, GUARD_BYPASS
from ambient_components.rules.guard import GuardTopic

IMPERSONATE: Final = ("ClusterRole/admin", "ClusterRole/edit")
"""Kubernetes' own roles. Their subjects may impersonate service accounts, and no admission policy sees who did."""


def guards(ledger: Ledger) -> dict[str, Guard]:
    """Return the declared guards by workspace, sorted."""
    return {name: ledger[name].guard for name in sorted(ledger) if ledger[name].guard.mode}


@dataclass(frozen=True, slots=True)
class GuardReport:
    workspaces: Mapping[str, Guard]
    installed: InstalledGuard | None
    """None if this identity may not read the guard's objects."""
    unbound: tuple[RoleAssignment, ...] = ()
    """Access in guarded workspaces that the guard does not bind, sorted."""

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        ledger: Ledger,
        there: Iterable[RoleAssignment],
        places: Collection[Place] = WHOLE_CLUSTER,
    ) -> Self | None:
        """Read the cluster's guard, and the roles that exempt from it; None if no workspace has one."""
        if not (workspaces := guards(ledger)):
            return None
        others = [item for item in there if item.workspace in workspaces and item.reason != PLATFORM]
        exempt = _exempt(cluster, others, places)
        unbound = (item for item in others if item.role in IMPERSONATE or _role_of(item) in exempt)
        try:
            installed = read_guard(cluster)
        except ApiError as error:
            if error.status != 403:
                raise
            installed = None
        return cls(workspaces, installed, tuple(sorted(unbound)))

    @property
    def is_known_to_lack(self) -> bool:
        """Whether the cluster is known to have no guard, or another one than this version installs."""
        return self.installed is not None and not self.installed.is_whole

    @property
    def is_in_force(self) -> bool:
        """Whether the cluster is known to have the guard, as this version installs it."""
        return self.installed is not None and self.installed.is_whole

    @property
    def status(self) -> str:
        """What the cluster has, in one line."""
        installed = self.installed
        if installed is None:
            return "the guard is not known: this identity may not read admission policies"
        if not installed.is_installed:
            return "the cluster has no guard: no rule applies"
        floor = f"floor {installed.floor}, " if installed.floor else ""
        return f"the guard of version {listing(installed.versions)}, {floor}{installed.differences or 'as installed'}"

    def document(self) -> dict[str, Any]:
        installed = self.installed
        return {
            "versions": None if installed is None else list(installed.versions),
            "floor": None if installed is None else installed.floor,
            "missing": None if installed is None else list(installed.missing),
            "changed": None if installed is None else list(installed.changed),
            "workspaces": [{"workspace": name, **guard.plain()} for name, guard in self.workspaces.items()],
            "unbound": [
                {"workspace": item.workspace, "subject": item.subject, "role": item.role, "reason": item.reason}
                for item in self.unbound
            ],
        }


def _role_of(item: RoleAssignment) -> tuple[str, str]:
    """Return namespace and name of a role in RBAC's notation; the namespace of a ClusterRole is empty."""
    kind, _, role = item.role.partition("/")
    return item.workspace if kind == "Role" else "", role


def _exempt(
    cluster: Cluster, access: Collection[RoleAssignment], places: Collection[Place]
) -> frozenset[tuple[str, str]]:
    """Return the roles that exempt from the guard, such as those with wildcards.

    If this identity may not read roles, that is cluster-admin alone.
    """
    exempt = {_role_of(item) for item in access if item.role == CLUSTER_ADMIN}
    named = {_role_of(item) for item in access if "/" in item.role and item.role not in (*IMPERSONATE, CLUSTER_ADMIN)}
    needs = Needs(
        frozenset(role for role in named if role[0]), frozenset(role for workspace, role in named if not workspace)
    )
    try:
        read = read_roles(cluster, needs, places)
    except ApiError as error:
        if error.status != 403:
            raise
        return frozenset(exempt)
    exempt.update((namespace(role), name(role)) for role in (*read.roles, *read.cluster_roles) if _bypasses(role))
    return frozenset(exempt)


def _bypasses(role: Json) -> bool:
    return any(
        {"*", GUARD_API_GROUP}.intersection(rule["apiGroups"])
        and {"*", GUARD_BYPASS}.intersection(rule["verbs"])
        and {"*", *GuardTopic}.intersection(rule["resources"])
        for rule in mappings(role.get("rules"))
    )
