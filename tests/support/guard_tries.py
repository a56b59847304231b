"""Requests that the guard refuses or takes: as the platform's pages and programs send them, and as insiders do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ambient_components.platform.naming import key_account
from tests.support.attacks import CORE, MERGE, PLATFORM, RBAC
from tests.support.callers import Answer, Caller, Callers, account, dry

Body = dict[str, Any]
BATCH = "/apis/batch/v1/namespaces"
APPS = "/apis/apps/v1/namespaces"
NETWORK = "/apis/networking.k8s.io/v1/namespaces"
COLLECTIONS = {
    "serviceaccounts": CORE,
    "secrets": CORE,
    "pods": CORE,
    "limitranges": CORE,
    "rolebindings": RBAC,
    "roles": RBAC,
    "agenticsessions": PLATFORM,
    "projectsettings": PLATFORM,
    "jobs": BATCH,
    "cronjobs": BATCH,
    "deployments": APPS,
    "networkpolicies": NETWORK,
}

BOB = Caller("bob@example.com")
"""Has edit."""
ALICE = Caller("alice@example.com")
"""Has admin."""
KATE = Caller("kate@example.com")
"""Has Kubernetes' own role admin, as OpenShift gives it to who makes a project."""
BINDER = Caller("binder@example.com")
"""Has edit, and the verb bind."""
BACKEND = account("ambient-code", "backend-api")
OPERATOR = account("ambient-code", "agentic-operator")
DEPLOYER = Caller("ambient-deployer", ("ambient-deployers",))
KUBELET = Caller("system:node:one", ("system:nodes",))
COLLECTOR = account("kube-system", "generic-garbage-collector")
SYNC = account("external-secrets", "sync")
"""A controller of another namespace, with admin."""

UI_KEY = "ambient-key-tool-0a1b2c3d"
"""A key with edit that alice made on the Keys page."""
VIEW_KEY = "ambient-key-look-0a1b2c3d"
"""A key with view that bob made there."""
ADMIN_KEY = "ambient-key-root-0a1b2c3d"
"""A key that bob made there, and that an admin gave admin since."""
NEW_KEY = "ambient-key-new-0a1b2c3d"
"""A key that is about to be made."""
SESSION = "ambient-session-s1"
"""The account of bob's session."""
TRIGGER = "ambient-session-trigger"
SCHEDULE = "schedule-0b8f1a52-6d5c-4a77-9a39-1f0f5c5e7d11"


def ci(w: str) -> str:
    """The account of the key of the stack file."""
    return key_account(w, "ci", 1)


def own_key(w: str) -> Caller:
    return account(w, UI_KEY)


def file_key(w: str) -> Caller:
    return account(w, ci(w))


def own_session(w: str) -> Caller:
    return account(w, SESSION)


def trigger(w: str) -> Caller:
    return account(w, TRIGGER)


def by_sso(w: str) -> Caller:
    """Alice's key under single sign-on: her name, with the groups of the account."""
    return Caller(ALICE.name, account(w, UI_KEY).groups)


SSO_ELSEWHERE = Caller(ALICE.name, account("elsewhere", UI_KEY).groups)
"""A key of another workspace under single sign-on: it is noted there for alice."""


# Requests


@dataclass(frozen=True)
class Request:
    """One request. `path` is inside the workspace; it and `body` may depend on the workspace's name."""

    method: str
    path: str
    body: Body | Callable[[str], Body] | list[Body] | None = None
    """A list is a JSON patch."""

    def send(self, callers: Callers, who: Caller | Callable[[str], Caller], w: str, *, is_dry: bool = True) -> Answer:
        """Send it as someone, by default as a dry run."""
        body = self.body(w) if callable(self.body) else self.body
        caller = who(w) if callable(who) else who
        collection, _, rest = self.path.format(w=w, ci=ci(w)).partition("/")
        inside = f"/{collection}/{rest}".rstrip("/") if collection else ""
        path = f"{COLLECTIONS.get(collection, CORE)}/{w}{inside}"
        patch = "application/json-patch+json" if isinstance(body, list) else MERGE
        kind = patch if self.method == "PATCH" else "application/json"
        return callers.send(caller, self.method, dry(path) if is_dry else path, body, kind)

    def __str__(self) -> str:
        return f"{self.method} {self.path or 'namespace'}"


def make(collection: str, body: Body | Callable[[str], Body]) -> Request:
    return Request("POST", collection, body)


def change(path: str, body: Body | list[Body]) -> Request:
    return Request("PATCH", path, body)


def remove(path: str) -> Request:
    return Request("DELETE", path)


def account_of(body: Body | Callable[[str], Body]) -> Request:
    return make("serviceaccounts", body)


def bind(body: Body | Callable[[str], Body]) -> Request:
    return make("rolebindings", body)


def start(user: str, name: str = "s2") -> Request:
    return make("agenticsessions", session(user, name))


def mint(name: str, seconds: int = 3600) -> Request:
    return Request("POST", f"serviceaccounts/{name}/token", {"spec": {"expirationSeconds": seconds}})


# Objects


def of(name: str, labels: Mapping[str, str] | None = None, **more: Any) -> Body:
    return {"metadata": {"name": name, "labels": dict(labels or {}), **more}}


def notes(**values: str | None) -> dict[str, str | None]:
    """Annotations of the platform."""
    return {f"ambient-code.io/{name.replace('_', '-')}": value for name, value in values.items()}


def noted(**values: str | None) -> Body:
    return {"metadata": {"annotations": notes(**values)}}


def marked(name: str, value: str) -> Body:
    return {"metadata": {"annotations": {f"ambient-components/{name}": value}}}


def key(name: str, role: str, creator: str) -> Body:
    """The ServiceAccount of a key as the Keys page makes it."""
    annotations = notes(key_name="tool", description="", role=role, created_by_user_id=creator or None)
    return of(name, {"app": "ambient-access-key"}, annotations={k: v for k, v in annotations.items() if v is not None})


def person(name: str) -> dict[str, str]:
    return {"kind": "User", "name": name}


def own_account(w: str, name: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": w}


def binding(name: str, role: str, subject: Mapping[str, str], kind: str = "ClusterRole", **more: Any) -> Body:
    group = "rbac.authorization.k8s.io"
    full = dict(subject) if subject["kind"] == "ServiceAccount" else {"apiGroup": group, **subject}
    return {**of(name, **more), "roleRef": {"apiGroup": group, "kind": kind, "name": role}, "subjects": [full]}


def grant(role: str, name: str, kind: str = "User", **more: Any) -> Body:
    """A grant as the Sharing page makes it."""
    short = "-".join(filter(None, "".join(c if c.isalnum() else " " for c in name.lower()).split()))
    page = {
        "labels": {"app": "ambient-permission"},
        "annotations": notes(subject_kind=kind, subject_name=name, role=role),
    }
    full = f"ambient-permission-{role}-{short}-{kind.lower()}"
    return binding(full, f"ambient-project-{role}", {"kind": kind, "name": name}, **(page | more))


def key_grant(w: str, role: str, name: str) -> Body:
    """The RoleBinding of a key as the Keys page makes it."""
    annotations = notes(key_name="tool", sa_name=name, role=role)
    full = f"ambient-key-{role}-{name.removeprefix('ambient-key-')}"
    labels = {"app": "ambient-access-key"}
    return binding(full, f"ambient-project-{role}", own_account(w, name), labels=labels, annotations=annotations)


def session(user: str, name: str = "s2") -> Body:
    context = {"userContext": {"userId": user, "displayName": user, "groups": []}} if user else {}
    return {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", **of(name), "spec": context}


def user(name: str | None) -> Body:
    return {"spec": {"userContext": {"userId": name} if name else None}}


def schedule(runs_as: str, maker: str, name: str = SCHEDULE, as_account: str = TRIGGER, **template: Any) -> Body:
    """A CronJob as the backend makes it of a template, in Go's JSON."""
    context = {"userContext": {"userId": runs_as, "displayName": runs_as, "groups": []}} if runs_as else {}
    text = json.dumps({"initialPrompt": "go", **template, **context}, separators=(",", ":"))
    container = {"name": "trigger", "image": "operator", "env": [{"name": "SESSION_TEMPLATE", "value": text}]}
    pod = {"serviceAccountName": as_account, "restartPolicy": "Never", "containers": [container]}
    labels = {"ambient-code.io/scheduled-session": "true", "ambient-code.io/created-by": maker}
    return {**of(name, labels), "spec": {"schedule": "0 5 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}}


def pod_spec(name: str, **more: Any) -> Body:
    return {"serviceAccountName": name, "containers": [{"name": "a", "image": "b"}], **more}


def pod(name: str) -> Body:
    return {**of("pod"), "spec": pod_spec(name)}


def job(name: str, **more: Any) -> Body:
    return {**of("job"), "spec": {"template": {"spec": pod_spec(name, restartPolicy="Never", **more)}}}


def cron_job(name: str) -> Body:
    return {**of("nightly"), "spec": {"schedule": "0 5 * * *", "jobTemplate": {"spec": job(name)["spec"]}}}


def deployment(name: str) -> Body:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod_spec(name)}
    return {**of("web"), "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}


def legacy_token(name: str) -> Body:
    annotations = {"kubernetes.io/service-account.name": name}
    return {**of("legacy", annotations=annotations), "type": "kubernetes.io/service-account-token"}
