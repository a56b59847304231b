"""A workspace made by hand, and people in it who try what they may: each a bearer of the real API server."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from ambient_components.platform.contract import APP_LABEL, KEY_APP, RBAC_API_GROUP, Role, cluster_role
from ambient_components.platform.naming import key_account, key_role_binding
from ambient_components.platform.subjects import SubjectKind, parse_subject
from sandbox.api import Api, ApiError
from tests.support.machine import Machine

CORE = "/api/v1/namespaces"
RBAC = f"/apis/{RBAC_API_GROUP}/v1/namespaces"
PLATFORM = "/apis/vteam.ambient-code/v1alpha1/namespaces"
MERGE = "application/merge-patch+json"
CREATOR_NOTE = "ambient-code.io/created-by-user-id"

SESSION_RULES = [
    {"apiGroups": ["vteam.ambient-code"], "resources": ["agenticsessions"],
     "verbs": ["get", "list", "watch", "create", "update", "patch"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
]  # fmt: skip
"""What the operator gives every session's account, of what the API server here knows. Contract 4."""


@dataclass(frozen=True)
class Bearer:
    """Whoever has this token."""

    machine: Machine
    token: str = field(repr=False)

    def send(self, method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, Any]:
        """One request: the status, and what came back where it was taken."""
        api = Api(self.machine.cluster.url, self.machine.cluster.ca_file, self.token)
        try:
            return 200, api.request(method, path, None if body is None else json.dumps(body).encode(), kind)
        except ApiError as error:
            return error.status, None

    def can(self, method: str, path: str, body: object = None, kind: str = "application/json") -> bool:
        """Whether the request is taken; False where it is forbidden, and nothing else."""
        status, _ = self.send(method, path, body, kind)
        assert status in (200, 403), status
        return status == 200

    def mint(self, workspace: str, account: str) -> "Bearer | None":
        """Whoever has a token of that account, if this one may mint it."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        status, made = self.send("POST", f"{CORE}/{workspace}/serviceaccounts/{account}/token", body)
        assert status in (200, 201, 403), status
        if status == 403:
            return None
        return Bearer(self.machine, self.machine.keep_secret(made["status"]["token"], f"a minted token of {account}"))

    def secret(self, workspace: str, name: str) -> dict[str, str] | None:
        """What is in a Secret, if this one may get it."""
        status, found = self.send("GET", f"{CORE}/{workspace}/secrets/{name}")
        assert status in (200, 403), status
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()} if found else None

    def bind(self, workspace: str, role: Role, subject: str) -> bool:
        """Grants a role to somebody, if this one may."""
        bound = self.can("POST", f"{RBAC}/{workspace}/rolebindings", binding(f"by-hand-{role}", role, subject))
        if bound:
            known(self.machine, workspace, subject)
        return bound

    def ended(self, workspace: str) -> bool:
        """Whether the API server knows this one no more."""
        return self.send("GET", f"{PLATFORM}/{workspace}/agenticsessions")[0] == 401


def binding(name: str, role: Role, subject: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A RoleBinding for one of the platform's roles."""
    return {
        "apiVersion": f"{RBAC_API_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "labels": labels or {}},
        "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": cluster_role(role)},
        "subjects": [parse_subject(subject).rbac_subject()],
    }


REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def asked(workspace: str, subject: str) -> dict[str, Any]:
    """The question whether a subject has some role."""
    who = parse_subject(subject)
    sessions = {"namespace": workspace, "verb": "list", "group": "vteam.ambient-code", "resource": "agenticsessions"}
    named = {"groups": [who.name]} if who.kind is SubjectKind.GROUP else {"user": who.platform_name}
    spec = {**named, "resourceAttributes": sessions}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def known(machine: Machine, workspace: str, subject: str) -> None:
    """Waits until the API server's authorizer knows that a subject has some role, which it learns in its own time."""
    review = asked(workspace, subject)
    machine.until(lambda: machine.create(REVIEWS, review)["status"]["allowed"], f"a role of {subject} in {workspace}")


class World:
    """Workspaces of one test, and people who live elsewhere: none of them is an account of a workspace."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.digits = secrets.token_hex(4)
        self.namespaces: list[str] = []
        self.people = self.namespace("people")

    def namespace(self, name: str) -> str:
        """A namespace of this test's own."""
        full = f"{name}-{self.digits}"
        metadata = {"name": full}
        self.machine.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self.namespaces.append(full)
        return full

    @property
    def admin(self) -> Bearer:
        """The cluster's administrator, who makes all of it."""
        return Bearer(self.machine, self.machine.cluster.token_of("sandbox-admin"))

    def account(self, namespace: str, name: str, **metadata: Any) -> str:
        """A ServiceAccount, as a subject."""
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **metadata}}
        self.machine.create(f"{CORE}/{namespace}/serviceaccounts", body)
        return f"serviceaccount:{namespace}:{name}"

    def bearer(self, subject: str) -> Bearer:
        """Whoever has a token of an account."""
        _, namespace, name = subject.split(":")
        found = self.admin.mint(namespace, name)
        assert found is not None
        return found

    def grant(self, workspace: str, role: Role, subject: str) -> str:
        """A RoleBinding; its path, for `delete`."""
        name = f"{role}-{subject.replace(':', '.')}"
        self.machine.create(f"{RBAC}/{workspace}/rolebindings", binding(name, role, subject))
        known(self.machine, workspace, subject)
        return f"{RBAC}/{workspace}/rolebindings/{name}"

    def person(self, workspace: str, role: Role, name: str = "") -> tuple[Bearer, str]:
        """Somebody with a role in a workspace, and the path of the grant."""
        subject = self.account(self.people, name or f"{role}-{secrets.token_hex(2)}")
        return self.bearer(subject), self.grant(workspace, role, subject)

    def key(self, workspace: str, key_id: str, role: Role, generation: int = 1) -> str:
        """A key's account and binding, named as ours are; the account's name."""
        account = key_account(workspace, key_id, generation)
        subject = self.account(workspace, account, labels={APP_LABEL: KEY_APP})
        name = key_role_binding(role, account)
        body = binding(name, role, subject, {APP_LABEL: KEY_APP})
        self.machine.create(f"{RBAC}/{workspace}/rolebindings", body)
        known(self.machine, workspace, subject)
        return account

    def secret(self, namespace: str, name: str, **data: str) -> None:
        """A Secret with made-up values."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
        self.machine.create(f"{CORE}/{namespace}/secrets", body)

    def static_token(self, workspace: str, account: str) -> str:
        """A token Secret of an account, once Kubernetes has filled it in; its name."""
        name = f"{account}-static"
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": account}},
        }
        path = f"{CORE}/{workspace}/secrets"
        self.machine.create(path, body)
        self.machine.until(
            lambda: "token" in ((self.machine.get(f"{path}/{name}") or {}).get("data") or {}), "a token is filled in"
        )
        return name

    def session(self, workspace: str, name: str = "run-1") -> str:
        """What the operator makes for a session: account, Role and RoleBinding; the account's name."""
        account = f"ambient-session-{name}"
        subject = self.account(workspace, account)
        role = {
            "apiVersion": f"{RBAC_API_GROUP}/v1",
            "kind": "Role",
            "metadata": {"name": f"{account}-role"},
            "rules": SESSION_RULES,
        }
        self.machine.create(f"{RBAC}/{workspace}/roles", role)
        body = binding(f"{account}-rb", Role.VIEW, subject)
        body["roleRef"] = {"apiGroup": RBAC_API_GROUP, "kind": "Role", "name": f"{account}-role"}
        self.machine.create(f"{RBAC}/{workspace}/rolebindings", body)
        known(self.machine, workspace, subject)
        return account

    def remove(self) -> None:
        """The test's namespaces go, without waiting."""
        for namespace in self.namespaces:
            self.machine.delete(f"{CORE}/{namespace}")
