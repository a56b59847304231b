"""What the platform's operator makes in a workspace, as contract 12 describes it: the sandbox has no operator."""

from typing import Any

from ambient_components.platform.contract import RBAC_API_GROUP
from tests.support.attacks import CORE, PLATFORM, RBAC
from tests.support.machine import Machine

TRIGGER = "ambient-session-trigger"
TRIGGER_RULES = [
    {
        "apiGroups": ["vteam.ambient-code"],
        "resources": ["agenticsessions"],
        "verbs": ["create", "get", "list", "update"],
    }
]
SESSION_RULES = [
    {
        "apiGroups": ["vteam.ambient-code"],
        "resources": ["agenticsessions"],
        "verbs": ["get", "list", "watch", "create", "update", "patch"],
    },
    {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": ["mlflow.kubeflow.org"], "resources": ["experiments"], "verbs": ["get", "list", "update"]},
]


def operators_trigger(machine: Machine, workspace: str) -> dict[str, Any]:
    """The identity with which schedules create sessions; its owner reference."""
    owner = _owner(machine, workspace, "ProjectSettings", "projectsettings", {"groupAccess": []})
    _identity(machine, workspace, TRIGGER, TRIGGER, TRIGGER, TRIGGER_RULES, owner)
    return owner


def operators_session(machine: Machine, workspace: str, name: str) -> dict[str, Any]:
    """A session and its identity; the owner reference of what belongs to it."""
    owner = _owner(machine, workspace, "AgenticSession", name, {"initialPrompt": "Wait"})
    account = f"ambient-session-{name}"
    _identity(machine, workspace, f"{account}-rb", f"{account}-role", account, SESSION_RULES, owner)
    return owner


def _owner(machine: Machine, workspace: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    collection = f"{PLATFORM}/{workspace}/{'projectsettings' if kind == 'ProjectSettings' else 'agenticsessions'}"
    api = "vteam.ambient-code/v1alpha1"
    if machine.get(f"{collection}/{name}") is None:
        machine.create(collection, {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec})
    found = machine.get(f"{collection}/{name}")
    assert found is not None
    return {"apiVersion": api, "kind": kind, "name": name, "uid": found["metadata"]["uid"], "controller": True}


def _identity(
    machine: Machine,
    workspace: str,
    binding: str,
    role: str,
    account: str,
    rules: list[dict[str, Any]],
    owner: dict[str, Any],
) -> None:
    def metadata(name: str) -> dict[str, Any]:
        return {"name": name, "ownerReferences": [owner]}

    machine.create(f"{CORE}/{workspace}/serviceaccounts", {"metadata": metadata(account)})
    machine.create(f"{RBAC}/{workspace}/roles", {"metadata": metadata(role), "rules": rules})
    body = {
        "metadata": metadata(binding),
        "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": workspace}],
    }
    machine.create(f"{RBAC}/{workspace}/rolebindings", body)
