"""Requests to a guarded workspace, as values: who sends what. Texts hold names in braces, which `Cast` knows."""

import json
from dataclasses import dataclass
from typing import Any

from ambient_components.platform.contract import (
    APP_LABEL,
    CREATED_BY_USER_ID_ANNOTATION,
    GRANT_APP,
    KEY_APP,
    RBAC_API_GROUP,
    Role,
    cluster_role,
)
from tests.support.attacks import CORE, PLATFORM, RBAC, Bearer, World

Body = dict[str, Any]
_RBAC = f"{RBAC_API_GROUP}/v1"
_GROUPS = {
    "roles": RBAC,
    "rolebindings": RBAC,
    "agenticsessions": PLATFORM,
    "jobs": "/apis/batch/v1/namespaces",
    "statefulsets": "/apis/apps/v1/namespaces",
    "replicasets": "/apis/apps/v1/namespaces",
    "daemonsets": "/apis/apps/v1/namespaces",
}


@dataclass(frozen=True)
class Request:
    who: str
    method: str
    path: str
    """Below the workspace; empty for its Namespace."""
    body: Body | list[Body] | None = None
    kind: str = "application/json"

    def __str__(self) -> str:
        form = self.kind.removeprefix("application/").partition("-")[0].replace("json", "")
        return "-".join(filter(None, [self.who, self.method, form, *self.path.partition("?")[0].split("/")]))


def post(who: str, path: str, body: Body) -> Request:
    return Request(who, "POST", path, body)


def put(who: str, path: str, body: Body) -> Request:
    return Request(who, "PUT", path, body)


def apply(who: str, path: str, body: Body) -> Request:
    """Server-side apply, which makes what is not there."""
    return Request(who, "PATCH", f"{path}?fieldManager=x&force=true", body, "application/apply-patch+yaml")


def merge(who: str, path: str, body: Body) -> Request:
    return Request(who, "PATCH", path, body, "application/merge-patch+json")


def strategic(who: str, path: str, body: Body) -> Request:
    return Request(who, "PATCH", path, body, "application/strategic-merge-patch+json")


def json_patch(who: str, path: str, operation: str, at: str, value: Any = None) -> Request:
    patch = [{"op": operation, "path": at} | ({} if operation == "remove" else {"value": value})]
    return Request(who, "PATCH", path, patch, "application/json-patch+json")


def delete(who: str, path: str) -> Request:
    """A deletion; of a collection, those that a selector chooses."""
    return Request(who, "DELETE", path)


def annotated(**annotations: str | None) -> Body:
    """A patch of annotations of the platform."""
    return {"metadata": {"annotations": of_platform(**annotations)}}


def of_platform(**annotations: str | None) -> dict[str, Any]:
    return {f"ambient-code.io/{name.replace('_', '-')}": value for name, value in annotations.items()}


def account(name: str, **metadata: Any) -> Body:
    """A key's account as the Keys page makes it, perhaps with other metadata."""
    notes = of_platform(role="edit") | metadata.pop("annotations", {})
    body = {"name": name, "labels": {APP_LABEL: KEY_APP}, "annotations": notes, **metadata}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": body}


def noted(user: str) -> Body:
    return {CREATED_BY_USER_ID_ANNOTATION: user}


def secret(name: str, kind: str = "Opaque", data: Body | None = None, **metadata: Any) -> Body:
    head = {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"name": name, **metadata}}
    return {**head, "data": data or {}}


def legacy(name: str, **metadata: Any) -> Body:
    """A Secret into which Kubernetes writes a token of the key `ci`."""
    notes = {"kubernetes.io/service-account.name": "{ci}"}
    return secret(name, "kubernetes.io/service-account-token", annotations=notes, **metadata)


def token(seconds: int = 3600, **spec: Any) -> Body:
    return {"spec": {"expirationSeconds": seconds, **spec}}


def session(user: str | None, name: str = "mine", **metadata: Any) -> Body:
    spec = {"initialPrompt": "x"} | ({} if user is None else {"userContext": {"userId": user}})
    head = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession"}
    return {**head, "metadata": {"name": name, **metadata}, "spec": spec}


def subject(kind: str, name: str) -> Body:
    more = {"namespace": "{workspace}"} if kind == "ServiceAccount" else {"apiGroup": RBAC_API_GROUP}
    return {"kind": kind, "name": name, **more}


def bound(name: str, *subjects: Body, role: str = "edit", **metadata: Any) -> Body:
    reference = {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": f"ambient-project-{role}"}
    head = {"apiVersion": _RBAC, "kind": "RoleBinding", "metadata": {"name": name, **metadata}}
    return {**head, "roleRef": reference, "subjects": list(subjects)}


def shared(*others: Body, user: str = "bob", role: str = "edit", **metadata: Any) -> Body:
    """A binding as the Sharing page makes it, perhaps with other subjects."""
    name, labels = f"ambient-permission-{role}-{user}-user", {APP_LABEL: GRANT_APP}
    notes = of_platform(subject_kind="User", subject_name=user, role=role)
    subjects = others or (subject("User", user),)
    return bound(name, *subjects, role=role, **{"labels": labels, "annotations": notes, **metadata})


def key_bound(key: str, role: str = "edit") -> Body:
    """A binding as the Keys page makes it."""
    labels, notes = {APP_LABEL: KEY_APP}, of_platform(sa_name=key, role=role)
    digits = key.replace("}", "_digits}").removeprefix("ambient-key-")
    name = f"ambient-key-{role}-{digits}"
    return bound(name, subject("ServiceAccount", key), role=role, labels=labels, annotations=notes)


def role(*rules: Body) -> Body:
    return {"apiVersion": _RBAC, "kind": "Role", "metadata": {"name": "mine"}, "rules": list(rules)}


def pod(account: str, field: str = "serviceAccountName", **metadata: str) -> Body:
    spec = {"containers": [{"name": "x", "image": "x"}], "restartPolicy": "Never", field: account}
    return {"metadata": metadata or {"name": "mine"}, "spec": spec}


def job(account: str, **labels: str) -> Body:
    template = {"metadata": {"labels": labels}, "spec": pod(account)["spec"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "mine"}, "spec": {"template": template}}


def workload(kind: str, account: str) -> Body:
    spec = {**pod(account)["spec"], "restartPolicy": "Always"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec}
    selector = {"matchLabels": {"a": "b"}}
    metadata = {"name": "mine"}
    return {"kind": kind, "metadata": metadata, "spec": {"selector": selector, "template": template}}


class Cast:
    """A guarded workspace and everybody in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        workspace, elsewhere = world.namespace("payments"), world.namespace("elsewhere")
        ci, run = world.key(workspace, "ci", Role.EDIT), world.session(workspace)
        homes = {
            "view": (world.people, "view", cluster_role(Role.VIEW)),
            "edit": (world.people, "edit", cluster_role(Role.EDIT)),
            "admin": (world.people, "admin", cluster_role(Role.ADMIN)),
            "kubernetes-admin": (world.people, "kubernetes-admin", "admin"),
            "elsewhere": (elsewhere, "sync", cluster_role(Role.EDIT)),
            "key": (workspace, ci, ""),
            "session": (workspace, run, ""),
            "backend": ("ambient-code", "backend-api", ""),
        }
        self.ids = {who: f"system-serviceaccount-{home}-{name}" for who, (home, name, _) in homes.items()}
        self.bearers = {}
        for who, (home, name, granted) in homes.items():
            if granted:
                world.account(home, name)
                body = bound(who, {"kind": "ServiceAccount", "name": name, "namespace": home})
                body["roleRef"]["name"] = granted
                world.machine.create(f"{RBAC}/{workspace}/rolebindings", body)
            self.bearers[who] = world.bearer(f"serviceaccount:{home}:{name}")
        self.names = {
            "workspace": workspace,
            "ci": ci,
            "ui": "ambient-key-mine-0a1b2c3d",
            "new": "ambient-key-new-0a1b2c3d",
            "owner": "ambient-admin-alice-example-com",
            "edith": self.ids["edit"],
            "robin": self.ids["key"],
        }
        # As in the name of a key's binding.
        self.names |= {f"{one}_digits": self.names[one].removeprefix("ambient-key-") for one in ("ci", "ui", "new")}
        for one in (
            post("", "serviceaccounts", account("{ui}", annotations=noted("{edith}"))),
            post("", "rolebindings", key_bound("{ui}")),
            post("", "rolebindings", bound("{owner}", subject("User", "alice@example.com"), role="admin")),
            post("", "secrets", secret("marked", labels={"ambient-components/key": "ci"})),
            post("", "agenticsessions", session("alice", "alices")),
            post("", "agenticsessions", session(None, "nobodys")),
            merge("", f"serviceaccounts/{run}", {"metadata": {"annotations": noted("alice")}}),
        ):
            assert self.send(one)[0] == 200, one
        # The API server's authorizer learns of roles in the order in which they were made.
        world.machine.until(
            lambda: self.bearers["elsewhere"].can("GET", f"{PLATFORM}/{workspace}/agenticsessions"), "roles"
        )

    def send(self, request: Request) -> tuple[int, Any]:
        """Send a request; without a sender, the cluster's administrator's."""
        bearer: Bearer = self.bearers[request.who] if request.who else self.world.admin
        group = _GROUPS.get(request.path.partition("/")[0].partition("?")[0], CORE)
        path = "/".join(filter(None, [group, "{workspace}", request.path]))
        text = json.dumps([path, request.body])
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        path, body = json.loads(text)
        return bearer.send(request.method, path, body, request.kind)
