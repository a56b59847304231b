"""The life of a workspace on the real engine: active, adopted, closed, released, gone; and crashes in between."""

import json

import pytest

from tests.support.stacks import Machine, Stack

FILE = """
workspaces:
  THIS:
    owners: [user:alice@example.com]
    grants: [{group: devs, role: edit}, {user: bob@example.com}]
    keys: {ci: {role: view}}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}}
      integrations: {LOG_LEVEL: {value: debug}}
    settings: {idleTimeout: 12h, featureFlags: {jira-write: true}}
"""
EMPTY = "workspaces: {}\n"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
PLATFORM = "/apis/vteam.ambient-code/v1alpha1/namespaces"


def with_state(state: str, text: str = FILE) -> str:
    return f"{text}    state: {state}\n"


def namespace(stack: Stack) -> dict | None:
    return stack.machine.get(f"/api/v1/namespaces/{stack.w}")


def listed(stack: Stack) -> bool:
    found = namespace(stack)
    return found is not None and found["metadata"]["labels"].get("ambient-code.io/managed") == "true"


def mark(stack: Stack) -> str | None:
    found = namespace(stack)
    assert found is not None
    return (found["metadata"].get("annotations") or {}).get("ambient-components/owner")


def bindings(stack: Stack) -> set[str]:
    return {item["metadata"]["name"] for item in stack.machine.get(f"{RBAC}/{stack.w}/rolebindings")["items"]}


def everything(stack: Stack) -> dict[str, object]:
    """All that a workspace has, by path, as far as users could miss it."""
    paths = [
        f"/api/v1/namespaces/{stack.w}/{kind}" for kind in ("secrets", "serviceaccounts", "configmaps", "limitranges")
    ] + [f"{RBAC}/{stack.w}/rolebindings", f"{PLATFORM}/{stack.w}/projectsettings"]
    found = {}
    for path in paths:
        for item in stack.machine.get(path)["items"]:
            content = {key: item.get(key) for key in ("data", "spec", "roleRef", "subjects")}
            found[f"{path}/{item['metadata']['name']}"] = (item["metadata"]["uid"], json.dumps(content, sort_keys=True))
    return found


def add_by_hand(machine: Machine, path: str, kind: str, name: str, **rest: object) -> None:
    version = "rbac.authorization.k8s.io/v1" if kind == "RoleBinding" else "v1"
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **rest.pop("metadata", {})}, **rest}
    token = machine.cluster.token_of("sandbox-admin")
    assert machine.request("POST", path, token=token, body=body) == 200


def share_by_hand(stack: Stack, subject: str, *, labelled: bool = True) -> None:
    """A grant as the platform's Sharing page makes it, or as somebody with kubectl does."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ambient-project-edit"}
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": subject}
    notes = {"labels": {"app": "ambient-permission"}} if labelled else {}
    path = f"{RBAC}/{stack.w}/rolebindings"
    add_by_hand(stack.machine, path, "RoleBinding", f"by-hand-{subject}", metadata=notes, roleRef=role, subjects=[user])


def key_by_hand(stack: Stack) -> str:
    """A key as the platform's Keys page makes it; its token."""
    account = {"labels": {"app": "ambient-access-key"}, "annotations": {"ambient-code.io/key-name": "by hand"}}
    accounts = f"/api/v1/namespaces/{stack.w}/serviceaccounts"
    add_by_hand(stack.machine, accounts, "ServiceAccount", "ambient-key-by-hand-12345678", metadata=account)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ambient-project-view"}
    subject = {"kind": "ServiceAccount", "name": "ambient-key-by-hand-12345678", "namespace": stack.w}
    path = f"{RBAC}/{stack.w}/rolebindings"
    add_by_hand(
        stack.machine, path, "RoleBinding", "ambient-key-view-by-hand-12345678",
        metadata={"labels": {"app": "ambient-access-key"}}, roleRef=role, subjects=[subject],
    )  # fmt: skip
    answer = stack.machine.admin().request(
        "POST",
        f"{accounts}/ambient-key-by-hand-12345678/token",
        json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}).encode(),
    )
    return stack.machine.keep_secret(answer["status"]["token"], "token of a key made by hand")


def made_in_the_ui(stack: Stack) -> None:
    """A workspace that the platform made: listed, with a grant, a secret and settings that no file knows."""
    labels = {"ambient-code.io/managed": "true", "app.kubernetes.io/managed-by": "ambient-code"}
    add_by_hand(stack.machine, "/api/v1/namespaces", "Namespace", stack.w, metadata={"labels": labels})
    share_by_hand(stack, "mallory@example.com")
    add_by_hand(
        stack.machine, f"/api/v1/namespaces/{stack.w}/secrets", "Secret", "ambient-non-vertex-integrations",
        data={"SAVED_IN_UI": "eA=="},
    )  # fmt: skip


def deployed(stack: Stack, text: str = FILE) -> str:
    """The workspace is there; its key."""
    stack.secret("anthropic")
    stack.write(text)
    stack.up().ok()
    return stack.token("ci")


def no_access(stack: Stack, *tokens: str) -> None:
    """Nobody but the owners: no binding of the platform's roles is left, and keys are refused."""
    left = stack.machine.get(f"{RBAC}/{stack.w}/rolebindings")["items"]
    platform = [item["metadata"]["name"] for item in left if item["roleRef"]["name"].startswith("ambient-project-")]
    assert platform == ["ambient-admin-alice-example-com"]
    for token in tokens:
        stack.machine.until(lambda token=token: stack.sessions(token) in {401, 403}, "a key of a closed workspace")
    names = {item["metadata"]["name"] for item in stack.machine.get(f"/api/v1/namespaces/{stack.w}/secrets")["items"]}
    assert not names & {"ambient-runner-secrets", "ambient-non-vertex-integrations"}


# Closed.


@pytest.mark.parametrize("adopted", [False, True], ids=["made here", "adopted"])
def test_closing_ends_all_access_and_keeps_the_data_and_removing_it_deletes_all(stack: Stack, adopted: bool) -> None:
    text = FILE
    if adopted:
        made_in_the_ui(stack)
        text = f"{FILE}    adopt: true\n"
    token = deployed(stack, text)
    assert listed(stack)
    # Access that nobody declared: by the UI, by hand, by a key.
    share_by_hand(stack, "eve@example.com")
    share_by_hand(stack, "trudy@example.com", labelled=False)
    other = key_by_hand(stack)
    assert stack.sessions(other) == 200
    add_by_hand(
        stack.machine, f"/api/v1/namespaces/{stack.w}/configmaps", "ConfigMap", "work", data={"of": "a session"}
    )

    stack.write(with_state("closed", text))
    stack.up().ok()
    assert not listed(stack)
    no_access(stack, token, other)
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}/configmaps/work") is not None
    assert stack.preview("--expect-no-changes").unchanged

    # Access that comes back while it is closed is found by a refresh, and ended by the next run.
    share_by_hand(stack, "eve@example.com")
    assert "edit of user:eve@example.com" in stack.refresh().ok().text
    stack.up().ok()
    no_access(stack)
    assert stack.preview("--expect-no-changes").unchanged

    stack.write(EMPTY)
    stack.up().ok()
    assert namespace(stack) is None
    assert [item["type"] for item in stack.export() if "Workspace" in item["urn"]] == []


def test_a_closed_workspace_opens_again(stack: Stack) -> None:
    token = deployed(stack)
    stack.write(with_state("closed"))
    stack.up().ok()
    stack.write(FILE)
    stack.up().ok()
    assert listed(stack)
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.token("ci") != token
    assert stack.preview("--expect-no-changes").unchanged


def test_closing_ends_access_also_where_the_engine_deletes_nothing(stack: Stack) -> None:
    """One failed step makes the engine skip every delete: the access ends all the same."""
    token = deployed(stack, f"{FILE}  THIS-b: {{protect: false}}\n")
    stack.environment |= {"PULUMI_CONTINUE_ON_ERROR": "false"}
    # A step that fails: the other workspace has no room for the ServiceAccount of a key.
    stack.write(f"{with_state('closed')}  THIS-b: {{protect: false, keys: {{bad: {{}}}}}}\n")
    quotas = f"/api/v1/namespaces/{stack.w}-b/resourcequotas"
    quota = {"hard": {"count/serviceaccounts": "0"}}
    add_by_hand(stack.machine, quotas, "ResourceQuota", "none", spec=quota)
    result = stack.up("--continue-on-error=false")
    assert result.code != 0
    no_access(stack, token)


# Released.


@pytest.mark.parametrize("adopted", [False, True], ids=["made here", "adopted"])
def test_releasing_loses_nothing_and_another_stack_can_adopt(stack: Stack, adopted: bool) -> None:
    text = FILE
    if adopted:
        made_in_the_ui(stack)
        text = f"{FILE}    adopt: true\n"
    token = deployed(stack, text)
    before = everything(stack)
    stack.write(with_state("released", text))
    preview = stack.preview().ok()
    assert '~ state: "active" => "released"' in preview.text
    stack.up().ok()
    assert mark(stack) is None
    assert everything(stack) == before
    assert stack.preview("--expect-no-changes").unchanged
    stack.refresh().ok()
    assert stack.preview("--expect-no-changes").unchanged

    stack.write(EMPTY)
    stack.up().ok()
    assert everything(stack) == before
    assert listed(stack)
    assert stack.sessions(token) == 200
    assert [item["type"] for item in stack.export() if "Workspace" in item["urn"]] == []

    # Without adopt it is nobody's, and not touched; with it the running key lives on through its overlap.
    stack.write(FILE)
    stack.up().refused(f"namespace '{stack.w}' exists", "adopt: true")
    stack.write(f"{FILE}    adopt: true\n")
    stack.up().ok()
    assert mark(stack) == f"ambient-components/{stack.name}"
    assert stack.token("ci") != token
    assert stack.sessions(token) == 200
    assert stack.sessions(stack.token("ci")) == 200
    stack.up(offset="46d").ok()
    stack.machine.until(lambda: stack.sessions(token) == 401, "the token of before the release")


def test_nothing_rotates_and_nothing_else_changes_in_a_released_workspace(stack: Stack) -> None:
    token = deployed(stack)
    stack.write(with_state("released", FILE.replace("role: edit", "role: admin")))
    for result in (stack.preview(), stack.up()):
        result.refused("its grants would change in the same one")
    assert mark(stack) is not None
    stack.write(with_state("released"))
    stack.up().ok()
    handles = stack.handles()
    # Long after the token should have been renewed.
    stack.up(offset="89d").ok()
    assert stack.handles() == handles
    assert stack.token("ci") == token
    stack.write(with_state("released", FILE.replace("  - {user: bob", "  - {user: rob").replace("bob@", "rob@")))
    stack.up().refused("its grants would change in the same one")


def test_a_released_workspace_is_taken_back(stack: Stack) -> None:
    token = deployed(stack)
    stack.write(with_state("released"))
    stack.up().ok()
    stack.write(with_state("closed"))
    stack.up().refused("is released: it can't be closed at once")
    stack.write(FILE)
    stack.up().ok()
    assert mark(stack) == f"ambient-components/{stack.name}"
    assert stack.token("ci") == token
    stack.up(offset="80d").ok()  # it rotates again
    assert stack.token("ci") != token
    # Nothing of the release is left: what is removed now is gone.
    stack.write(FILE.replace(", {user: bob@example.com}", ""))
    stack.up().ok()
    assert "ambient-permission-view-bob-example-com-user" not in bindings(stack)


def test_a_workspace_that_was_never_deployed_cannot_be_released(stack: Stack) -> None:
    stack.write(with_state("released", "workspaces:\n  THIS:\n    protect: false\n"))
    for result in (stack.preview(), stack.up()):
        result.refused("there is nothing to release")
    assert namespace(stack) is None


# Adopted.


def test_adopting_takes_what_exists_and_keeps_what_no_file_declares(stack: Stack) -> None:
    made_in_the_ui(stack)
    stack.secret("anthropic")
    stack.write(FILE)
    stack.up().refused(f"namespace '{stack.w}' exists, and it was not made by this tool", "adopt: true")
    stack.write(f"{FILE}    adopt: true\n".replace("LOG_LEVEL", "OTHER"))
    preview = stack.preview().ok()
    # What nobody declared is told before it matters.
    assert "edit of user:mallory@example.com" in preview.text
    assert "SAVED_IN_UI" in preview.text
    assert mark(stack) is None
    uid = namespace(stack)["metadata"]["uid"]
    stack.up().ok()
    assert namespace(stack)["metadata"]["uid"] == uid
    assert mark(stack) == f"ambient-components/{stack.name}"
    assert "by-hand-mallory@example.com" in bindings(stack)
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().ok()
    assert stack.preview("--expect-no-changes").unchanged


def test_another_stacks_workspace_cannot_be_adopted(stack: Stack) -> None:
    notes = {"annotations": {"ambient-components/owner": "other/prod"}}
    add_by_hand(stack.machine, "/api/v1/namespaces", "Namespace", stack.w, metadata=notes)
    stack.write("workspaces:\n  THIS: {adopt: true, protect: false}\n")
    for result in (stack.preview(), stack.up()):
        result.refused("it belongs to the stack other/prod", "release it there first")
    assert mark(stack) == "other/prod"


def test_adopt_on_an_empty_cluster_makes_the_workspace(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {adopt: true, protect: false}\n")
    stack.up().ok()
    assert listed(stack)


# Protected.


def test_an_active_workspace_is_protected_and_a_closed_one_is_not(stack: Stack) -> None:
    deployed(stack)
    stack.destroy().refused("protect")
    assert namespace(stack) is not None
    stack.up().ok()
    stack.write(with_state("closed"))
    stack.up().ok()
    stack.destroy().ok()
    assert namespace(stack) is None


# A run that dies in the middle: the next one ends what it began.


def grant_is_gone(stack: Stack) -> bool:
    return "ambient-permission-edit-devs-group" not in bindings(stack)


def test_a_closing_that_dies_is_ended_by_the_next_run(stack: Stack) -> None:
    token = deployed(stack)
    share_by_hand(stack, "eve@example.com")
    stack.write(with_state("closed"))
    stack.kill_up(lambda: grant_is_gone(stack), "the first grant ends")
    stack.up().ok()
    no_access(stack, token)
    assert not listed(stack)
    assert stack.preview("--expect-no-changes").unchanged


def test_a_release_that_dies_loses_nothing(stack: Stack) -> None:
    token = deployed(stack)
    before = everything(stack)
    stack.write(with_state("released"))
    stack.kill_up(lambda: mark(stack) is None, "the mark is taken off")
    stack.up().ok()
    stack.write(EMPTY)
    stack.up().ok()
    assert everything(stack) == before
    assert stack.sessions(token) == 200
    assert [item["type"] for item in stack.export() if "Workspace" in item["urn"]] == []


def test_an_adoption_that_dies_goes_on(stack: Stack) -> None:
    made_in_the_ui(stack)
    stack.secret("anthropic")
    stack.write(f"{FILE}    adopt: true\n")
    stack.kill_up(lambda: mark(stack) is not None, "the mark is put on")
    stack.up().ok()
    assert listed(stack)
    assert stack.sessions(stack.token("ci")) == 200
    assert "by-hand-mallory@example.com" in bindings(stack)
    assert stack.preview("--expect-no-changes").unchanged


def test_a_deletion_that_dies_is_ended_by_the_next_run(stack: Stack) -> None:
    deployed(stack)
    stack.write(with_state("closed"))
    stack.up().ok()
    stack.write(EMPTY)

    def going() -> bool:
        found = namespace(stack)
        return found is None or "deletionTimestamp" in found["metadata"]

    stack.kill_up(going, "the namespace is being deleted")
    stack.up().ok()
    assert namespace(stack) is None
    assert [item["type"] for item in stack.export() if "Workspace" in item["urn"]] == []


def test_an_opening_that_dies_is_ended_by_the_next_run(stack: Stack) -> None:
    deployed(stack)
    stack.write(with_state("closed"))
    stack.up().ok()
    stack.write(FILE)
    stack.kill_up(lambda: not grant_is_gone(stack), "the first grant is back")
    stack.up().ok()
    assert listed(stack)
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.preview("--expect-no-changes").unchanged
