"""The guard of a stack's workspaces, as declared, and as the cluster has it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from ambient_components.access.effective import CLUSTER_ADMIN
from ambient_components.access.entries import Ledger
from ambient_components.access.role_assignments import PLATFORM, RoleAssignment
from ambient_components.cluster.client import ApiError, Cluster, path
from ambient_components.cluster.guard_objects import InstalledGuard, has_floor, read_guard
from ambient_components.cluster.objects import (
    Json,
    annotations,
    listing,
    mappings,
    name,
    namespace,
    role_ref,
    short,
    subjects,
)
from ambient_components.cluster.role_reading import WHOLE_CLUSTER, Place, read_roles
from ambient_components.cluster.roles import Needs, small_role
from ambient_components.model.guard import Guard
from ambient_components.platform.contract import (
    GUARD_API_GROUP,
    GUARD_BYPASS,
    GUARD_DIGEST_ANNOTATION,
    RBAC_API_GROUP,
)
from ambient_components.rules.guard import GuardTopic, spec_digest

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
    everywhere: tuple[RoleAssignment, ...] | None = None
    """The same by ClusterRoleBindings, but for those of the guard's manifest. None if they may not be listed."""

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        ledger: Ledger,
        there: Iterable[RoleAssignment],
        places: Collection[Place] = WHOLE_CLUSTER,
    ) -> Self | None:
        """Read the cluster's guard, and the roles that exempt from it; None if no workspace has one.

        A floor of the cluster's guard counts, also for workspaces without the field.
        """
        try:
            installed = read_guard(cluster) if guards(ledger) or has_floor(cluster) else None
        except ApiError as error:
            if error.status != 403:
                raise
            installed = None
        read = cls({}, installed)
        workspaces = {
            name: guard for name, entry in sorted(ledger.items()) if (guard := read.above_floor(entry.guard)).mode
        }
        if not workspaces:
            return None
        others = [item for item in there if item.workspace in workspaces and item.reason != PLATFORM]
        exempt = _exempt(cluster, others, places)
        unbound = (item for item in others if item.role in IMPERSONATE or _role_of(item) in exempt)
        return cls(workspaces, installed, tuple(sorted(unbound)), _everywhere(cluster))

    def above_floor(self, guard: Guard) -> Guard:
        """Return what holds where a workspace declares this guard."""
        return guard.above(self.installed.floor) if self.installed and self.is_in_force else guard

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
            "everywhere": None
            if self.everywhere is None
            else [{"subject": item.subject, "role": item.role, "reason": item.reason} for item in self.everywhere],
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


def _everywhere(cluster: Cluster) -> tuple[RoleAssignment, ...] | None:
    """Return the access by ClusterRoleBindings that exempts, as in every workspace; None if it may not be listed."""
    rbac = ("apis", RBAC_API_GROUP, "v1")
    try:
        roles = {
            f"ClusterRole/{name(role)}"
            for role in cluster.each(path(*rbac, "clusterroles"))
            if _bypasses(small_role(role))
        }
        bindings = [item for item in cluster.each(path(*rbac, "clusterrolebindings")) if role_ref(item) in roles]
    except ApiError as error:
        if error.status != 403:
            raise
        return None
    return tuple(
        sorted(
            RoleAssignment("", short(subject), short(role_ref(item)), f"ClusterRoleBinding {short(name(item))}")
            for item in bindings
            if not _is_as_printed(item)
            for subject in subjects(item)
            # No authorizer is asked of this group.
            if subject != "group:system:masters"
        )
    )


def _is_as_printed(binding: Json) -> bool:
    printed = spec_digest({part: binding.get(part) for part in ("roleRef", "subjects")})
    return annotations(binding).get(GUARD_DIGEST_ANNOTATION) == printed


def _bypasses(role: Json) -> bool:
    return any(
        {"*", GUARD_API_GROUP}.intersection(rule["apiGroups"])
        and {"*", GUARD_BYPASS}.intersection(rule["verbs"])
        and {"*", *GuardTopic}.intersection(rule["resources"])
        for rule in mappings(role.get("rules"))
    )
