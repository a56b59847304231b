"""What others do to a workspace, and what a preview, a refresh and the next run say of it: docs/drift.md, line by line.

Every change is made through the platform's own backend where it has one for it, as a user of the UI would.
"""

import pytest

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.stacks import Result, Stack

FILE = """
workspaces:
  THIS:
    owners: [user:alice@example.com]
    grants: [{group: payments-devs, role: edit}, {user: bob@example.com}]
    keys: {ci: {name: CI}}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}}
      integrations: {LOG_LEVEL: {value: debug}}
      onDrift: {runner: ON_DRIFT}
    settings: {idleTimeout: 12h, featureFlags: {jira-write: true}, mcpServers: {disabled: [webfetch]}}
"""
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"


@pytest.fixture
def ours(stack: Stack, platform: Backend) -> Stack:
    stack.secret("anthropic")
    stack.write(FILE.replace("ON_DRIFT", "overwrite"))
    stack.up().ok()
    return stack


def quiet(result: Result) -> None:
    """Nothing would change, and nobody is warned."""
    assert result.unchanged, result.text
    assert "not in the cluster" not in result.text
    assert "in no file" not in result.text


def mended(stack: Stack) -> None:
    """One run brings everything back, and the next has nothing to do."""
    stack.up().ok()
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().unchanged


# What is nobody's business: no change, no word.


def test_a_last_used_date_is_no_change(ours: Stack, platform: Backend) -> None:
    stack = ours
    platform.call("GET", f"/api/projects/{stack.w}/agentic-sessions", token=stack.token("ci"))
    stack.machine.until(lambda: all(key.last_used_at for key in ui.keys(platform, stack.w)), "the last use")
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().ok()
    quiet(stack.preview("--expect-no-changes"))
    stack.up().ok()
    assert all(key.last_used_at for key in ui.keys(platform, stack.w))


def test_a_flag_that_no_file_declares_is_the_uis(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.override_flag(platform, stack.w, "gerrit.enabled", True)
    assert stack.refresh().unchanged
    quiet(stack.preview("--expect-no-changes"))
    assert ui.feature_flags(platform, stack.w) == {"jira-write": True, "gerrit.enabled": True}


def test_notes_on_the_namespace_are_everybodys(ours: Stack) -> None:
    stack = ours
    path = f"/api/v1/namespaces/{stack.w}"
    namespace = stack.machine.get(path)
    namespace["metadata"]["labels"]["example.com/theirs"] = "yes"
    namespace["metadata"]["annotations"]["example.com/theirs"] = "yes"
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("PUT", path, token=token, body=namespace) == 200
    assert stack.refresh().unchanged
    quiet(stack.preview("--expect-no-changes"))


# What the file declares: seen by a refresh, and set right by the next run.


def test_a_declared_flag_that_was_flipped_comes_back(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.override_flag(platform, stack.w, "jira-write", False)
    quiet(stack.preview("--expect-no-changes"))
    assert "~ jira-write: true => false" in stack.refresh().ok().text
    assert "~ jira-write: false => true" in stack.preview().ok().text
    mended(stack)
    assert ui.feature_flags(platform, stack.w) == {"jira-write": True}


def test_mcp_servers_that_were_saved_give_way_to_the_file(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.save_mcp_servers(platform, stack.w, ui.McpServers({"mine": {"type": "http", "url": "https://x.example.com"}}))
    quiet(stack.preview("--expect-no-changes"))
    assert "mcpServers" in stack.refresh().ok().text
    preview = stack.preview().ok().text
    assert "- mine" in preview
    assert "disabled" in preview
    mended(stack)
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers({}, ["webfetch"])


def test_a_secret_that_was_saved_is_overwritten(ours: Stack, platform: Backend) -> None:
    stack = ours
    kept = ui.runner_secrets(platform, stack.w)
    value = stack.machine.keep_secret("sk-ant-of-somebody-in-the-ui-0123", "a secret saved in the UI")
    ui.save_runner_secrets(platform, stack.w, {"ANTHROPIC_API_KEY": value, "GEMINI_API_KEY": value})
    quiet(stack.preview("--expect-no-changes"))
    refresh = stack.refresh().ok().text
    assert "~ ANTHROPIC_API_KEY: [secret] => [secret]" in refresh
    assert "+ GEMINI_API_KEY" in refresh
    assert "- GEMINI_API_KEY" in stack.preview().ok().text
    mended(stack)
    assert ui.runner_secrets(platform, stack.w) == kept


def test_a_secret_that_was_saved_stays_where_the_file_says_keep(ours: Stack, platform: Backend) -> None:
    stack = ours
    stack.write(FILE.replace("ON_DRIFT", "keep"))
    stack.up().ok()
    value = stack.machine.keep_secret("sk-ant-of-somebody-in-the-ui-4567", "a secret saved in the UI")
    ui.save_runner_secrets(platform, stack.w, {"ANTHROPIC_API_KEY": value})
    stack.refresh().ok()
    quiet(stack.preview("--expect-no-changes"))
    stack.up().ok()
    assert ui.runner_secrets(platform, stack.w) == {"ANTHROPIC_API_KEY": value}
    # Until a value here changes.
    new = stack.secret("anthropic")
    stack.up().ok()
    assert ui.runner_secrets(platform, stack.w) == {"ANTHROPIC_API_KEY": new}


# Access that somebody took away: told at once, made again by a refresh and a run.


def test_a_grant_that_was_removed(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.remove_permission(platform, stack.w, "group", "payments-devs")
    preview = stack.preview().ok()
    assert preview.unchanged
    assert "RoleBinding ambient-permission-edit-payments-devs-group: declared, and not in the cluster" in preview.text
    assert "- kubernetes:rbac.authorization.k8s.io/v1:RoleBinding: (delete)" in stack.refresh().ok().text
    assert "+ kubernetes:rbac.authorization.k8s.io/v1:RoleBinding: (create)" in stack.preview().ok().text
    mended(stack)
    assert ui.Permission("group", "payments-devs", "edit") in ui.permissions(platform, stack.w)


def test_a_key_that_was_revoked(ours: Stack, platform: Backend) -> None:
    stack = ours
    token = stack.token("ci")
    (key,) = ui.keys(platform, stack.w)
    ui.delete_key(platform, stack.w, key.id)
    preview = stack.preview().ok()
    assert f"ServiceAccount {key.id}: declared, and not in the cluster" in preview.text.replace(
        f"RoleBinding ambient-key-edit-ci-{key.id[-8:]}, ", ""
    )
    refresh = stack.refresh().ok().text
    assert "- kubernetes:core/v1:ServiceAccount: (delete)" in refresh
    plan = stack.preview().ok().text
    assert "+ kubernetes:core/v1:ServiceAccount: (create)" in plan
    assert "~ ambient:index:AccessToken: (update)" in plan
    mended(stack)
    assert stack.token("ci") != token
    assert stack.sessions(stack.token("ci")) == 200
    stack.machine.until(lambda: stack.sessions(token) == 401, "the revoked key stays revoked")


def test_a_whole_workspace_that_was_deleted(ours: Stack, platform: Backend) -> None:
    stack = ours
    token = stack.token("ci")
    ui.delete_project(platform, stack.w)
    stack.machine.until(lambda: stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None, "the namespace is gone")
    preview = stack.preview().ok()
    assert f"workspace '{stack.w}': its namespace is gone from the cluster" in preview.text
    assert "pulumi up --refresh makes the workspace anew" in preview.text
    stack.refresh().ok()
    assert [item for item in stack.export() if item["type"].startswith("kubernetes:")] == []
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


def test_a_workspace_that_was_taken_off_the_list(ours: Stack, platform: Backend) -> None:
    stack = ours
    path = f"/api/v1/namespaces/{stack.w}"
    namespace = stack.machine.get(path)
    namespace["metadata"]["labels"]["ambient-code.io/managed"] = "false"
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("PUT", path, token=token, body=namespace) == 200
    assert "ambient-code.io/managed" in stack.refresh().ok().text
    assert 'ambient-code.io/managed: "false" => "true"' in stack.preview().ok().text
    mended(stack)
    assert stack.w in [project.name for project in ui.projects(platform)]


# Access that somebody gave: told in every preview, and left alone.


def test_grants_and_keys_that_were_added_are_told_and_left_alone(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.add_permission(platform, stack.w, ui.Permission("user", "mallory@example.com", "view"))
    made = ui.create_key(platform, stack.w, "by hand", role="view")
    stack.machine.keep_secret(made.token, "a key made in the UI")
    preview = stack.preview().ok()
    assert preview.unchanged
    assert "view of user:mallory@example.com" in preview.text
    assert f"key {made.id}" in preview.text
    assert "in the cluster, and in no file" in preview.text
    assert stack.refresh().unchanged
    stack.up().ok()
    assert ui.Permission("user", "mallory@example.com", "view") in ui.permissions(platform, stack.w)
    # Declared, it is ours from then on, and nobody is warned of it any more.
    stack.write(
        FILE.replace("ON_DRIFT", "overwrite").replace("{user: bob@", "{user: mallory@example.com}, {user: bob@")
    )
    ui.delete_key(platform, stack.w, made.id)
    stack.up().ok()
    quiet(stack.preview("--expect-no-changes"))


def test_hidden_admins_are_told_and_unlabelled_bindings_are_not(ours: Stack) -> None:
    stack = ours
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "root@example.com"}
    admin = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "ambient-project-admin"}
    token = stack.machine.cluster.token_of("sandbox-admin")
    for name, labels in (("ambient-admin-root-example-com", {"ambient-code.io/role": "admin"}), ("plain", {})):
        body = {"metadata": {"name": name, "labels": labels}, "roleRef": admin, "subjects": [subject]}
        assert stack.machine.request("POST", f"{RBAC}/{stack.w}/rolebindings", token=token, body=body) == 200
    preview = stack.preview().ok()
    assert preview.unchanged
    assert preview.text.count("admin of user:root@example.com") == 1


def test_a_subject_whose_role_was_changed_by_hand(ours: Stack, platform: Backend) -> None:
    """The UI has no such button: it is one grant removed, and another one added."""
    stack = ours
    ui.remove_permission(platform, stack.w, "user", "bob@example.com")
    ui.add_permission(platform, stack.w, ui.Permission("user", "bob@example.com", "admin"))
    text = stack.preview().ok().text
    assert "admin of user:bob@example.com: in the cluster, and in no file" in text
    assert "RoleBinding ambient-permission-view-bob-example-com-user: declared, and not in the cluster" in text
