"""What `ambient plan` says of changes by others: each by name, and without a refresh what it did not look at."""

import pytest

from tests.engine.test_plan import access, reported
from tests.support.drift import FILE, deployed, edit
from tests.support.stacks import Stack

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
NAMESPACE = "/api/v1/namespaces/{}"
GRANT = "ambient-permission-edit-payments-devs-group"
VIEW = "ambient-permission-view-bob-example-com-user"


@pytest.fixture
def ours(stack: Stack) -> Stack:
    return deployed(stack, FILE + "    limits: {quota: {pods: 20}}\n")


def page(stack: Stack, *flags: str, verb: str = "plan") -> str:
    """The page, its words on one line."""
    return " ".join(stack.ambient(verb, stack.name, *flags).text.split())


def test_what_others_changed_has_names_and_values(ours: Stack) -> None:
    stack = ours
    rbac, namespace = RBAC.format(stack.w), NAMESPACE.format(stack.w)
    mallory = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "mallory@example.com"}
    stack.machine.delete(f"{rbac}/{GRANT}")
    stack.machine.delete(f"{namespace}/secrets/ambient-runner-secrets")
    edit(stack, f"{rbac}/{VIEW}", lambda binding: binding["subjects"].append(mallory))
    edit(stack, f"{namespace}/resourcequotas/workspace-quota", lambda quota: quota["spec"].update(hard={"pods": "999"}))

    # Without a refresh the page is no all-clear, and says what it did not look at.
    text = page(stack)
    assert "compared with the cluster: only access (--refresh: all objects)" in text
    assert "1 workspace with changed access in the cluster · no other changes without --refresh" in text

    document = reported(stack, "--refresh", code=2)
    assert access(document) == (["group:payments-devs edit"], ["user:mallory@example.com view"])
    assert document["refreshed"] is True
    assert {drift["object"]: (drift["what"], drift["fields"]) for drift in document["drift"]} == {
        f"RoleBinding {GRANT}": ("deleted", []),
        f"RoleBinding {VIEW}": (
            "changed",
            ["subjects user:bob@example.com -> user:bob@example.com, user:mallory@example.com"],
        ),
        "WorkspaceSecret secret/runner": ("deleted", []),
        "ResourceQuota workspace-quota": ("changed", ["spec.hard.pods 20 -> 999"]),
    }
    text = page(stack, "--refresh")
    assert (
        "0 admin gained · 1 edit gained · 0 lowered · 1 removed · "
        "2 objects deleted in the cluster · 2 objects changed in the cluster" in text
    )
    assert f"+ {stack.w} group:payments-devs none -> edit deleted in the cluster" in text
    assert f"- {stack.w} user:mallory@example.com view -> none changed in the cluster" in text
    assert "~ " + stack.w + " ResourceQuota workspace-quota changed: spec.hard.pods 20 -> 999" in text
    # A deleted binding is said once, and no hint asks for the refresh that was made.
    assert "missingAccess" not in text
    assert "--refresh" not in text

    up = page(stack, "--refresh", "--yes", verb="up")
    assert up.count("1 edit gained · 0 lowered · 1 removed") == 2  # the page, and the summary
    assert reported(stack, "--refresh", code=0)["drift"] == []


def test_a_deleted_namespace_is_no_all_clear_and_one_line(ours: Stack) -> None:
    stack = ours
    stack.machine.delete(NAMESPACE.format(stack.w))
    stack.machine.until(lambda: stack.machine.get(NAMESPACE.format(stack.w)) is None, "the namespace is gone")
    assert "1 namespace deleted in the cluster · no other changes without --refresh" in page(stack)
    document = reported(stack, "--refresh", code=2)
    assert [(drift["object"], drift["what"]) for drift in document["drift"]] == [("Namespace", "deleted")]
    gained = ["group:payments-devs edit", "key:ci edit", "user:alice@example.com admin", "user:bob@example.com view"]
    assert access(document) == (gained, [])
    text = page(stack, "--refresh")
    assert "1 admin gained · 2 edit gained · 1 view gained · 0 lowered · 0 removed · 1 object deleted in the" in text
    assert f"~ {stack.w} Namespace deleted: with everything in it" in text
    assert "namespaceGone" not in text
