"""Checks of names: of workspaces, owners, grants and keys."""

import pytest

from ambient_components.stackfile.checks.names import Finding
from tests.support.stack_checks import SEARCH, WS, findings_of

QUOTA = {
    "requests.cpu": 1.5,
    "limits.memory": "64Gi",
    "pods": 50,
    "count/agenticsessions.vteam.ambient-code": 20,
    "count/pods": "1k",
    "requests.nvidia.com/gpu": 2,
    "hugepages-2Mi": "1Gi",
    "gold.storageclass.storage.k8s.io/requests.storage": "1Ti",
}


def test_a_good_workspace_has_no_findings():
    found = findings_of(
        owners=["user:alice@example.com", "group:alice"],
        grants=[{"user": "a@b"}, {"user": "a-b", "role": "edit"}, {"group": "a@b"}, {"user": "alice@example.com"}],
        keys={"ci": {}, "c-i": {}},
        secrets={
            "runner": {"ANTHROPIC_API_KEY": {"config": "pay/anthropic"}, "GOOGLE_API_KEY": {"env": "GOOGLE"}},
            "integrations": {"GITHUB_TOKEN": {"config": "pay/github"}, "LOG_LEVEL": {"value": "debug"}},
        },
        settings={
            "mcpServers": {"custom": {"search-2": SEARCH}, "disabled": ["webfetch", "context7"]},
            "featureFlags": {"jira-write": True, "model.claude-opus-4-6.enabled": False},
        },
        limits={
            "containers": {
                "min": {"cpu": "50m"},
                "defaultRequest": {"cpu": "50m", "memory": "256Mi"},
                "default": {"cpu": 2},
                "max": {"cpu": "2000m", "memory": "0.25Gi"},
            },
            "quota": QUOTA,
            "network": {"allow": [{"cidr": "10.0.0.0/8"}]},
        },
        labels={"team": "pay", "app.kubernetes.io/name": "pay"},
        annotations={"example.com/note": "any text: at all"},
    )
    assert found == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("openshift-infra", "'openshift-infra' is reserved by Kubernetes or OpenShift"),
        ("ambient-code", "'ambient-code' is the platform's own namespace"),
        ("1st", "'1st' can't name a workspace"),
    ],
)
def test_names_that_no_workspace_can_have(name, problem):
    (finding,) = findings_of(name)
    assert (finding.path, finding.problem, finding.at_key) == (("workspaces", name), problem, True)


@pytest.mark.parametrize("second", ["bob@example.com", "Bob@Example.com"])
def test_a_second_grant_for_one_subject_is_refused_in_any_case(second):
    found = findings_of(grants=[{"user": "bob@example.com"}, {"group": "x"}, {"user": second, "role": "edit"}])
    assert found == [
        Finding(
            (*WS, "grants", 2, "user"),
            f"user {second!r} has a grant already",
            "keep one grant a subject (upper and lower case count as equal)",
            (*WS, "grants", 0, "user"),
        )
    ]


def test_a_user_and_a_group_of_one_name_are_two_subjects():
    assert findings_of(grants=[{"user": "ops"}, {"group": "ops"}]) == []


@pytest.mark.parametrize(
    ("kind", "first", "second", "binding"),
    [
        ("user", "a@b", "a-b", "ambient-permission-view-a-b-user"),
        ("group", "日本", "!!!", "ambient-permission-view-group-group"),
        ("group", "a" * 63 + "b", "a" * 63 + "c", f"ambient-permission-view-{'a' * 63}-group"),
    ],
)
def test_grants_that_share_an_object_name_are_refused(kind, first, second, binding):
    found = findings_of(grants=[{kind: first}, {kind: second}])
    assert found == [
        Finding(
            (*WS, "grants", 1, kind),
            f"{second!r} and {first!r} both become the RoleBinding {binding!r}",
            "give one of them another role, or access through a group",
            (*WS, "grants", 0, kind),
        )
    ]


@pytest.mark.parametrize(
    ("first", "second", "binding"),
    [
        ("user:a@b", "user:a-b", "ambient-admin-a-b"),
        ("user:ops", "group:ops", "ambient-admin-ops"),
        ("user:team-a-bot", "serviceaccount:team-a:bot", "ambient-admin-team-a-bot"),
        ("user:" + "a" * 41, "user:" + "a" * 42, "ambient-admin-" + "a" * 40),
    ],
)
def test_owners_that_share_an_object_name_are_refused(first, second, binding):
    found = findings_of(owners=[first, second])
    assert found == [
        Finding(
            (*WS, "owners", 1),
            f"{second!r} and {first!r} both become the RoleBinding {binding!r}",
            "make one of them an admin under grants",
            (*WS, "owners", 0),
        )
    ]


def test_an_owner_twice_is_refused():
    found = findings_of(owners=["user:a", "user:a"])
    assert found == [
        Finding((*WS, "owners", 1), "'user:a' is an owner already", "keep one of them", (*WS, "owners", 0))
    ]


@pytest.mark.parametrize("key_id", ["CI", "c--i", "-ci", "ci-", "c.i", "c" * 64])
def test_key_ids_that_objects_could_not_show_are_refused(key_id):
    (finding,) = findings_of(keys={key_id: {}})
    assert (finding.path, finding.at_key) == ((*WS, "keys", key_id), True)
