"""`ambient access --live` on a real cluster: what others gave and took, by hand and in the UI, each named and judged.

And the table of rights it speaks by, against the API server's own answer for each role.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambient_components.access.effective import ALL_RIGHTS, SESSION_RIGHTS, TRIGGER_RIGHTS, RoleRight, roles_with
from ambient_components.platform.contract import Role
from sandbox.backend import Backend
from sandbox.credentials import kubeconfig
from tests.support import platform as ui
from tests.support.stacks import REPOSITORY, Stack

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
GROUP = "rbac.authorization.k8s.io"
ALICE = "user:alice@example.com"
FILE = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: payments-devs, role: edit}, {user: bob@example.com}]
    keys: {ci: {}, report: {role: view}}
"""
DECLARED = {
    (ALICE, "admin", "owner"),
    ("group:payments-devs", "edit", "grant"),
    ("user:bob@example.com", "view", "grant"),
    ("key:ci", "edit", "key"),
    ("key:report", "view", "key"),
}


GROUPS = {
    resource.partition("/")[0]: group
    for one in yaml.safe_load_all((REPOSITORY / "sandbox" / "platform" / "clusterroles.yaml").read_text())
    for rule in one["rules"]
    for group in rule["apiGroups"]
    for resource in rule["resources"]
}
"""API group by resource, as the manifests have it."""


@pytest.fixture
def ours(stack: Stack, platform: Backend) -> Stack:
    stack.write(FILE)
    stack.up().ok()
    # The operator makes the trigger's account in its own time.
    trigger = f"{RBAC}/{stack.w}/rolebindings/ambient-session-trigger"
    stack.machine.until(lambda: stack.machine.get(trigger) is not None, "the operator has made its own binding")
    return stack


def listed(stack: Stack, *flags: str, code: int = 0) -> dict[str, set[tuple[str, str, str]]]:
    """Subject, role and reason by status, as `ambient access --live` lists them."""
    shown = stack.ambient("access", stack.name, "--live", "--format", "csv", *flags)
    assert shown.code == code, shown.text
    found: dict[str, set[tuple[str, str, str]]] = {}
    for row in csv.DictReader(io.StringIO(shown.text)):
        assert row["workspace"] == stack.w
        found.setdefault(row["status"], set()).add((row["subject"], row["role"], row["reason"]))
    return found


def bind(stack: Stack, name: str, role: tuple[str, str], subject: dict[str, str], **labels: str) -> None:
    """Somebody makes a RoleBinding with kubectl."""
    body = {
        "metadata": {"name": name, "labels": labels},
        "roleRef": {"apiGroup": GROUP, "kind": role[0], "name": role[1]},
        "subjects": [subject],
    }
    stack.machine.create(f"{RBAC}/{stack.w}/rolebindings", body)


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "apiGroup": GROUP, "name": name}


def test_what_is_declared_is_there_and_the_operator_is_recognised(ours: Stack) -> None:
    trigger = "ambient-session-trigger"
    own = {(f"serviceaccount:{ours.w}:{trigger}", f"Role/{trigger}", "platform")}
    assert listed(ours) == {"declared": DECLARED, "platform": own}
    assert listed(ours, "--workspace", ours.w) == {"declared": DECLARED, "platform": own}
    assert listed(ours, "--files") == {"declared": DECLARED, "platform": own}


def test_what_others_gave(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.add_permission(platform, stack.w, ui.Permission("user", "mallory@example.com", "view"))
    made = ui.create_key(platform, stack.w, "by hand", role="admin")
    stack.machine.keep_secret(made.token, "a key made in the UI")
    bind(stack, "debug", ("ClusterRole", "admin"), user("ops@example.com"))
    bind(stack, "plain", ("ClusterRole", "ambient-project-admin"), user("root@example.com"))
    bind(
        stack, "ambient-admin-eve", ("ClusterRole", "ambient-project-admin"), user("eve@example.com"),
        **{"ambient-code.io/role": "admin"},
    )  # fmt: skip
    found = listed(stack, code=2)
    assert found["declared"] == DECLARED
    assert found["undeclared"] == {
        ("user:mallory@example.com", "view", "grant"),
        (f"serviceaccount:{stack.w}:{made.id}", "admin", "key"),
        ("user:ops@example.com", "ClusterRole/admin", "RoleBinding debug"),
        ("user:root@example.com", "admin", "RoleBinding plain"),
        ("user:eve@example.com", "admin", "owner"),
    }
    assert "missing" not in found
    shown = stack.ambient("access", stack.name, "--live", "--who-can", "get secrets")
    assert shown.code == 2
    assert "user:root@example.com" in shown.text
    assert "Perhaps these too" in shown.text
    assert "What is declared and what is there differ: 4 not declared" in shown.text
    # What is only asked of the record has seen nothing of it.
    assert stack.ambient("access", stack.name).code == 0
    # Nothing of it was changed, and the engine has nothing to do.
    assert stack.preview().unchanged


def test_what_others_took(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.remove_permission(platform, stack.w, "group", "payments-devs")
    (key,) = (one for one in ui.keys(platform, stack.w) if one.name == "ci")
    ui.delete_key(platform, stack.w, key.id)
    gone = {("group:payments-devs", "edit", "grant"), ("key:ci", "edit", "key")}
    found = listed(stack, code=2)
    assert found["missing"] == gone
    assert found["declared"] == DECLARED - gone
    assert "undeclared" not in found
    # One run that looks brings both back.
    stack.up("--refresh").ok()
    assert listed(stack)["declared"] == DECLARED


def test_the_identity_before_is_declared_as_long_as_it_overlaps(ours: Stack) -> None:
    stack = ours
    stack.write(FILE.replace("ci: {}", "ci: {generation: 2, overlapUntil: 2100-01-01}"))
    stack.up().ok()
    assert listed(stack)["declared"] == DECLARED | {("key:ci", "edit", "key of generation 1")}
    # By the files alone, where the overlap is gone, and nothing was deployed.
    stack.write(FILE.replace("ci: {}", "ci: {generation: 2}"))
    assert listed(stack, "--files", code=2)["undeclared"] == {("key:ci", "edit", "key of generation 1")}


def test_the_platforms_own_accounts_and_what_they_may_do(ours: Stack, platform: Backend) -> None:
    """Of schedules and of a session, as the operator makes them."""
    stack = ours
    stack.secret("anthropic")
    stack.write(f"{FILE}    secrets: {{runner: {{ANTHROPIC_API_KEY: {{config: anthropic}}}}}}\n")
    stack.up().ok()
    session = f"ambient-session-{ui.create_session(platform, stack.w, 'Tidy up')}"
    bound = f"{RBAC}/{stack.w}/rolebindings/{session}-rb"
    stack.machine.until(lambda: stack.machine.get(bound) is not None, "the operator has bound the session's account")
    for name, role, rights in (
        (session, f"{session}-role", SESSION_RIGHTS),
        ("ambient-session-trigger", "ambient-session-trigger", TRIGGER_RIGHTS),
    ):
        assert (f"serviceaccount:{stack.w}:{name}", f"Role/{role}", "platform") in listed(stack)["platform"]
        identity = f"system:serviceaccount:{stack.w}:{name}"
        # Whatever is allowed for all is allowed for each.
        for_one = {one for one in ALL_RIGHTS if one.name and RoleRight(one.verb, one.resource) in rights}
        assert {right for right in ALL_RIGHTS if allowed(stack, identity, right)} == rights | for_one
    shown = stack.ambient("access", stack.name, "--live", "--who-can", "get secrets", "--format", "json")
    assert f"serviceaccount:{stack.w}:{session}" in [one["subject"] for one in json.loads(shown.text)["access"]]


def test_the_rights_of_the_page_are_enough_and_each_is_needed(ours: Stack, tmp_path: Path) -> None:
    stack, machine = ours, ours.machine
    page = (REPOSITORY / "docs" / "tasks" / "access.md").read_text()
    role = yaml.safe_load(page[page.index("```yaml\napiVersion") :].split("```", 2)[1].removeprefix("yaml\n"))
    name = role["metadata"]["name"] = f"auditor-{stack.w}"
    machine.create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": name}})
    subject = {"kind": "ServiceAccount", "namespace": "default", "name": name}
    binding = {"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": name}, "subjects": [subject]}
    roles, bindings = (f"/apis/{GROUP}/v1/{kind}" for kind in ("clusterroles", "clusterrolebindings"))
    machine.create(bindings, binding)
    token = machine.mint("default", name, user="sandbox-admin")
    file = tmp_path / "auditor.kubeconfig"
    file.write_text(kubeconfig(machine.cluster.url, machine.cluster.ca_file, name, token))
    stack.environment = {**stack.environment, "KUBECONFIG": str(file)}
    for missing in role["rules"]:
        machine.create(roles, {**role, "rules": [rule for rule in role["rules"] if rule is not missing]})
        shown = stack.ambient("access", stack.name, "--live")
        assert shown.code == 1, shown.text
        machine.delete(f"{roles}/{name}")
    machine.create(roles, role)
    machine.until(lambda: stack.ambient("access", stack.name, "--live").code == 0, "the auditor's rights are enough")
    for path in (f"{roles}/{name}", f"{bindings}/{name}"):
        machine.delete(path)


# The table, against the API server's own answer.


@pytest.mark.parametrize(
    ("role", "identity", "groups"),
    [
        (Role.ADMIN, "alice@example.com", []),
        (Role.EDIT, "somebody@example.com", ["payments-devs"]),
        (Role.VIEW, "bob@example.com", []),
    ],
)
def test_each_role_has_the_rights_of_the_table_and_no_others(
    ours: Stack, role: Role, identity: str, groups: list[str]
) -> None:
    requested = {
        *ALL_RIGHTS,
        *(RoleRight(verb, "pods/exec") for verb in ("get", "create")),
        RoleRight("create", "pods"),
    }
    there = {right for right in requested if allowed(ours, identity, right, groups)}
    assert there == {right for right in requested if role in roles_with(right)}


def allowed(stack: Stack, identity: str, right: RoleRight, groups: list[str] | None = None) -> bool:
    """The API server's answer for somebody in the stack's workspace."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "namespace": stack.w,
        "group": GROUPS[resource],
        "resource": resource,
        "subresource": subresource,
        "verb": right.verb,
        "name": right.name,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": identity, "groups": groups or [], "resourceAttributes": attributes},
    }
    answer: dict[str, Any] = stack.machine.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(answer["status"]["allowed"])
