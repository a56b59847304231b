"""Workspaces on their way through life: one that the stack made and one that it adopted, side by side in one stack.

What each test asks of them is here: what a workspace has, who gets in, what others do to it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ambient_components.platform.naming import key_account
from tests.support.machine import Machine
from tests.support.stacks import Result, Stack

EMPTY = "workspaces: {}\n"
ENTRY = """\
    owners: [user:alice@example.com]
    grants: [{group: devs, role: edit}, {user: bob@example.com}]
    keys: {ci: {role: view}}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}}
      integrations: {LOG_LEVEL: {value: debug}}
    settings: {idleTimeout: 12h, featureFlags: {jira-write: true}}
    limits: {containers: {max: {memory: 16Gi}}}
"""
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
PLATFORM = "/apis/vteam.ambient-code/v1alpha1/namespaces"

GRANTS = {"ambient-permission-edit-devs-group", "ambient-permission-view-bob-example-com-user"}
OWNER = "ambient-admin-alice-example-com"
SECRETS = {"ambient-runner-secrets", "ambient-non-vertex-integrations"}


@dataclass(frozen=True)
class Workspace:
    """One workspace of a stack."""

    stack: Stack
    name: str
    adopted: bool = False

    @property
    def machine(self) -> Machine:
        return self.stack.machine

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.name}"

    def entry(self, state: str = "active", text: str = ENTRY) -> str:
        """Its lines of the stack file."""
        adopt = "    adopt: true\n" if self.adopted else ""
        if self.adopted:
            # A released key's account is taken over by its name alone.
            account = key_account(self.name, "ci", 1)
            text = text.replace("ci: {role: view}", f"ci: {{role: view, adopt: [{account}]}}")
        # Without an operator no session ever stops.
        return f"  {self.name}:\n{text}    state: {state}\n    onClose: {{wait: 1s}}\n{adopt}"

    def namespace(self) -> dict[str, Any] | None:
        return self.machine.get(self.path)

    def listed(self) -> bool:
        """Whether it is on the platform's list, which is a label."""
        namespace = self.namespace()
        return namespace is not None and namespace["metadata"]["labels"].get("ambient-code.io/managed") == "true"

    def note(self, annotation: str) -> str | None:
        namespace = self.namespace()
        assert namespace is not None
        return (namespace["metadata"].get("annotations") or {}).get(f"ambient-components/{annotation}")

    @property
    def owner(self) -> str:
        """The stack's mark."""
        return f"ambient-components/{self.stack.name}"

    @property
    def owner_annotation(self) -> str | None:
        """Whose it is."""
        return self.note("owner")

    def objects(self, *kinds: str) -> dict[str, tuple[str, str]]:
        """What is in it, by path: uid and content, as far as users could miss it."""
        found = {}
        for path in kinds:
            for item in self.machine.get(path)["items"]:
                content = {key: item.get(key) for key in ("data", "spec", "roleRef", "subjects")}
                found[f"{path}/{item['metadata']['name']}"] = (item["metadata"]["uid"], json.dumps(content))
        return found

    def everything(self) -> dict[str, tuple[str, str]]:
        bindings = f"{RBAC}/{self.name}/rolebindings"
        return self.data() | self.objects(bindings, *(f"{self.path}/{kind}" for kind in ("secrets", "serviceaccounts")))

    def data(self) -> dict[str, tuple[str, str]]:
        """What must outlive the end of all access: sessions, settings, what anybody stored in it."""
        platform = (f"{PLATFORM}/{self.name}/{kind}" for kind in ("projectsettings", "agenticsessions"))
        return self.objects(*platform, *(f"{self.path}/{kind}" for kind in ("configmaps", "limitranges")))

    def bindings(self) -> set[str]:
        """Names of what binds a role that the platform honours."""
        items = self.machine.get(f"{RBAC}/{self.name}/rolebindings")["items"]
        honoured = [item for item in items if item["roleRef"]["name"].startswith("ambient-project-")]
        return {item["metadata"]["name"] for item in honoured}

    def secrets(self) -> set[str]:
        """Which of the two secrets of its sessions are there."""
        return {item["metadata"]["name"] for item in self.machine.get(f"{self.path}/secrets")["items"]} & SECRETS

    def token(self) -> str:
        """Its key."""
        return self.stack.token("ci", self.name)

    def sessions(self, token: str) -> int:
        """The answer to somebody who lists its sessions."""
        return self.machine.request("GET", f"{PLATFORM}/{self.name}/agenticsessions", token=token)


# The stack and its file.


def side_by_side(stack: Stack) -> tuple[Workspace, Workspace]:
    """A workspace that is to be made, and one of the UI's to be adopted; a secret in the config for both."""
    made, adopted = Workspace(stack, stack.w), Workspace(stack, f"{stack.w}-a", adopted=True)
    stack.secret("anthropic")
    made_in_the_ui(adopted)
    return made, adopted


def write(stack: Stack, workspaces: Iterable[Workspace], state: str = "active", text: str = ENTRY) -> None:
    """The stack file with these workspaces, all in one state."""
    stack.write("workspaces:\n" + "".join(workspace.entry(state, text) for workspace in workspaces))


def brought_to(stack: Stack, workspaces: Iterable[Workspace], *states: str) -> None:
    """A run for each state, and after the first some work that somebody would miss."""
    for number, state in enumerate(states):
        write(stack, workspaces, state)
        stack.up().ok()
        for workspace in workspaces if number == 0 else ():
            worked_in(workspace)


def forgotten(stack: Stack) -> bool:
    """Whether the state holds no workspace, and nothing of one."""
    kinds = {item["type"] for item in stack.export()}
    return not {kind for kind in kinds if not kind.startswith("pulumi:")} - {"ambient:index:AccessLedger"}


def recorded(stack: Stack) -> int:
    """How many resources the state has by now, also while a run is under way."""
    (attributes,) = stack.attributes()
    state = json.loads(attributes.with_suffix("").read_text())
    return len(state["checkpoint"]["latest"].get("resources") or [])


def quiet(result: Result) -> None:
    assert result.unchanged, result.text


# What others do.


def add(machine: Machine, path: str, name: str, *, group: str = "v1", kind: str = "", **rest: Any) -> None:
    """Somebody makes an object by hand."""
    metadata = {"name": name, **rest.pop("metadata", {})}
    body = {"apiVersion": group, "kind": kind, "metadata": metadata, **rest}
    token = machine.cluster.token_of("sandbox-admin")
    assert machine.request("POST", path, token=token, body=body) == 200, name


def bind(
    workspace: Workspace, name: str, role: str, subject: dict[str, str], labels: dict[str, str] | None = None
) -> None:
    """Somebody gives a role of the platform's."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"ambient-project-{role}"}
    add(
        workspace.machine, f"{RBAC}/{workspace.name}/rolebindings", name,
        group="rbac.authorization.k8s.io/v1", kind="RoleBinding",
        metadata={"labels": labels or {}}, roleRef=reference, subjects=[subject],
    )  # fmt: skip


def share(workspace: Workspace, user: str, *, labelled: bool = True) -> None:
    """A grant as the platform's Sharing page makes it, or as somebody with kubectl does."""
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    bind(workspace, f"by-hand-{user}", "edit", subject, {"app": "ambient-permission"} if labelled else None)


def key_by_hand(workspace: Workspace) -> str:
    """A key as the platform's Keys page makes it; its token."""
    machine, name, labels = workspace.machine, "ambient-key-by-hand-12345678", {"app": "ambient-access-key"}
    accounts = f"{workspace.path}/serviceaccounts"
    notes = {"labels": labels, "annotations": {"ambient-code.io/key-name": "by hand"}}
    add(machine, accounts, name, kind="ServiceAccount", metadata=notes)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": workspace.name}
    bind(workspace, "ambient-key-view-by-hand-12345678", "view", subject, labels)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = machine.admin().request("POST", f"{accounts}/{name}/token", json.dumps(request).encode())
    return machine.keep_secret(answer["status"]["token"], "token of a key made by hand")


def made_in_the_ui(workspace: Workspace) -> None:
    """As the platform makes one: listed, with a grant, a creator and a secret that no file knows."""
    labels = {"ambient-code.io/managed": "true", "app.kubernetes.io/managed-by": "ambient-code"}
    add(workspace.machine, "/api/v1/namespaces", workspace.name, kind="Namespace", metadata={"labels": labels})
    share(workspace, "mallory@example.com")
    creator = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "carol@example.com"}
    bind(workspace, "ambient-admin-carol-example-com", "admin", creator, {"ambient-code.io/role": "admin"})
    saved = {"SAVED_IN_UI": "eA=="}
    add(workspace.machine, f"{workspace.path}/secrets", "ambient-non-vertex-integrations", kind="Secret", data=saved)


def worked_in(workspace: Workspace) -> None:
    """A session, and something that a session left."""
    machine = workspace.machine
    add(machine, f"{workspace.path}/configmaps", "work", kind="ConfigMap", data={"of": "a session"})
    add(
        machine, f"{PLATFORM}/{workspace.name}/agenticsessions", "run-1",
        group="vteam.ambient-code/v1alpha1", kind="AgenticSession", spec={"initialPrompt": "Tidy up"},
    )  # fmt: skip


# What is so.


def is_open(workspace: Workspace, *_tokens: str) -> None:
    """Listed, ours, and whoever the file names gets in."""
    assert workspace.listed()
    assert workspace.owner_annotation == workspace.owner
    assert not workspace.note("released-by")
    assert {*GRANTS, OWNER} <= workspace.bindings()
    assert workspace.secrets() == SECRETS
    assert workspace.sessions(workspace.token()) == 200


def is_released(workspace: Workspace, *tokens: str) -> None:
    """Listed, nobody's, and whoever got in still does."""
    assert workspace.listed()
    assert workspace.owner_annotation is None
    assert workspace.note("released-by") == workspace.owner
    assert {*GRANTS, OWNER} <= workspace.bindings()
    assert workspace.secrets() == SECRETS
    assert [workspace.sessions(token) for token in tokens] == [200] * len(tokens)


def is_closed(workspace: Workspace, *tokens: str) -> None:
    """Off the list, and nobody but the owners gets in."""
    assert not workspace.listed()
    assert workspace.bindings() == {OWNER}
    for token in tokens:
        workspace.machine.until(
            lambda token=token: workspace.sessions(token) in {401, 403}, "a key of a closed workspace"
        )
    assert workspace.secrets() == set()
