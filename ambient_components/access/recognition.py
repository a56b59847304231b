"""What tells access to a workspace from the platform's own bindings, and from bindings that give nothing of it.

A binding that no file declares is access unless it is the platform's own (`platform_own`), or the rules of its role
give nothing of a workspace: reading what is no secret, events, leases. What is not known counts as access.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ambient_components.access.platform_own import (
    PlatformOwn,
    claims_to_be_own,
    claims_to_be_own_account,
    rights_of_rules,
)
from ambient_components.cluster import objects
from ambient_components.cluster.objects import Json, mapping, mappings, text
from ambient_components.cluster.roles import Needs, RoleObjects, owners
from ambient_components.platform.contract import (
    APP_LABEL,
    GRANT_APP,
    KEY_APP,
    LEGACY_GRANT_APP,
    MANAGED_LABEL,
    OWNER_ROLE_LABEL,
    ROLES,
    TRIGGER,
    cluster_role,
)
from ambient_components.platform.subjects import who_is_meant

_ACCESS: Final = frozenset({*map(cluster_role, ROLES), "admin", "edit", "view", "cluster-admin"})
"""ClusterRoles of the platform and of Kubernetes that are access, without reading their rules. The platform's manifests
extend `admin`, so that it passes all of the platform's checks (contract 5).
"""

_NOTHING: Final = PlatformOwn()

_APPS: Final = frozenset({GRANT_APP, LEGACY_GRANT_APP, KEY_APP})

_READING: Final = frozenset({"get", "list", "watch"})
_READABLE: Final = {
    "": "bindings componentstatuses endpoints events limitranges namespaces nodes persistentvolumeclaims "
    "replicationcontrollers resourcequotas services",
    "apps": "controllerrevisions daemonsets deployments replicasets statefulsets",
    "autoscaling": "horizontalpodautoscalers",
    "discovery.k8s.io": "endpointslices",
    "events.k8s.io": "events",
    "metrics.k8s.io": "nodes pods",
    "networking.k8s.io": "ingresses networkpolicies",
    "policy": "poddisruptionbudgets",
}
"""Resources by API group that anyone may read: neither a secret nor a session is in them. Not pods: their variables
have the credentials of the object store.
"""

_WRITABLE: Final = {
    "": {"events": "create patch update"},
    "events.k8s.io": {"events": "create patch update"},
    "coordination.k8s.io": {"leases": "get list watch create update patch delete"},
    "authorization.k8s.io": {"selfsubjectaccessreviews": "create", "selfsubjectrulesreviews": "create"},
    "authentication.k8s.io": {"selfsubjectreviews": "create"},
}
"""Verbs by API group and resource that give nothing of a workspace."""

_SUBJECTS: Final = 10
"""Subjects kept of one binding: more than any binding of the platform has."""


@dataclass(frozen=True, slots=True)
class Recognition:
    own: PlatformOwn = field(default_factory=PlatformOwn)
    harmless: frozenset[tuple[str, str]] = frozenset()
    """Namespace (empty for ClusterRoles) and KIND/NAME of roles that give nothing of a workspace."""

    @classmethod
    def of(cls, role_objects: RoleObjects) -> "Recognition":
        harmless = {
            (space, f"{kind}/{objects.name(role)}")
            for kind, roles in (("Role", role_objects.roles), ("ClusterRole", role_objects.cluster_roles))
            for role in roles
            for space in (objects.namespace(role) if kind == "Role" else "",)
            if is_harmless(role)
        }
        return cls(
            PlatformOwn.of(role_objects.roles, role_objects.settings, role_objects.sessions), frozenset(harmless)
        )

    def gives_access(self, binding: Json) -> bool:
        if self.own.has_binding(binding):
            return False
        if is_labelled(binding):
            return True
        if not objects.subjects(binding):
            return False
        role = objects.role_ref(binding)
        place = "" if role.startswith("ClusterRole/") else objects.namespace(binding)
        return (place, role) not in self.harmless or bool(public_subjects(binding))


def needs_of(bindings: Iterable[Json], accounts: Iterable[Json] = (), *, own: bool = False) -> Needs:
    """Return what has to be read to decide on these objects."""
    roles, cluster_roles, claims = set(), set(), set()
    for binding in bindings:
        if _NOTHING.has_binding(binding):  # OpenShift's own, which needs no proof
            continue
        kind, _, role = objects.role_ref(binding).partition("/")
        claims_own = claims_to_be_own(binding)
        if claims_own:
            claims.add(objects.name(binding) == TRIGGER)
        if kind == "Role" and (claims_own or not own):
            roles.add((objects.namespace(binding), role))
        elif kind == "ClusterRole" and role not in _ACCESS and not own and not is_labelled(binding):
            cluster_roles.add(role)
    claims |= {objects.name(account) == TRIGGER for account in accounts if claims_to_be_own_account(account)}
    return Needs(frozenset(roles), frozenset(cluster_roles), settings=True in claims, sessions=False in claims)


def is_labelled(binding: Json) -> bool:
    """Return whether the platform's pages count a RoleBinding as a grant, a key or a creator's."""
    labels = objects.labels(binding)
    return labels.get(APP_LABEL) in _APPS or labels.get(OWNER_ROLE_LABEL) == "admin"


def public_subjects(binding: Json) -> list[str]:
    return [subject for subject in dict.fromkeys(objects.subjects(binding)) if who_is_meant(subject)]


def small(item: Json, most: int = _SUBJECTS) -> Json:
    """Return what decides about a RoleBinding or a ServiceAccount: users may write many that do not fit into memory.

    Args:
        most: Subjects to keep, besides groups of everyone. Longer names than `short` leaves are no declared subject's.
    """
    named = mappings(mapping(item).get("subjects"))
    public = (
        subject
        for subject in named[most:]
        if who_is_meant(f"{text(subject.get('kind')).lower()}:{text(subject.get('name'))}")
    )
    labels = objects.labels(item)
    kept = {key: labels[key] for key in (APP_LABEL, MANAGED_LABEL, OWNER_ROLE_LABEL) if key in labels}
    place = {"name": objects.name(item), "namespace": objects.namespace(item), "uid": objects.uid(item)}
    return {
        "metadata": {**place, "labels": kept, "ownerReferences": owners(item)},
        "roleRef": _reference(mapping(mapping(item).get("roleRef"))),
        "subjects": [*map(_reference, (*named[:most], *islice(public, _SUBJECTS)))],
    }


def _reference(item: Json) -> dict[str, str]:
    return {key: objects.short(objects.text_at(item, key)) for key in ("kind", "namespace", "name") if key in item}


def is_harmless(role: Json) -> bool:
    """Return whether the rules of a role give nothing of a workspace."""
    return all(map(_is_harmless, rights_of_rules(role)))


def _is_harmless(right: tuple[str, str, str]) -> bool:
    group, resource, verb = right
    reads = verb in _READING and resource in _READABLE.get(group, "").split()
    return reads or verb in _WRITABLE.get(group, {}).get(resource, "").split()
