"""Access in the platform's clothes: whatever an insider names, labels or owns, it is found as access."""

import json
from typing import Any

import pytest

from ambient_components.platform.contract import RBAC_API_GROUP
from tests.support.attacks import CORE, MERGE, PLATFORM, RBAC, Bearer, binding
from tests.support.insider import WITHOUT_INSIDER, Insider
from tests.support.operator import operators_session, operators_trigger

TRIGGER = "ambient-session-trigger"
HIDDEN = "ambient-session-9f3c2e7a"
RULES = [
    {"apiGroups": ["vteam.ambient-code"], "resources": ["agenticsessions"], "verbs": ["get", "list", "create"]},
    {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "list", "create"]},
    {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
    {"apiGroups": [RBAC_API_GROUP], "resources": ["rolebindings"], "verbs": ["get", "list", "create"]},
]
"""A part of what edit gives, so that its holder may write it into a Role."""


def account(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **metadata}}


def role(name: str, rules: list[dict[str, Any]], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC_API_GROUP}/v1",
        "kind": "Role",
        "metadata": {"name": name, **metadata},
        "rules": rules,
    }


def bound(name: str, role_name: str, *subjects: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC_API_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, **metadata},
        "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "Role", "name": role_name},
        "subjects": list(subjects),
    }


def of_account(insider: Insider, name: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": insider.stack.w}


def dressed(insider: Insider, name: str = HIDDEN, rules: list[dict[str, Any]] = RULES, **metadata: Any) -> Bearer:
    """An account, a Role and a RoleBinding with the names of a session's, made by the insider; a token of it."""
    workspace = insider.stack.w
    insider.create("serviceaccounts", account(name, **metadata))
    assert insider.bearer.can("POST", f"{RBAC}/{workspace}/roles", role(f"{name}-role", rules, **metadata))
    insider.bind(bound(f"{name}-rb", f"{name}-role", of_account(insider, name), **metadata))
    token = insider.bearer.mint(workspace, name)
    assert token is not None
    insider.stack.machine.until(lambda: can(token, workspace), "the authorizer knows the Role")
    return token


def can(bearer: Bearer, workspace: str) -> bool:
    """Whether someone can make accounts, which is what edit gives."""
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"generateName": "probe-"}}
    return bearer.send("POST", f"{CORE}/{workspace}/serviceaccounts?dryRun=All", body)[0] == 200


def live(insider: Insider, *flags: str) -> tuple[int, dict[tuple[str, str], str]]:
    """The exit code of `ambient access --live`, and the status by subject and role."""
    stack = insider.stack
    shown = stack.ambient("access", stack.name, "--live", "--format", "json", *flags)
    document = json.loads(shown.text)
    rows = [*document["access"], *document["perhaps"]]
    found = {(row["subject"], one["role"]): one["status"] for row in rows for one in row["because"]}
    return shown.code, found


def named(insider: Insider, *texts: str) -> None:
    """Preview and `--live` name it, also for a question about one right."""
    warned = insider.stack.preview().ok().flat
    code, found = live(insider)
    asked, about = live(insider, "--who-can", "create serviceaccounts/token")
    assert (code, asked) == (2, 2)
    report = insider.stack.ambient("report", insider.stack.name, "--live", "--format", "json").ok()
    reported = [
        one["subject"]
        for finding in json.loads(report.text)["findings"]
        for one in finding["who"]
        if finding["path"] == "undeclaredAccess"
    ]
    for text in texts:
        assert text in warned, warned
        assert any(text in subject for subject in reported), reported
        assert any(text in subject and status == "undeclared" for (subject, _), status in found.items()), found
        assert any(text in subject and status == "undeclared" for (subject, _), status in about.items()), about


def revoke(insider: Insider, *flags: str) -> Any:
    stack = insider.stack
    return stack.ambient("grants", "revoke", stack.name, "user:bob@example.com", stack.w, "--now", *flags)


def rotate(insider: Insider, *flags: str) -> Any:
    stack = insider.stack
    return stack.ambient("keys", "rotate", stack.name, "--workspace", stack.w, "--leaked", "--now", *flags)


def is_dead(insider: Insider, token: Bearer) -> None:
    insider.stack.machine.until(
        lambda: token.send("GET", f"{PLATFORM}/{insider.stack.w}/agenticsessions")[0] == 401, "the token is refused"
    )


def test_what_the_operator_makes_is_its_own(insider: Insider) -> None:
    """15: What the operator makes for schedules and sessions is not reported as access of others"""
    stack = insider.stack
    operators_trigger(stack.machine, stack.w)
    operators_session(stack.machine, stack.w, "run-1")
    code, found = live(insider)
    assert code == 0, found
    assert [subject for (subject, _), status in found.items() if status == "platform"] == [
        f"serviceaccount:{stack.w}:ambient-session-run-1",
        f"serviceaccount:{stack.w}:{TRIGGER}",
    ]
    warned = stack.preview().ok().text
    assert "undeclaredAccess" not in warned
    assert "ambient-session" not in warned


def test_an_account_of_a_session_that_does_not_exist(insider: Insider) -> None:
    """15: An account, a Role and a RoleBinding with a session's names are found, and do not outlive --renew-accounts"""
    token = dressed(insider)
    named(insider, HIDDEN)
    done = revoke(insider)
    done.refused(f"the RoleBinding {HIDDEN}-rb gives Role/{HIDDEN}-role to serviceaccount:{insider.stack.w}:{HIDDEN}")
    assert "--renew-accounts" in done.text
    assert can(token, insider.stack.w)
    revoke(insider, "--renew-accounts").ok()
    is_dead(insider, token)
    assert live(insider)[0] == 0


def test_a_widened_role_of_schedules(insider: Insider) -> None:
    """15: The Role of the account of schedules that the insider widened is found, and does not outlive a rotation"""
    stack = insider.stack
    operators_trigger(stack.machine, stack.w)
    assert insider.bearer.can("PATCH", f"{RBAC}/{stack.w}/roles/{TRIGGER}", {"rules": RULES}, MERGE)
    token = insider.bearer.mint(stack.w, TRIGGER)
    assert token is not None
    stack.machine.until(lambda: can(token, stack.w), "the authorizer knows the Role")
    named(insider, TRIGGER)
    rotate(insider).refused(f"the RoleBinding {TRIGGER} gives Role/{TRIGGER} to serviceaccount:{stack.w}:{TRIGGER}")
    rotate(insider, "--renew-accounts").ok()
    is_dead(insider, token)
    assert not can(token, stack.w)
    assert stack.machine.get(f"{RBAC}/{stack.w}/rolebindings/{TRIGGER}") is None


@pytest.mark.parametrize("forged", ["uid", "kind", "second"])
def test_a_forged_owner(insider: Insider, forged: str) -> None:
    """15: An owner reference that the insider wrote makes nothing the platform's own"""
    stack = insider.stack
    real = operators_session(stack.machine, stack.w, "run-1")
    settings = operators_trigger(stack.machine, stack.w)
    second = {key: value for key, value in settings.items() if key != "controller"}
    owners = {"uid": [real], "kind": [settings], "second": [real, second]}[forged]
    dressed(insider, "ambient-session-run-2", ownerReferences=owners)
    named(insider, "ambient-session-run-2")


def test_a_session_of_the_insiders_own_with_a_right_more(insider: Insider) -> None:
    """15: A session that the insider made does not cover a Role with more than the operator writes"""
    stack = insider.stack
    body = {
        "apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "metadata": {"name": "mine"},
        "spec": {"initialPrompt": "Wait"},
    }  # fmt: skip
    status, made = insider.bearer.send("POST", f"{PLATFORM}/{stack.w}/agenticsessions", body)
    assert status == 200
    owner = {
        "apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "name": "mine",
        "uid": made["metadata"]["uid"], "controller": True,
    }  # fmt: skip
    dressed(insider, "ambient-session-mine", ownerReferences=[owner])
    named(insider, "ambient-session-mine")


def test_a_right_to_named_objects_alone(insider: Insider) -> None:
    """15: A Role of the account of schedules with a right to one named object is found"""
    stack = insider.stack
    operators_trigger(stack.machine, stack.w)
    rules = [
        {"apiGroups": ["vteam.ambient-code"], "resources": ["agenticsessions"], "verbs": ["create", "get", "list"]},
        {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"],
         "resourceNames": [insider.account_of("ci", 1)]},
    ]  # fmt: skip
    assert insider.bearer.can("PATCH", f"{RBAC}/{stack.w}/roles/{TRIGGER}", {"rules": rules}, MERGE)
    named(insider, TRIGGER)


def test_a_second_subject_in_the_platforms_binding(insider: Insider) -> None:
    """15: A subject that the insider added to the binding of schedules is found"""
    stack = insider.stack
    operators_trigger(stack.machine, stack.w)
    bob = {"kind": "User", "apiGroup": RBAC_API_GROUP, "name": "bob@example.com"}
    # Who holds the Role's rights may add subjects to its bindings.
    both = {"subjects": [of_account(insider, TRIGGER), bob]}
    insider.rebind(TRIGGER, both)
    warned = stack.preview().ok().flat
    assert "Role/ambient-session-trigger of" in warned
    assert "user:bob@example.com" in warned
    assert live(insider)[0] == 2
    revoke(insider).refused(f"the RoleBinding {TRIGGER} gives Role/{TRIGGER} to user:bob@example.com")


def test_an_account_without_a_binding(insider: Insider) -> None:
    """15: An account with a session's name and no session is named before it gets a role"""
    insider.create("serviceaccounts", account(HIDDEN))
    assert f"account {HIDDEN}, which has the name of one of the platform's" in insider.stack.preview().ok().flat
    code, found = live(insider)
    assert code == 2
    assert found[f"serviceaccount:{insider.stack.w}:{HIDDEN}", "none"] == "undeclared"


def test_the_labels_of_a_grant_on_an_account_of_the_insiders(insider: Insider) -> None:
    """15: A RoleBinding with the platform's labels and names for an account of the insider's own is found"""
    stack = insider.stack
    insider.create("serviceaccounts", account("ambient-key-ci-00000000", labels={"app": "ambient-access-key"}))
    body = binding("ambient-key-edit-ci-00000000", "edit", f"serviceaccount:{stack.w}:ambient-key-ci-00000000",  # type: ignore[arg-type]
                   {"app": "ambient-access-key"})  # fmt: skip
    insider.bind(body)
    named(insider, "ambient-key-ci-00000000")
    revoke(insider).refused("the RoleBinding ambient-key-edit-ci-00000000 gives ClusterRole/ambient-project-edit")


def test_tokens_of_the_default_account(insider: Insider) -> None:
    """15: A Role for the default account is found, and its tokens do not outlive --renew-accounts"""
    stack = insider.stack
    stack.machine.until(
        lambda: stack.machine.get(f"{CORE}/{stack.w}/serviceaccounts/default") is not None, "default is there"
    )
    assert insider.bearer.can("POST", f"{RBAC}/{stack.w}/roles", role("cache", RULES))
    insider.bind(bound("cache", "cache", of_account(insider, "default")))
    token = insider.bearer.mint(stack.w, "default")
    assert token is not None
    stack.machine.until(lambda: can(token, stack.w), "the authorizer knows the Role")
    warned = stack.preview().ok().flat
    assert f"Role/cache of serviceaccount:{stack.w}:default (RoleBinding cache)" in warned
    hint = f"kubectl delete rolebinding -n {stack.w} cache"
    revoke(insider, "--renew-accounts").refused("the RoleBinding cache gives Role/cache to serviceaccount:", hint)
    is_dead(insider, token)
    stack.machine.delete(f"{RBAC}/{stack.w}/rolebindings/cache")
    revoke(insider, "--renew-accounts").ok()
    assert stack.machine.get(f"{CORE}/{stack.w}/serviceaccounts/default") is not None


def test_a_sum_of_roles(insider: Insider) -> None:
    """15: A ClusterRole whose rights are the sum of others is read as a whole"""
    stack = insider.stack
    machine, label = stack.machine, {f"aggregate.example/{stack.w}": "true"}
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    part = {"metadata": {"name": f"{stack.w}-part", "labels": label}, "rules": RULES}
    whole = {
        "metadata": {"name": f"{stack.w}-whole"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": label}]},
    }
    try:
        machine.create(roles, part)
        machine.create(roles, whole)
        machine.until(lambda: bool((machine.get(f"{roles}/{stack.w}-whole") or {}).get("rules")), "the sum is made")
        body = bound("sum", "", {"kind": "User", "apiGroup": RBAC_API_GROUP, "name": "bob@example.com"})
        body["roleRef"] = {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": f"{stack.w}-whole"}
        insider.bind(body)
        assert f"{stack.w}-whole of user:bob@example.com (RoleBinding sum)" in stack.preview().ok().flat
    finally:
        for name in ("part", "whole"):
            machine.delete(f"{roles}/{stack.w}-{name}")


def test_a_declared_binding_with_another_role(insider: Insider) -> None:
    """15: A grant's RoleBinding that was made again with another Role is no declared access for `revoke --now`"""
    stack = insider.stack
    stack.write(
        WITHOUT_INSIDER.replace(
            "    keys:", "    grants: [{group: auditors}, {user: bob@example.com, role: edit}]\n    keys:"
        )
    )
    stack.up().ok()
    name = "ambient-permission-view-auditors-group"
    assert insider.bearer.can("POST", f"{RBAC}/{stack.w}/roles", role("audit", RULES))
    assert insider.bearer.can("DELETE", f"{RBAC}/{stack.w}/rolebindings/{name}")
    auditors = {"kind": "Group", "apiGroup": RBAC_API_GROUP, "name": "auditors"}
    insider.bind(bound(name, "audit", auditors, labels={"app": "ambient-permission"}))
    revoke(insider).refused(
        f"the RoleBinding {name} gives Role/audit to group:auditors", "its declaration says something else"
    )
