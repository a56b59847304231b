"""Checks of names: of workspaces, owners, grants and keys."""

from tests.support.stack_checks import SEARCH, findings_of

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


def test_a_user_and_a_group_of_one_name_are_two_subjects():
    assert findings_of(grants=[{"user": "ops"}, {"group": "ops"}]) == []
