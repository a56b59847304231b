"""The guard's objects: rules have a home in the table, options change what they say, digests are of what is served."""

import re
from pathlib import Path
from typing import Any

import pytest

from ambient_components._version import VERSION
from ambient_components.cli.guard import EPILOG
from ambient_components.guard.manifest import GuardOptions, digest, objects
from ambient_components.guard.source import policies
from ambient_components.platform.contract import GUARD_LABEL
from ambient_components.platform.subjects import parse_subject
from ambient_components.rules.guard import POLICIES, GuardMode, GuardRule, binding_names, policy_name
from tests.support.guard_workspaces import noted_digest

GUIDE = Path(__file__).parents[3] / "docs/tasks/guard.md"

GUIDE = Path(__file__).parents[3] / "docs/tasks/guard.md"


def named(options: GuardOptions | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    listed = objects(options or GuardOptions())
    return {(item["kind"], item["metadata"]["name"]): item for item in listed}


def spec(policy: str, options: GuardOptions | None = None) -> dict[str, Any]:
    return dict(named(options)["ValidatingAdmissionPolicy", policy_name(policy)]["spec"])


def expressions(policy: dict[str, Any]) -> list[str]:
    parts = [*policy["matchConditions"], *policy["variables"], *policy["validations"]]
    return [part[key] for part in parts for key in ("expression", "messageExpression") if key in part]


def test_each_rule_is_in_a_file_and_once_in_the_table_of_the_guide() -> None:
    assert {rule.rule for policy in policies() for rule in policy.rules} == set(GuardRule)
    table = GUIDE.read_text(encoding="utf-8").partition("| rule | refused |")[2].partition("\n\n")[0]
    named = [word for line in table.splitlines() for word in re.findall(r"`(\w+)`", line.split("|")[1] if line else "")]
    assert sorted(named) == sorted(GuardRule)


def test_each_rule_says_what_it_refuses_in_one_sentence_without_apostrophes() -> None:
    for policy in policies():
        for rule in policy.rules:
            assert re.fullmatch(r"[^'\\]+\.", rule.says), rule.says
            assert rule.refuses


def test_the_exempt_pass_before_any_rule_is_read() -> None:
    for policy, topic in POLICIES.items():
        asked = f"resource('{topic}')"
        last = spec(policy)["matchConditions"][-1]
        assert last["name"] == "not-exempt"
        assert asked in last["expression"]
        assert "variables." not in "".join(condition["expression"] for condition in spec(policy)["matchConditions"])


def test_a_policy_has_exactly_the_variables_that_it_reads_each_after_those_it_needs() -> None:
    for policy in POLICIES:
        parts = spec(policy)
        known: set[str] = set()
        for variable in parts["variables"]:
            assert set(re.findall(r"variables\.(\w+)", variable["expression"])) <= known
            known.add(variable["name"])
        assert set(re.findall(r"variables\.(\w+)", " ".join(expressions(parts)))) == known


def test_every_rule_but_that_of_namespaces_has_a_switch() -> None:
    for policy in policies():
        for rule, validation in zip(policy.rules, spec(policy.name)["validations"], strict=True):
            switched = validation["expression"].startswith(f"'{rule.rule}' in variables.off || (")
            assert switched is (rule.rule is not GuardRule.WORKSPACES)
            assert validation["messageExpression"].startswith(f"'guard {rule.rule}: ")
            assert validation["reason"] == "Forbidden"


def test_a_policy_fails_closed_and_has_a_binding_for_each_mode() -> None:
    there = named()
    for policy in POLICIES:
        assert spec(policy)["failurePolicy"] == "Fail"
        for name, mode in binding_names(policy).items():
            binding = there["ValidatingAdmissionPolicyBinding", name]["spec"]
            assert binding["policyName"] == policy_name(policy)
            assert ("Deny" in binding["validationActions"]) is (mode in (None, GuardMode.DENY))
            assert ("Warn" in binding["validationActions"]) is (mode is GuardMode.WARN)
    assert len(there) == 8 + len(POLICIES) + sum(len(binding_names(policy)) for policy in POLICIES)


@pytest.mark.parametrize(
    ("floor", "left", "but"),
    [
        (GuardMode.AUDIT, {"warn", "deny"}, ["deny", "warn"]),
        (GuardMode.WARN, {"deny"}, ["deny"]),
        (GuardMode.DENY, set(), None),
    ],
)
def test_a_floor_replaces_the_bindings_of_its_mode_and_of_weaker_ones(
    floor: GuardMode, left: set[str], but: list[str] | None
) -> None:
    bindings = {
        name.removeprefix("ambient-guard-tokens-"): item["spec"]
        for (kind, name), item in named(GuardOptions(floor=floor)).items()
        if kind == "ValidatingAdmissionPolicyBinding" and item["spec"]["policyName"] == "ambient-guard-tokens"
    }
    assert bindings.keys() == {*left, "floor"}
    managed, *others = bindings["floor"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert managed == {"key": "ambient-code.io/managed", "operator": "Exists"}
    assert [other["values"] for other in others] == ([but] if but else [])


def test_accounts_as_parameters_are_compared_before_the_authorizer_is_asked() -> None:
    for policy in policies():
        if policy.parameters:
            (condition,) = spec(policy.name)["matchConditions"]
            assert re.match(r"(request|params)\.[^&]*metadata\.name\)? && !auth|params", condition["expression"])


def test_a_prefix_of_the_api_server_is_taken_off() -> None:
    persons = {
        prefix: next(
            variable["expression"]
            for variable in spec("sessions", GuardOptions(username_prefix=prefix))["variables"]
            if variable["name"] == "person"
        )
        for prefix in ("", "oidc:")
    }
    name = "request.userInfo.username"
    assert persons == {"": name, "oidc:": f"{name}.startsWith('oidc:') ? {name}.substring(5) : {name}"}


def test_only_the_deployers_and_the_cluster_itself_bypass_everything() -> None:
    options = GuardOptions(
        deployers=[parse_subject("user:ci")], exempt=[parse_subject("group:more")], control_plane="v2", backend="other"
    )
    there = named(options)

    def subjects(role: str) -> list[str]:
        return [subject["name"] for subject in there["ClusterRoleBinding", policy_name(role)]["subjects"]]

    assert subjects("bypass") == [
        "ci", "more", "system:serviceaccounts:kube-system", "system:kube-controller-manager"
    ]  # fmt: skip
    assert [subjects(role) for role in ("backend", "operator", "control-plane", "nodes")] == [
        ["other"], ["agentic-operator"], ["v2"], ["system:nodes"]
    ]  # fmt: skip
    for role in ("backend", "operator", "control-plane", "nodes"):
        (rule, *relay) = there["ClusterRole", policy_name(role)]["rules"]
        assert not {"*", "schedules", "workspaces", "rights"} & set(rule["resources"])
        assert [right["verbs"] for right in relay] == ([["relay"]] if role == "backend" else [])


def test_no_role_may_give_the_rights_of_the_guard() -> None:
    verbs = {verb for (kind, _), item in named().items() if kind == "ClusterRole" for verb in item["rules"][0]["verbs"]}
    assert verbs == {"bypass"}
    (*_, condition) = spec("rights")["matchConditions"]
    assert "resource('rights').namespace(request.namespace).check('give')" in condition["expression"]


def test_a_change_of_a_served_object_changes_its_digest() -> None:
    for item in objects():
        assert item["metadata"]["labels"] == {"ambient-components/guard": VERSION}
        assert noted_digest(item) == digest(item)
        served = {**item, "status": {"typeChecking": {}}, "metadata": {**item["metadata"], "resourceVersion": "7"}}
        assert digest(served) == noted_digest(served)
    loosened = objects()[-1]
    loosened["spec"]["validationActions"] = ["Audit"]
    assert digest(loosened) != noted_digest(loosened)


def test_the_command_that_removes_it_names_every_kind_those_that_exempt_last() -> None:
    order = "validatingadmissionpolicybindings,validatingadmissionpolicies,clusterrolebindings,clusterroles"
    assert order in EPILOG
    assert order in GUIDE.read_text(encoding="utf-8")
    kinds = {re.sub("y$", "ie", kind.lower()) + "s" for kind, _ in named()}
    assert kinds == set(order.split(","))
    assert all(item["metadata"]["labels"] == {GUARD_LABEL: VERSION} for item in named().values())
