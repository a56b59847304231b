"""Attacks on RoleBindings: a finalizer that keeps one, a stranger in one, one that is not as declared."""

import pytest

from ambient_components.platform.contract import RBAC_API_GROUP
from tests.support.attacks import RBAC
from tests.support.insider import WITH_INSIDER, WITHOUT_INSIDER, Insider
from tests.support.stacks import Stack

BOB = "ambient-permission-edit-bob-example-com-user"
DEVS = "ambient-permission-edit-payments-devs-group"
WITH_DEVS = WITH_INSIDER.replace("    keys:\n", "      - {group: payments-devs, role: edit}\n    keys:\n")


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "apiGroup": RBAC_API_GROUP, "name": name}


def subjects(stack: Stack, name: str) -> list[str]:
    found = stack.machine.get(f"{RBAC}/{stack.w}/rolebindings/{name}") or {}
    return [subject["name"] for subject in found.get("subjects") or ()]


def test_a_finalizer_on_a_grant(insider: Insider) -> None:
    """5: A finalizer on the holder's own RoleBinding does not keep a removed grant"""
    stack = insider.stack
    insider.rebind(BOB, {"metadata": {"finalizers": ["example.com/stay"]}})
    stack.write(WITHOUT_INSIDER)
    stack.up().ok()
    assert not insider.still_inside()
    assert stack.machine.get(f"{RBAC}/{stack.w}/rolebindings/{BOB}") is None


def test_a_finalizer_on_a_lowered_grant(insider: Insider) -> None:
    """5: A finalizer does not keep the higher role of a grant that is lowered"""
    stack = insider.stack
    insider.rebind(BOB, {"metadata": {"finalizers": ["example.com/stay"]}})
    stack.write(WITH_INSIDER.replace("bob@example.com, role: edit", "bob@example.com, role: view"))
    stack.up().ok()
    assert not insider.still_inside()
    assert (
        insider.bearer.send("GET", f"/apis/vteam.ambient-code/v1alpha1/namespaces/{stack.w}/agenticsessions")[0] == 200
    )
    assert stack.up().unchanged


def test_a_stranger_in_a_declared_binding(insider: Insider) -> None:
    """6: A stranger who is added to a declared RoleBinding is shown by a preview and removed by up --refresh"""
    stack = insider.stack
    insider.rebind(BOB, {"subjects": [user("bob@example.com"), user("mallory@example.com")]})
    assert "mallory@example.com" in stack.preview().ok().text
    stack.up("--refresh").ok()
    assert subjects(stack, BOB) == ["bob@example.com"]
    assert stack.up().unchanged


def test_a_replaced_subject(stack: Stack) -> None:
    """6: A declared group that is replaced by a stranger in its RoleBinding comes back by up --refresh"""
    stack.write(WITH_DEVS)
    stack.up().ok()
    Insider(stack).rebind(DEVS, {"subjects": [user("mallory@example.com")]})
    stack.up("--refresh").ok()
    assert subjects(stack, DEVS) == ["payments-devs"]


def test_a_binding_of_another_role(insider: Insider) -> None:
    """6: A declared RoleBinding that was made again with another role comes back by up --refresh"""
    stack = insider.stack
    stack.write(WITH_DEVS)
    stack.up().ok()
    path = f"{RBAC}/{stack.w}/rolebindings/{DEVS}"
    assert insider.bearer.can("DELETE", path)
    insider.bind(
        {
            "apiVersion": f"{RBAC_API_GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": DEVS, "finalizers": ["example.com/stay"]},
            "roleRef": insider.own_role(),
            "subjects": [user("mallory@example.com")],
        }
    )
    stack.up("--refresh").ok()
    assert subjects(stack, DEVS) == ["payments-devs"]
    made = stack.machine.get(path) or {}
    assert made["roleRef"]["name"] == "ambient-project-edit"
    assert stack.up().unchanged


@pytest.mark.parametrize("field", ["finalizers", "ownerReferences"])
def test_what_would_keep_or_delete_a_binding(insider: Insider, field: str) -> None:
    """6: Finalizers and owner references that were added to a declared RoleBinding are drift"""
    stack = insider.stack
    owner = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "name": "default",
        "uid": "0b5b2b3c-0000-0000-0000-000000000000",
    }
    value = ["example.com/stay"] if field == "finalizers" else [owner]
    insider.rebind(BOB, {"metadata": {field: value}})
    stack.up("--refresh").ok()
    found = stack.machine.get(f"{RBAC}/{stack.w}/rolebindings/{BOB}") or {}
    assert not found["metadata"].get(field)
