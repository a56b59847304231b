"""Recognition of the access that the platform's operator and OpenShift create themselves, as a whole.

Users who may edit a workspace can write Roles, RoleBindings and ServiceAccounts with any name, label and owner
reference. So a name proves nothing: an object counts as the platform's own only if its role, its subjects, the rules of
its Role and its owner are what the operator writes (contract 12), and the owner exists. Everything else is access like
any other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ambient_components.cluster import objects
from ambient_components.cluster.objects import Json, mapping, mappings, text
from ambient_components.platform.contract import PLATFORM_API_GROUP, PROJECT_SETTINGS, SESSION_PREFIX, SESSIONS, TRIGGER

_SETTINGS_KIND: Final = "ProjectSettings"
_SESSION_KIND: Final = "AgenticSession"

TRIGGER_RULES: Final = frozenset((PLATFORM_API_GROUP, SESSIONS, verb) for verb in ("create", "get", "list", "update"))
"""What the operator gives to the account that starts scheduled sessions."""

SESSION_RULES: Final = frozenset(
    (group, resource, verb)
    for group, resource, verbs in (
        (PLATFORM_API_GROUP, SESSIONS, "get list watch create update patch"),
        ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
        ("", "secrets", "get"),
        ("mlflow.kubeflow.org", "experiments", "get list update"),
    )
    for verb in verbs.split()
)
"""What the operator gives to the account of a session."""

_OPENSHIFT: Final = {
    # RoleBindings in every OpenShift project: name, role and only subject, with {} for the namespace. The roles are the
    # cluster's own, which no workspace user can write.
    "system:deployers": ("ClusterRole/system:deployer", "serviceaccount:{}:deployer"),
    "system:image-builders": ("ClusterRole/system:image-builder", "serviceaccount:{}:builder"),
    "system:image-pullers": ("ClusterRole/system:image-puller", "group:system:serviceaccounts:{}"),
}


@dataclass(frozen=True, slots=True)
class PlatformOwn:
    """What decides whether access to workspaces is the platform's own.

    Attributes:
        roles: Roles of the workspaces, by namespace and name.
        owners: Uids of ProjectSettings and sessions, by namespace, kind and name.
    """

    roles: Mapping[tuple[str, str], Json] = field(default_factory=dict)
    owners: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, roles: Iterable[Json], settings: Iterable[Json], sessions: Iterable[Json]) -> "PlatformOwn":
        """Return the value for lists of objects; the metadata of settings and sessions is enough."""
        kinds = ((_SETTINGS_KIND, settings), (_SESSION_KIND, sessions))
        return cls(
            {(objects.namespace(role), objects.name(role)): role for role in roles},
            {
                (objects.namespace(item), kind, objects.name(item)): objects.uid(item)
                for kind, of in kinds
                for item in of
            },
        )

    def has_binding(self, binding: Json) -> bool:
        """Return whether a RoleBinding is the operator's or OpenShift's own."""
        namespace, name = objects.namespace(binding), objects.name(binding)
        given = objects.role_ref(binding), objects.subjects(binding)
        if name in _OPENSHIFT:
            role, subject = _OPENSHIFT[name]
            return given == (role, [subject.format(namespace)])
        account = _account_of(name)
        if account is None:
            return False
        role_name = _role_of(account)
        return (
            given == (f"Role/{role_name}", [f"serviceaccount:{namespace}:{account}"])
            and self._is_owned(binding, account)
            and self.has_role(self.roles.get((namespace, role_name)))
        )

    def has_role(self, role: Json | None) -> bool:
        """Return whether a Role is the operator's own, and gives no more than the operator writes."""
        name = objects.name(role)
        account = TRIGGER if name == TRIGGER else name.removesuffix("-role")
        if role is None or name != _role_of(account) or not _is_account(account):
            return False
        allowed = TRIGGER_RULES if account == TRIGGER else SESSION_RULES
        return rights_of_rules(role) <= allowed and self._is_owned(role, account)

    def has_account(self, account: Json) -> bool:
        """Return whether a ServiceAccount is the operator's own: of a session that exists, or of schedules."""
        name = objects.name(account)
        return _is_account(name) and self._is_owned(account, name)

    def _is_owned(self, item: Json, account: str) -> bool:
        """Return whether an object's only owner is the one that the operator writes, and exists."""
        kind, name = _owner_of(account)
        uid = self.owners.get((objects.namespace(item), kind, name), "")
        owners = [
            (text(owner.get("kind")), text(owner.get("name")), text(owner.get("uid")))
            for owner in mappings(objects.metadata(item).get("ownerReferences"))
        ]
        return bool(uid) and owners == [(kind, name, uid)]


def claims_to_be_own(binding: Json) -> bool:
    """Return whether a RoleBinding has a name of the operator's, so that its Role and owner decide."""
    return _account_of(objects.name(binding)) is not None


def claims_to_be_own_account(account: Json) -> bool:
    """Return whether a ServiceAccount has a name of the operator's, so that its owner decides."""
    return _is_account(objects.name(account))


def _is_account(name: str) -> bool:
    return name.startswith(SESSION_PREFIX) and len(name) > len(SESSION_PREFIX)


def _account_of(binding: str) -> str | None:
    if binding == TRIGGER:
        return TRIGGER
    account = binding.removesuffix("-rb")
    return account if account not in (binding, TRIGGER) and _is_account(account) else None


def _role_of(account: str) -> str:
    return TRIGGER if account == TRIGGER else f"{account}-role"


def _owner_of(account: str) -> tuple[str, str]:
    if account == TRIGGER:
        return _SETTINGS_KIND, PROJECT_SETTINGS
    return _SESSION_KIND, account.removeprefix(SESSION_PREFIX)


def rights_of_rules(role: Json | None) -> frozenset[tuple[str, str, str]]:
    """Return what a role gives, as API group, resource and verb; names of single objects only narrow it."""
    return frozenset(
        (group, resource, verb)
        for rule in mappings(mapping(role).get("rules"))
        for group in _texts(rule.get("apiGroups"))
        for resource in _texts(rule.get("resources"))
        for verb in _texts(rule.get("verbs"))
    )


def _texts(value: object) -> list[str]:
    return [text(item) for item in value] if isinstance(value, list) else []
