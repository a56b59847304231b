"""Access in the cluster, declared or not: from the platform's UI, or from users who can create RoleBindings."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from ambient_components.access.platform_own import claims_to_be_own_account
from ambient_components.access.recognition import Recognition, is_labelled, needs_of, public_subjects, small
from ambient_components.cluster import objects
from ambient_components.cluster.client import Cluster, core, path
from ambient_components.cluster.objects import Json, labels, listing, role_ref, short, subjects
from ambient_components.cluster.role_reading import read_roles
from ambient_components.platform.contract import (
    APP_LABEL,
    KEY_APP,
    RBAC_API_GROUP,
    ROLES,
    cluster_role,
)
from ambient_components.printable import one_line, quoted

_PLATFORM_ROLES: Final = {cluster_role(role): role.value for role in ROLES}
_ADMINS: Final = ("admin", "cluster-admin")


@dataclass(frozen=True, slots=True, order=True)
class ExistingAccess:
    namespace: str
    kind: str
    """RoleBinding or ServiceAccount."""
    name: str
    uid: str
    what: str
    """Description such as ``edit of group:devs``."""
    subjects: tuple[str, ...] = ()
    """Subjects of a RoleBinding, if `what` names all of them."""
    public: tuple[str, ...] = ()
    """Subjects of a RoleBinding that are groups of everyone."""
    acknowledgeable: bool = False
    """Whether `what` says all that the object gives, and no workspace user can make it more, and it is not admin."""
    is_admin: bool = False


def listed(
    cluster: Cluster, workspaces: Collection[str], notice: Callable[[str, Json], None] | None = None
) -> list[ExistingAccess]:
    """Return all access to workspaces but the platform's own. `notice` gets each object: memory can't hold them all."""
    bindings, accounts = dict[ExistingAccess, Json](), dict[ExistingAccess, Json]()
    existing = set[ExistingAccess]()
    for item in cluster.each(path("apis", RBAC_API_GROUP, "v1", "rolebindings")):
        if objects.namespace(item) in workspaces:
            access = _binding(item)
            if not is_labelled(item):
                # The platform's pages do not show it, so a reader needs its name.
                kind = "Role/" if role_ref(item).startswith("Role/") else ""
                access = replace(access, what=f"{kind}{access.what} ({access.kind} {one_line(short(access.name))})")
            bindings[access] = small(item)
            if notice:
                notice("RoleBinding", item)
    for item in cluster.each(core("serviceaccounts"), metadata=True):
        if objects.namespace(item) not in workspaces:
            continue
        if labels(item).get(APP_LABEL) == KEY_APP:
            existing.add(_account(item))
        elif claims_to_be_own_account(item):
            accounts[_unowned(item)] = small(item)
        if notice:
            notice("ServiceAccount", item)
    known = Recognition.of(read_roles(cluster, needs_of(bindings.values(), accounts.values())))
    existing |= {access for access, item in bindings.items() if known.gives_access(item)}
    existing |= {access for access, item in accounts.items() if not known.own.has_account(item)}
    return sorted(existing)


def by_namespace(accesses: Iterable[ExistingAccess]) -> dict[str, list[ExistingAccess]]:
    groups: dict[str, list[ExistingAccess]] = {}
    for access in accesses:
        groups.setdefault(access.namespace, []).append(access)
    return groups


def _binding(item: Json) -> ExistingAccess:
    kind, _, role = role_ref(item).partition("/")
    named, public = subjects(item), tuple(public_subjects(item))
    shown = _PLATFORM_ROLES.get(role, role)
    what = one_line(f"{short(shown)} of {listing([quoted(short(subject)) for subject in named]) or 'none'}")
    # The rules of a Role can be changed later, a long list is shortened, and Kubernetes has roles of the same names.
    is_whole = len(named) <= objects.SHOWN and all(word == short(word) for word in (*named, role))
    is_admin = kind == "ClusterRole" and shown in _ADMINS
    of_cluster = kind == "ClusterRole" and not is_admin and role not in _PLATFORM_ROLES.values()
    acknowledgeable = is_whole and of_cluster and not public
    access = _found(item, "RoleBinding", what)
    shown_subjects = tuple(named) if len(named) <= objects.SHOWN else ()
    return replace(access, subjects=shown_subjects, public=public, acknowledgeable=acknowledgeable, is_admin=is_admin)


def _account(item: Json) -> ExistingAccess:
    return replace(_found(item, "ServiceAccount", f"key {short(objects.name(item))}"), acknowledgeable=True)


def _unowned(item: Json) -> ExistingAccess:
    what = f"account {short(objects.name(item))}, which has the name of one of the platform's and not its owner"
    return _found(item, "ServiceAccount", what)


def _found(item: Json, kind: str, what: str) -> ExistingAccess:
    return ExistingAccess(objects.namespace(item), kind, objects.name(item), objects.uid(item), what)
