"""What the platform's operator makes for itself in a workspace, field by field. Contract 12.

The sandbox of the engine tests has no operator, so tests make these objects; the owners have to exist.
"""

from typing import Any

from ambient_components.platform.contract import (
    MANAGED,
    MANAGED_LABEL,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    RBAC_API_GROUP,
    TRIGGER,
)

Object = dict[str, Any]
API = f"{PLATFORM_API_GROUP}/{PLATFORM_API_VERSION}"
TRIGGER_RULES = [
    {"apiGroups": [PLATFORM_API_GROUP], "resources": ["agenticsessions"], "verbs": ["create", "get", "list", "update"]}
]
SESSION_RULES = [
    {"apiGroups": [PLATFORM_API_GROUP], "resources": ["agenticsessions"],
     "verbs": ["get", "list", "watch", "create", "update", "patch"]},
    {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": ["mlflow.kubeflow.org"], "resources": ["experiments"], "verbs": ["get", "list", "update"]},
]  # fmt: skip


def owner_reference(kind: str, name: str, uid: str) -> Object:
    """The owner of an object, as the operator notes it."""
    return {"apiVersion": API, "kind": kind, "name": name, "uid": uid, "controller": True}


def of_schedules(workspace: str, settings_uid: str) -> dict[str, Object]:
    """Account, Role and RoleBinding with which schedules start sessions, by collection."""
    owner = owner_reference("ProjectSettings", PROJECT_SETTINGS, settings_uid)
    return _made(workspace, TRIGGER, TRIGGER, TRIGGER, TRIGGER_RULES, owner, {MANAGED_LABEL: MANAGED})


def of_session(workspace: str, session: str, uid: str) -> dict[str, Object]:
    """Account, Role and RoleBinding of a session, by collection."""
    account = f"ambient-session-{session}"
    owner = owner_reference("AgenticSession", session, uid)
    return _made(workspace, account, f"{account}-role", f"{account}-rb", SESSION_RULES, owner, {})


def _made(
    workspace: str, account: str, role: str, binding: str, rules: list[Object], owner: Object, labels: dict[str, str]
) -> dict[str, Object]:
    def metadata(name: str) -> Object:
        return {"name": name, "namespace": workspace, "labels": labels, "ownerReferences": [owner]}

    rbac = f"{RBAC_API_GROUP}/v1"
    return {
        "serviceaccounts": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(account)},
        "roles": {"apiVersion": rbac, "kind": "Role", "metadata": metadata(role), "rules": rules},
        "rolebindings": {
            "apiVersion": rbac,
            "kind": "RoleBinding",
            "metadata": metadata(binding),
            "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": workspace}],
        },
    }
