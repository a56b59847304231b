"""Access that others took or gave, line by line of docs/tasks/drift.md.

It is told at once, and taken back only where declared.
"""

import pytest

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.drift import FILE, deployed, mended, quiet, says
from tests.support.stacks import Stack

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
BINDING = "ambient:index:RoleBinding"


@pytest.fixture
def ours(stack: Stack, platform: Backend) -> Stack:
    return deployed(stack)


def bound(stack: Stack, name: str) -> bool:
    return stack.machine.get(f"{RBAC}/{stack.w}/rolebindings/{name}") is not None


# Access that somebody took away: told at once, made again by a refresh and a run.


def test_a_grant_that_was_removed(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.remove_permission(platform, stack.w, "group", "payments-devs")
    preview = stack.preview()
    assert preview.unchanged
    says(preview, "RoleBinding ambient-permission-edit-payments-devs-group: declared, and not in the cluster")
    says(stack.refresh(), f"- {BINDING}: (delete)")
    says(stack.preview(), f"+ {BINDING}: (create)")
    mended(stack)
    assert ui.Permission("group", "payments-devs", "edit") in ui.permissions(platform, stack.w)


def test_a_key_that_was_revoked(ours: Stack, platform: Backend) -> None:
    stack = ours
    token = stack.token("ci")
    (key,) = ui.keys(platform, stack.w)
    ui.delete_key(platform, stack.w, key.id)
    preview = stack.preview()
    assert preview.unchanged
    says(preview, f"ServiceAccount {key.id}: declared, and not in the cluster")
    says(
        stack.refresh(),
        "- ambient:index:ServiceAccount: (delete)",
        f"- {BINDING}: (delete)",
        '"its ServiceAccount was deleted"',
    )
    says(stack.preview(), "+ ambient:index:ServiceAccount: (create)", "~ ambient:index:AccessToken: (update)")
    mended(stack)
    assert stack.token("ci") != token
    assert stack.sessions(stack.token("ci")) == 200
    stack.machine.until(lambda: stack.sessions(token) == 401, "the revoked key stays revoked")


def test_a_whole_workspace_that_was_deleted(ours: Stack, platform: Backend) -> None:
    stack = ours
    token = stack.token("ci")
    ui.delete_project(platform, stack.w)
    stack.machine.until(lambda: stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None, "the namespace is gone")
    preview = stack.preview()
    assert preview.unchanged
    says(
        preview,
        f"workspace '{stack.w}': its namespace is not in the cluster",
        "ambient up --refresh makes the workspace again",
    )
    stack.refresh().ok()
    kinds = {item["type"] for item in stack.export() if stack.w in item["urn"].split("::")[-1]}
    assert kinds == {"ambient:index:Workspace", "ambient:index:ApiKey"}  # components alone: nothing in the cluster
    stack.up().ok()
    assert stack.w in [project.name for project in ui.projects(platform)]
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers({}, ["webfetch"])
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.sessions(token) == 401
    quiet(stack.preview("--expect-no-changes"))


def test_refresh_and_run_in_one_bring_a_deleted_workspace_back(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.delete_project(platform, stack.w)
    stack.machine.until(lambda: stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None, "the namespace is gone")
    stack.up("--refresh").ok()
    assert stack.sessions(stack.token("ci")) == 200
    quiet(stack.preview("--expect-no-changes"))


# Access that somebody gave: told in every preview and in every run, and left alone.


def told_and_left_alone(stack: Stack, *texts: str) -> None:
    for result in (stack.preview("--expect-no-changes"), stack.up("--expect-no-changes")):
        assert result.unchanged, result.text
        says(result, *texts, "in the cluster, and in no file")
    assert stack.refresh().unchanged


def test_a_grant_that_was_added(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.add_permission(platform, stack.w, ui.Permission("user", "mallory@example.com", "view"))
    told_and_left_alone(stack, "view of user:mallory@example.com")
    assert ui.Permission("user", "mallory@example.com", "view") in ui.permissions(platform, stack.w)
    # Declared, it is ours from then on, and nobody is warned of it any more.
    stack.write(FILE.replace("{user: bob@", "{user: mallory@example.com}, {user: bob@"))
    stack.up().ok()
    quiet(stack.preview("--expect-no-changes"))


def test_a_key_that_was_added(ours: Stack, platform: Backend) -> None:
    stack = ours
    made = ui.create_key(platform, stack.w, "by hand", role="view")
    stack.machine.keep_secret(made.token, "a key made in the UI")
    told_and_left_alone(stack, f"key {made.id}")
    assert stack.sessions(made.token) == 200


def test_a_subject_whose_role_was_changed_by_hand(ours: Stack, platform: Backend) -> None:
    """The UI has no such button: it is one grant removed, and another one added."""
    stack = ours
    ui.remove_permission(platform, stack.w, "user", "bob@example.com")
    ui.add_permission(platform, stack.w, ui.Permission("user", "bob@example.com", "admin"))
    preview = stack.preview()
    assert preview.unchanged
    says(
        preview,
        "admin of user:bob@example.com: made by others, beside the declared view",
        "RoleBinding ambient-permission-view-bob-example-com-user: declared, and not in the cluster",
    )
    says(stack.refresh(), f"- {BINDING}: (delete)", "- 1 deleted")
    stack.up().ok()
    both = [one.role for one in ui.permissions(platform, stack.w) if one.subject_name == "bob@example.com"]
    assert both == ["admin", "view"]


def test_hidden_admins_and_unlabelled_bindings_are_told(ours: Stack) -> None:
    stack = ours
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "root@example.com"}
    admin = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "ambient-project-admin"}
    token = stack.machine.cluster.token_of("sandbox-admin")

    def bind(name: str, labels: dict[str, str]) -> None:
        body = {"metadata": {"name": name, "labels": labels}, "roleRef": admin, "subjects": [subject]}
        assert stack.machine.request("POST", f"{RBAC}/{stack.w}/rolebindings", token=token, body=body) == 200

    bind("plain", {})
    told_and_left_alone(stack, "admin of user:root@example.com (RoleBinding plain)")
    bind("ambient-admin-root-example-com", {"ambient-code.io/role": "admin"})
    told_and_left_alone(stack, "admin of user:root@example.com")
    assert bound(stack, "ambient-admin-root-example-com")
    assert bound(stack, "plain")
    # Closing ends both.
    stack.write(FILE + "    state: closed\n")
    stack.up().ok()
    assert not bound(stack, "ambient-admin-root-example-com")
    assert not bound(stack, "plain")
