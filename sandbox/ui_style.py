"""Workspaces as the platform's backend and operator make them, for tests and the benchmark. Contract 1 and 4.

The forms are written out here, and not taken from the package: a test would compare the package with itself.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ambient_components.platform.naming import sanitize_for_k8s_name, sanitize_name

RBAC = "rbac.authorization.k8s.io"
_ROLE = "ambient-project-{}"
Body = dict[str, Any]


@dataclass(frozen=True)
class UiKey:
    """A key of the Keys page."""

    name: str
    role: str = "edit"
    description: str = ""
    last_used: str = ""
    suffix: str = "3f2a91bc"
    """The first digits of a random UUID."""

    @property
    def account(self) -> str:
        """Name of its ServiceAccount."""
        return f"ambient-key-{sanitize_name(self.name)}-{self.suffix}"

    @property
    def binding(self) -> str:
        """Name of its RoleBinding."""
        return f"ambient-key-{self.role}-{sanitize_name(self.name)}-{self.suffix}"


@dataclass(frozen=True)
class UiWorkspace:
    """A workspace that people made, shared and set up in the UI."""

    name: str
    creator: str = "alice@example.com"
    grants: tuple[tuple[str, str, str], ...] = ()
    """Kind (user or group), name and role."""
    keys: tuple[UiKey, ...] = ()
    settings: Body = field(default_factory=dict)
    """Fields of ProjectSettings."""
    flags: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    integrations: dict[str, str] = field(default_factory=dict, repr=False)
    """Values of the integrations' Secret. Contract 3."""

    def objects(self) -> Iterator[tuple[str, Body]]:
        """Yield collection paths and bodies, in the order of the platform's requests."""
        base = {"ambient-code.io/managed": "true", "app.kubernetes.io/managed-by": "ambient-code"}
        yield "/api/v1/namespaces", _object("v1", "Namespace", self.name, labels={**base, **self.labels})
        if self.creator:
            name = f"ambient-admin-{sanitize_for_k8s_name(self.creator)}"
            labels = {"ambient-code.io/role": "admin"}
            yield self._rbac, binding(name, "admin", _person("user", self.creator), labels)
        yield self._platform, self._settings()
        yield self._core("limitranges"), self._limits()
        for kind, name, role in self.grants:
            yield self._rbac, grant(kind, name, role)
        for key in self.keys:
            yield from self.of_key(key)
        if self.flags:
            labels = {"app.kubernetes.io/managed-by": "ambient-code", "app.kubernetes.io/component": "feature-flags"}
            body = _object("v1", "ConfigMap", "feature-flag-overrides", labels=labels)
            yield self._core("configmaps"), {**body, "data": self.flags}
        if self.integrations:
            name, label = "ambient-non-vertex-integrations", {"app": "ambient-integration-secrets"}
            notes = {"ambient-code.io/runner-secret": "true"}
            data = {one: base64.b64encode(value.encode()).decode() for one, value in self.integrations.items()}
            yield self._core("secrets"), {**_object("v1", "Secret", name, labels=label, notes=notes), "data": data}

    def _settings(self) -> Body:
        body = _object("vteam.ambient-code/v1alpha1", "ProjectSettings", "projectsettings")
        return {**body, "spec": {"groupAccess": [], **self.settings}}

    def _limits(self) -> Body:
        item = {
            "type": "Container",
            "defaultRequest": {"cpu": "250m", "memory": "256Mi"},
            "default": {"cpu": "2", "memory": "4Gi"},
        }
        return {**_object("v1", "LimitRange", "ambient-default-limits"), "spec": {"limits": [item]}}

    def of_key(self, key: UiKey) -> Iterator[tuple[str, Body]]:
        """Yield the ServiceAccount, then the RoleBinding."""
        used = {"ambient-code.io/last-used-at": key.last_used} if key.last_used else {}
        notes = {
            "ambient-code.io/key-name": key.name,
            "ambient-code.io/description": key.description,
            "ambient-code.io/created-at": "2026-03-01T10:00:00Z",
            "ambient-code.io/role": key.role,
            "ambient-code.io/created-by-user-id": "alice-example.com",
            **used,
        }
        label = {"app": "ambient-access-key"}
        yield self._core("serviceaccounts"), _object("v1", "ServiceAccount", key.account, labels=label, notes=notes)
        subject = {"kind": "ServiceAccount", "name": key.account, "namespace": self.name}
        notes = {
            "ambient-code.io/key-name": key.name,
            "ambient-code.io/sa-name": key.account,
            "ambient-code.io/role": key.role,
        }
        yield self._rbac, binding(key.binding, key.role, subject, label, notes)

    def _core(self, resource: str) -> str:
        return f"/api/v1/namespaces/{self.name}/{resource}"

    @property
    def _rbac(self) -> str:
        return f"/apis/{RBAC}/v1/namespaces/{self.name}/rolebindings"

    @property
    def _platform(self) -> str:
        return f"/apis/vteam.ambient-code/v1alpha1/namespaces/{self.name}/projectsettings"


def grant(kind: str, name: str, role: str) -> Body:
    """Return the RoleBinding of the Sharing page."""
    notes = {
        "ambient-code.io/subject-kind": kind.capitalize(),
        "ambient-code.io/subject-name": name,
        "ambient-code.io/role": role,
    }
    full = f"ambient-permission-{role}-{sanitize_name(name)}-{kind}"
    return binding(full, role, _person(kind, name), {"app": "ambient-permission"}, notes)


def binding(
    name: str, role: str, subject: Body, labels: dict[str, str] | None = None, notes: dict[str, str] | None = None
) -> Body:
    """Return a RoleBinding to one of the platform's roles."""
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": _ROLE.format(role)}
    body = _object(f"{RBAC}/v1", "RoleBinding", name, labels=labels, notes=notes)
    return {**body, "roleRef": reference, "subjects": [subject]}


def _person(kind: str, name: str) -> Body:
    return {"kind": kind.capitalize(), "apiGroup": RBAC, "name": name}


def _object(
    version: str, kind: str, name: str, labels: dict[str, str] | None = None, notes: dict[str, str] | None = None
) -> Body:
    metadata: Body = {"name": name}
    metadata |= {"labels": labels} if labels else {}
    metadata |= {"annotations": notes} if notes else {}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def histories(count: int, prefix: str = "team") -> Iterator[UiWorkspace]:
    """Yield workspaces with five kinds of history: just made, shared, used by machines, set up, open to all users."""
    for number in range(count):
        name, digits = f"{prefix}-{number:04}", f"{number:08x}"
        devs = (("group", f"{name}-devs", "edit"), ("user", "auditor@example.com", "view"))
        match number % 5:
            case 0:
                yield UiWorkspace(name, labels={"team": "data"})
            case 1:
                yield UiWorkspace(name, grants=devs)
            case 2:
                key = UiKey("Nightly build", "edit", "for the nightly build", "2026-11-20T03:00:00Z", digits)
                yield UiWorkspace(name, grants=devs, keys=(key, UiKey("old", "view", suffix=digits)))
            case 3:
                settings: Body = {"inactivityTimeoutSeconds": 3600, "mcpServers": {"disabled": ["webfetch"]}}
                yield UiWorkspace(name, grants=devs, settings=settings, flags={"jira-write": "true"})
            case _:
                everybody = ("group", "system:authenticated", "view")
                yield UiWorkspace(
                    name, creator="", grants=(*devs, everybody), keys=(UiKey("root", "admin", suffix=digits),)
                )
