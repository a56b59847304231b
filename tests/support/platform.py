"""What a user of the platform's UI sees and does, over the real backend: one function an endpoint.

Each asserts that the backend took the request and returns what it answered, as plain values. A test that wants a
refusal catches `Refused`. Paths and shapes: docs/internals/platform-contract.md, 1.5, and components/backend at the
same commit.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from sandbox.backend import Answer
from sandbox.credentials import ALICE

OPERATOR_MADE = (
    "apis/vteam.ambient-code/v1alpha1/namespaces/{}/projectsettings/projectsettings",
    "api/v1/namespaces/{}/limitranges/ambient-default-limits",
    "api/v1/namespaces/{}/serviceaccounts/ambient-session-trigger",
    "apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles/ambient-session-trigger",
    "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings/ambient-session-trigger",
)
"""Paths of what the operator makes in every workspace that it sees on the list. Contract 4."""


class Platform(Protocol):
    """The platform's backend, or a recording of it (tests/support/recordings.py)."""

    def call(self, method: str, path: str, body: object = None, *, user: str = "", token: str = "") -> Answer:
        """Send one request."""


class Refused(AssertionError):  # noqa: N818 - as `Result.refused`
    """The backend answered with another status than the one of success."""

    def __init__(self, request: str, answer: Answer) -> None:
        super().__init__(f"{request}: {answer.status} {answer.body}")
        self.status = answer.status
        self.body = answer.body


@dataclass(frozen=True)
class Project:
    """A workspace, as the list and its own page show it."""

    name: str
    display_name: str
    """Empty, like the description, unless the backend believes that it is on OpenShift."""
    description: str
    labels: dict[str, str]
    annotations: dict[str, str]
    status: str
    openshift: bool


@dataclass(frozen=True, order=True)
class Permission:
    """A line of the Sharing page."""

    subject_type: str
    """user or group."""
    subject_name: str
    role: str


@dataclass(frozen=True)
class Key:
    """A line of the Keys page."""

    id: str
    """The ServiceAccount's name."""
    name: str
    description: str
    role: str
    """Empty where the key has no binding."""
    created_at: datetime
    last_used_at: str


@dataclass(frozen=True)
class NewKey:
    """What the backend says of a key that it made: the one time that anybody sees the token."""

    id: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class McpServers:
    """The workspace's MCP servers; a part that has nothing is left out by the backend, and empty here."""

    custom: dict[str, dict[str, Any]] = field(default_factory=dict)
    disabled: list[str] = field(default_factory=list)


def on_openshift(backend: Platform) -> bool:
    """What the backend believes; it looks once, at the first request that asks, and never again."""
    return bool(_ask(backend, "GET", "/api/cluster-info", user="")["isOpenShift"])


# Workspaces


def projects(backend: Platform, *, user: str = ALICE.name, search: str = "") -> list[Project]:
    """Every workspace that the user may see, newest first; the backend answers 100 at the most at once."""
    found: list[Project] = []
    while True:
        path = f"/api/projects?limit=100&offset={len(found)}&search={quote(search, safe='')}"
        page = _ask(backend, "GET", path, user=user)
        found += [_project(item) for item in page["items"]]
        if not page["hasMore"]:
            return found


def project(backend: Platform, workspace: str, *, user: str = ALICE.name) -> Project:
    """One workspace. 404 where the namespace isn't on the list, 403 where the user may not see it."""
    return _project(_ask(backend, "GET", _path(workspace), user=user))


def create_project(
    backend: Platform, workspace: str, *, display_name: str = "", description: str = "", user: str = ALICE.name
) -> Project:
    """Make a workspace in the UI; its maker becomes its admin, by a binding that the Sharing page doesn't show.

    On OpenShift the backend then tries for some seconds to write the names on the Project object too.
    """
    body = {"name": workspace, "displayName": display_name, "description": description}
    return _project(_ask(backend, "POST", "/api/projects", body, user=user, status=201))


def update_project(
    backend: Platform, workspace: str, *, display_name: str = "", description: str = "", user: str = ALICE.name
) -> Project:
    """Change the names; what is empty stays as it is, and nothing happens at all on plain Kubernetes."""
    body = {"displayName": display_name, "description": description}
    return _project(_ask(backend, "PUT", _path(workspace), body, user=user))


def delete_project(backend: Platform, workspace: str, *, user: str = ALICE.name) -> None:
    """Delete a workspace in the UI: its namespace goes, in Kubernetes' own time."""
    _ask(backend, "DELETE", _path(workspace), user=user, status=204)


def role(backend: Platform, workspace: str, *, user: str = ALICE.name) -> str:
    """The role that the UI believes the user to have: edit is shown as admin (contract 2)."""
    return str(_ask(backend, "GET", _path(workspace, "access"), user=user)["userRole"])


# Sharing


def permissions(backend: Platform, workspace: str, *, user: str = ALICE.name) -> list[Permission]:
    """The Sharing page, sorted; owners are not on it."""
    items = _ask(backend, "GET", _path(workspace, "permissions"), user=user)["items"]
    return sorted(Permission(item["subjectType"], item["subjectName"], item["role"]) for item in items)


def add_permission(backend: Platform, workspace: str, permission: Permission, *, user: str = ALICE.name) -> None:
    """Share. 409 where the subject has that role already, 403 where the user may not grant it."""
    body = {
        "subjectType": permission.subject_type,
        "subjectName": permission.subject_name,
        "role": permission.role,
    }
    _ask(backend, "POST", _path(workspace, "permissions"), body, user=user, status=201)


def remove_permission(
    backend: Platform, workspace: str, subject_type: str, subject_name: str, *, user: str = ALICE.name
) -> None:
    """Stop sharing: every grant of that subject goes. The backend says 204 too where there is none, or it failed."""
    _ask(backend, "DELETE", _path(workspace, "permissions", subject_type, subject_name), user=user, status=204)


# Keys


def keys(backend: Platform, workspace: str, *, user: str = ALICE.name) -> list[Key]:
    """The Keys page, by name. A description that is empty is left out by the backend, and so is a missing role."""
    items = _ask(backend, "GET", _path(workspace, "keys"), user=user)["items"]
    found = [
        Key(
            item["id"],
            item["name"],
            item.get("description", ""),
            item.get("role", ""),
            datetime.fromisoformat(item["createdAt"]),
            item["lastUsedAt"],
        )
        for item in items
    ]
    return sorted(found, key=lambda key: (key.name, key.id))


def create_key(
    backend: Platform,
    workspace: str,
    name: str,
    *,
    description: str = "",
    role: str = "edit",
    seconds: int = 3600,
    user: str = ALICE.name,
) -> NewKey:
    """Make a key in the UI. The caller keeps the token from leaking (`Machine.keep_secret`)."""
    body = {"name": name, "description": description, "role": role, "expirationSeconds": seconds}
    made = _ask(backend, "POST", _path(workspace, "keys"), body, user=user, status=201)
    return NewKey(made["id"], made["key"])


def delete_key(backend: Platform, workspace: str, key_id: str, *, user: str = ALICE.name) -> None:
    """Revoke a key in the UI: its bindings and its ServiceAccount go. 204 too where there was none."""
    _ask(backend, "DELETE", _path(workspace, "keys", key_id), user=user, status=204)


# Secrets: the backend returns the values, and what is saved replaces the whole data


def secrets(backend: Platform, workspace: str, *, user: str = ALICE.name) -> list[str]:
    """Names of the Secrets that the platform takes for the workspace's own: by type and annotation."""
    return sorted(item["name"] for item in _ask(backend, "GET", _path(workspace, "secrets"), user=user)["items"])


def runner_secrets(backend: Platform, workspace: str, *, user: str = ALICE.name) -> dict[str, str]:
    """The language models' keys, in the clear; empty where there is no Secret."""
    return dict(_ask(backend, "GET", _path(workspace, "runner-secrets"), user=user)["data"])


def save_runner_secrets(backend: Platform, workspace: str, data: dict[str, str], *, user: str = ALICE.name) -> None:
    """Save them. 400 for a name that is none of the three."""
    _ask(backend, "PUT", _path(workspace, "runner-secrets"), {"data": data}, user=user)


def integration_secrets(backend: Platform, workspace: str, *, user: str = ALICE.name) -> dict[str, str]:
    """The integrations' secret, in the clear; empty where there is no Secret."""
    return dict(_ask(backend, "GET", _path(workspace, "integration-secrets"), user=user)["data"])


def save_integration_secrets(
    backend: Platform, workspace: str, data: dict[str, str], *, user: str = ALICE.name
) -> None:
    """Save them; any names."""
    _ask(backend, "PUT", _path(workspace, "integration-secrets"), {"data": data}, user=user)


# Sessions


def create_session(backend: Platform, workspace: str, prompt: str, *, user: str = ALICE.name) -> str:
    """Start a session; its name. Nothing runs it where there are no nodes."""
    body = {"initialPrompt": prompt}
    return str(_ask(backend, "POST", _path(workspace, "agentic-sessions"), body, user=user, status=201)["name"])


# Scheduled sessions


def schedules(backend: Platform, workspace: str, *, user: str = ALICE.name) -> list[dict[str, Any]]:
    """The scheduled sessions, without times and labels."""
    items = _ask(backend, "GET", _path(workspace, "scheduled-sessions"), user=user)["items"]
    left_out = ("creationTimestamp", "lastScheduleTime", "activeCount", "labels", "annotations")
    return [{name: value for name, value in item.items() if name not in left_out} for item in items]


def save_schedule(
    backend: Platform, workspace: str, name: str, changes: dict[str, Any], *, user: str = ALICE.name
) -> None:
    """Save the form: fields that are left out stay; a template is replaced, and gets the user who saves it."""
    _ask(backend, "PUT", _path(workspace, "scheduled-sessions", name), changes, user=user)


def suspend_schedule(backend: Platform, workspace: str, name: str, *, user: str = ALICE.name) -> None:
    """Suspend it."""
    _ask(backend, "POST", _path(workspace, "scheduled-sessions", name, "suspend"), user=user)


# Settings


def mcp_servers(backend: Platform, workspace: str, *, user: str = ALICE.name) -> McpServers:
    """The MCP servers; none where there is no ProjectSettings either."""
    found = _ask(backend, "GET", _path(workspace, "mcp-servers"), user=user)
    return McpServers(found.get("custom") or {}, found.get("disabled") or [])


def save_mcp_servers(backend: Platform, workspace: str, servers: McpServers, *, user: str = ALICE.name) -> None:
    """Save them: the field is replaced, and dropped where nothing is left. 404 where there is no ProjectSettings."""
    body = {"custom": servers.custom, "disabled": servers.disabled}
    _ask(backend, "PUT", _path(workspace, "mcp-servers"), body, user=user)


def feature_flags(backend: Platform, workspace: str, *, user: str = ALICE.name) -> dict[str, bool]:
    """The flags that the workspace overrides.

    The list itself is Unleash's. Without it the backend lists the overrides alone, and says 503 where there are none;
    setting and removing an override need no Unleash.
    """
    try:
        listed = _ask(backend, "GET", _path(workspace, "feature-flags"), user=user)["features"]
    except Refused as refused:
        if refused.status == 503 and "Unleash" in str(refused.body):
            return {}
        raise
    return {item["name"]: item["overrideEnabled"] for item in listed if item["source"] == "workspace-override"}


def override_flag(backend: Platform, workspace: str, flag: str, enabled: bool, *, user: str = ALICE.name) -> None:
    """Override a flag; any name, as the backend asks no list. 403 for whoever may not patch the ConfigMap."""
    _ask(backend, "PUT", _path(workspace, "feature-flags", flag, "override"), {"enabled": enabled}, user=user)


def _ask(
    backend: Platform, method: str, path: str, body: object = None, *, user: str, status: int = 200
) -> dict[str, Any]:
    answer = backend.call(method, path, body, user=user)
    if answer.status != status:
        raise Refused(f"{method} {path} as {user or 'nobody'}", answer)
    return answer.body if isinstance(answer.body, dict) else {}


def _path(workspace: str, *parts: str) -> str:
    return "/".join(["/api/projects", *(quote(part, safe="") for part in (workspace, *parts))])


def _project(item: dict[str, Any]) -> Project:
    return Project(
        item["name"],
        item["displayName"],
        item.get("description", ""),
        item["labels"] or {},
        item["annotations"] or {},
        item["status"],
        item["isOpenShift"],
    )
