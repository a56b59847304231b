"""What remains after `--now`: the command says it, and does not end with 0 where access remains for certain."""

import pytest

from ambient_components.platform.contract import RBAC_API_GROUP, Role
from tests.engine.insider.test_platform_clothes import account, revoke, rotate
from tests.support.attacks import PLATFORM, RBAC, binding
from tests.support.insider import Insider

BOB = "user:bob@example.com"


def reads(insider: Insider) -> bool:
    return insider.bearer.can("GET", f"{PLATFORM}/{insider.stack.w}/agenticsessions")


@pytest.mark.parametrize("group", ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:THIS"])
@pytest.mark.parametrize("label", [{}, {"app": "ambient-permission"}])
def test_access_for_everyone(insider: Insider, group: str, label: dict[str, str]) -> None:
    """16: A RoleBinding to a group of everyone is in every preview, and `revoke --now` does not end with 0"""
    stack = insider.stack
    name = group.replace("THIS", stack.w)
    insider.bind(binding("team-cache", Role.EDIT, f"group:{name}", label))
    warned = stack.preview().ok().flat
    assert f"RoleBinding team-cache gives access to group:{name} (every" in warned
    done = revoke(insider)
    done.refused(
        f"{stack.w}: the RoleBinding team-cache gives ClusterRole/ambient-project-edit to group:{name} (every",
        f"kubectl delete rolebinding -n {stack.w} team-cache",
    )
    if group == "system:authenticated":
        assert reads(insider)
        assert "may still list agenticsessions" in done.text
    stack.machine.delete(f"{RBAC}/{stack.w}/rolebindings/team-cache")
    stack.machine.until(lambda: not reads(insider), "bob is refused")
    assert revoke(insider).ok()


def test_access_for_everyone_after_a_leaked_key(insider: Insider) -> None:
    """16: `keys rotate --leaked --now` does not end with 0 while everyone or an account of the insider's has access"""
    stack = insider.stack
    insider.bind(binding("team-cache", Role.EDIT, "group:system:authenticated"))
    rotate(insider).refused("the RoleBinding team-cache gives ClusterRole/ambient-project-edit to group:system:auth")
    stack.machine.delete(f"{RBAC}/{stack.w}/rolebindings/team-cache")
    insider.create("serviceaccounts", account("builder-bot"))
    who = f"serviceaccount:{stack.w}:builder-bot"
    insider.bind(binding("builder-bot", Role.EDIT, who))
    done = stack.ambient("keys", "revoke", stack.name, f"{stack.w}/ci", "--now", "--renew-accounts")
    done.refused(f"to {who}", f"kubectl delete rolebinding -n {stack.w} builder-bot", "kubectl delete serviceaccount")
    # It is not the platform's, so nothing would make it again: it is named, and not deleted.
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}/serviceaccounts/builder-bot") is not None


def test_an_account_spelled_as_a_user(insider: Insider) -> None:
    """16: A RoleBinding for an account that is written as a user is found as the account's"""
    stack = insider.stack
    insider.create("serviceaccounts", account("mine"))
    name = f"system:serviceaccount:{stack.w}:mine"
    insider.bind(binding("mine", Role.EDIT, f"user:{name}"))
    revoke(insider).refused(f"to user:{name}, and user:bob@example.com could mint its tokens")


def test_a_group_that_the_insider_may_be_in(insider: Insider) -> None:
    """16: A RoleBinding for a group is named, because whether the insider is a member is not known"""
    insider.bind(binding("friends", Role.EDIT, "group:friends-of-bob"))
    revoke(insider).refused("to group:friends-of-bob, and whether user:bob@example.com is a member is not known")


def test_everyone_as_the_last_of_many_subjects(insider: Insider) -> None:
    """16: A group of everyone behind many other subjects of one RoleBinding is found"""
    stack, body = insider.stack, binding("long", Role.EDIT, "user:eve0")
    body["subjects"] = [{"kind": "User", "apiGroup": RBAC_API_GROUP, "name": f"eve{number}"} for number in range(800)]
    body["subjects"].append({"kind": "Group", "apiGroup": RBAC_API_GROUP, "name": "system:authenticated"})
    insider.bind(body)
    assert "RoleBinding long gives access to group:system:authenticated" in stack.preview().ok().flat
    revoke(insider).refused("the RoleBinding long gives ClusterRole/ambient-project-edit to group:system:authenticated")


def test_accounts_that_can_not_be_known_are_named(insider: Insider) -> None:
    """16: After the end of edit the accounts whose tokens the insider may have are named, and how to renew them"""
    stack = insider.stack
    stack.machine.until(
        lambda: stack.machine.get(f"/api/v1/namespaces/{stack.w}/serviceaccounts/default") is not None,
        "default is there",
    )
    done = revoke(insider).ok()
    assert f"{stack.w}: not known: {BOB} could mint tokens of key ci, default, and those stay valid" in done.text
    assert f"ambient keys rotate {stack.name} --workspace {stack.w} --leaked --now --renew-accounts" in done.text
    rotate(insider, "--renew-accounts").ok()


def test_a_binding_by_kubectl(insider: Insider) -> None:
    """16: An admin that a cluster admin made with kubectl is named in the preview like one of the UI"""
    stack = insider.stack
    stack.machine.create(f"{RBAC}/{stack.w}/rolebindings", binding("quick", Role.ADMIN, "user:eve@example.com"))
    warned = stack.preview().ok().flat
    assert "admin of user:eve@example.com (RoleBinding quick): in the cluster, and in no file" in warned
    planned = stack.ambient("plan", stack.name)
    assert "[undeclaredAccess]" in planned.text
    assert "admin of user:eve@example.com (RoleBinding quick)" in stack.up().ok().flat
