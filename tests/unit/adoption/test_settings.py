"""Settings, limits, labels and Secrets: only what a run would write back equally; all else is a note."""

import pytest

from ambient_components.platform.network_policies import policies
from tests.support.existing import flags, limit_range, made, namespace, of_pay, rules, secret, settings

PASSWORD = "hunter2-hunter2"


def ours(allow=(), platform="ambient-code"):
    return [made("NetworkPolicy", "pay", name, spec=spec) for name, spec in policies(platform, allow).items()]


@pytest.mark.parametrize(
    ("seconds", "text"), [(43_200, "12h"), (0, "never"), (1, "1s"), (90_061, "1d1h1m1s"), (31_536_000, "1y")]
)
def test_an_idle_timeout_is_a_duration(seconds, text):
    assert of_pay(settings("pay", inactivityTimeoutSeconds=seconds)).entry["settings"] == {"idleTimeout": text}


@pytest.mark.parametrize("seconds", [-1, 2**40, True, "12h", 1.5, {}])
def test_an_idle_timeout_that_no_file_can_say_is_noted(seconds):
    workspace = of_pay(settings("pay", inactivityTimeoutSeconds=seconds))
    assert "settings" not in workspace.entry
    assert rules(workspace) == ["idleTimeout"]


def test_mcp_servers_are_written_as_the_file_has_them():
    custom = {
        "search": {"type": "http", "url": "https://mcp.example.com", "headers": {"Authorization": "Bearer ${TOKEN}"}},
        "old": {"type": "sse", "url": "https://old.example.com"},
        "local": {"type": "stdio", "command": "uvx", "args": ["some-server"], "env": {"MODE": "${MODE:-fast}"}},
    }
    workspace = of_pay(settings("pay", mcpServers={"custom": custom, "disabled": ["context7", "webfetch"]}))
    assert workspace.notes == ()
    assert workspace.entry["settings"]["mcpServers"] == {
        "custom": {
            "search": {"url": "https://mcp.example.com", "headers": {"Authorization": "Bearer ${TOKEN}"}},
            "old": {"type": "sse", "url": "https://old.example.com"},
            "local": {"command": "uvx", "args": ["some-server"], "env": {"MODE": "${MODE:-fast}"}},
        },
        "disabled": ["context7", "webfetch"],
    }


@pytest.mark.parametrize(
    "servers",
    [
        {"custom": {"a": {"type": "http", "url": "https://a", "headers": {"Authorization": f"Bearer {PASSWORD}"}}}},
        {"custom": {"a": {"type": "http", "url": "https://a", "headers": {"X-Tenant": PASSWORD}}}},
        {"custom": {"a": {"type": "http", "url": "https://a", "headers": {"Cookie": PASSWORD}}}},
        {"custom": {"a": {"type": "http", "url": f"https://u:{PASSWORD}@a"}}},
        {"custom": {"a": {"type": "stdio", "command": "uvx", "env": {"MODE": PASSWORD}}}},
        {"custom": {"a": {"type": "stdio", "command": "uvx", "env": {"MODE": f"${{MODE:-fast}}{PASSWORD}"}}}},
        {"custom": {"a": {"type": "stdio", "command": "uvx", "env": {"A_TOKEN": f"${{A:-{PASSWORD}}}"}}}},
        {"custom": {"a": {"type": "stdio", "command": "uvx", "args": ["srv", "--api-key", PASSWORD]}}},
        {"custom": {f"sk-ant-{PASSWORD}": {"type": "stdio", "command": "uvx"}}},
        {"disabled": [f"sk-ant-{PASSWORD}"]},
        {"custom": {"a": {"url": "https://a"}}},
        {"custom": {"a": {"type": "stdio", "command": "uvx", "env": {"N": 1}}}},
        {"custom": {"a": {"type": "stdio", "command": "uvx", "other": True}}},
        {"custom": {"a": {"type": "stdio", "command": "uvx", "env": {}}}},
        {"custom": {"a b": {"type": "http", "url": "https://a"}}},
        {"custom": {"a": "x"}},
        {"custom": {}},
        {"custom": "x"},
        {"disabled": ["webfetch", "context7"]},
        {"disabled": "webfetch"},
        {"disabled": [1]},
        {"disabled": [{}]},
        {"other": 1},
    ],
)
def test_servers_that_a_run_would_write_differently_stay_with_the_ui_and_no_value_is_quoted(servers):
    workspace = of_pay(settings("pay", mcpServers=servers))
    assert "settings" not in workspace.entry
    assert rules(workspace) == ["mcpServers"]
    assert PASSWORD not in repr(workspace)


def test_feature_flags_are_those_with_a_plain_value():
    workspace = of_pay(flags("pay", **{"jira-write": "true", "gerrit.enabled": "false", "odd": "TRUE"}))
    assert workspace.entry["settings"] == {"featureFlags": {"gerrit.enabled": False, "jira-write": True}}
    assert rules(workspace) == ["featureFlags"]


def test_a_flag_that_looks_like_a_credential_is_not_written():
    workspace = of_pay(flags("pay", **{"sk-ant-hunter2hunter2": "true"}))
    assert "settings" not in workspace.entry
    assert rules(workspace) == ["featureFlags"]
    assert "hunter2" not in repr(workspace)


def test_certificates_are_left_to_a_file():
    workspace = of_pay(made("ConfigMap", "pay", "trusted-ca-bundle", data={"ca-bundle.crt": "PEM"}))
    assert "settings" not in workspace.entry
    assert rules(workspace) == ["caBundle"]


@pytest.mark.parametrize(
    ("item", "entry"),
    [
        ({}, None),
        ({"max": {"memory": "16Gi"}}, {"max": {"memory": "16Gi"}}),
        ({"default": {"cpu": "4", "memory": "4Gi"}}, {"default": {"cpu": "4"}}),
        (
            {"max": {"cpu": "1"}, "default": {"cpu": "1", "memory": "4Gi"}},
            {"max": {"cpu": "1"}},  # the default follows from it
        ),
        (
            {
                "default": {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "1Gi"},
                "defaultRequest": {"cpu": "250m", "memory": "256Mi", "ephemeral-storage": "1Gi"},
            },
            {"default": {"ephemeral-storage": "1Gi"}},
        ),
    ],
)
def test_container_limits_are_the_shortest_declaration_that_gives_them(item, entry):
    workspace = of_pay(limit_range("pay", **item))
    assert workspace.notes == ()
    assert workspace.entry.get("limits") == (entry and {"containers": entry})


@pytest.mark.parametrize(
    "item",
    [
        {"maxLimitRequestRatio": {"cpu": "4"}},
        {"default": {"cpu": "2"}},
        {"default": {}},
        {"max": {"nvidia.com/gpu": "1"}},
        {"max": {"memory": "1024Mi"}},
        {"max": {"memory": "a lot"}},
        {"max": "x"},
        {"max": {"cpu": {}}},
        {"max": {"cpu": "100m"}},
    ],
)
def test_limits_that_no_file_can_say_are_noted(item):
    workspace = of_pay(limit_range("pay", **item))
    assert "limits" not in workspace.entry
    assert rules(workspace) == ["containerLimits"]


def test_our_quota_is_the_quota_and_others_are_noted():
    workspace = of_pay(
        made("ResourceQuota", "pay", "workspace-quota", spec={"hard": {"pods": "50", "requests.cpu": "20"}}),
        made("ResourceQuota", "pay", "team-quota", spec={"hard": {"pods": "5"}}),
    )
    assert workspace.entry["limits"] == {"quota": {"pods": "50", "requests.cpu": "20"}}
    assert rules(workspace) == ["quota"]
    assert "team-quota" in workspace.notes[0].what


@pytest.mark.parametrize(
    "spec", [{"hard": {"pods": "50"}, "scopes": ["BestEffort"]}, {"hard": {"bananas": "5"}}, {"hard": {}}, {"hard": 1}]
)
def test_a_quota_that_no_file_can_say_is_noted(spec):
    workspace = of_pay(made("ResourceQuota", "pay", "workspace-quota", spec=spec))
    assert "limits" not in workspace.entry
    assert rules(workspace) == ["quota"]


@pytest.mark.parametrize(
    "allow",
    [
        [],
        [{"cidr": "10.20.0.0/16"}],
        [{"cidr": "10.20.0.0/16", "ports": [5432, 6432]}, {"namespace": "db", "ports": [53], "protocol": "UDP"}],
        [{"namespace": "db"}],
    ],
)
def test_the_policies_of_a_released_workspace_are_its_network(allow):
    workspace = of_pay(*ours(allow))
    assert workspace.notes == ()
    assert workspace.entry["limits"] == {"network": {"allow": allow} if allow else {}}


def test_policies_of_another_platform_or_of_others_are_noted():
    assert rules(of_pay(*ours(platform="another"))) == ["network"]
    assert rules(of_pay(ours()[0])) == ["network"]
    assert rules(of_pay(made("NetworkPolicy", "pay", "theirs", spec={}))) == ["network"]
    changed = ours()
    changed[0]["spec"]["egress"].append({"to": [{"podSelector": {}}]})
    assert rules(of_pay(*changed)) == ["network"]
    assert of_pay(*ours(platform="another"), platform_namespace="another").notes == ()


@pytest.mark.parametrize("allow", [[], [{"cidr": "10.1.0.0/16", "ports": [443]}]])
def test_the_policies_of_an_installation_with_the_api_server(allow):
    items = [
        made("NetworkPolicy", "pay", name, spec=spec)
        for name, spec in policies("ambient-code", allow, api_server=True).items()
    ]
    workspace = of_pay(*items, api_server=True)
    assert (workspace.notes, workspace.entry["limits"]) == ((), {"network": {"allow": allow} if allow else {}})
    assert rules(of_pay(*items)) == ["network"]


def test_labels_and_annotations_of_people_are_the_entrys():
    workspace = of_pay(
        namespace(
            "pay", {"cost-center": "4711", "openshift.io/x": "y", "app.kubernetes.io/part-of": "pay"},
            annotations={"example.com/contact": "a@b", "ambient-components/released-by": "x/y", "pulumi.com/a": "b",
                         "kubectl.kubernetes.io/last-applied-configuration": "{}", "multi": "a\nb\u200d"},
        )
    )  # fmt: skip
    assert workspace.entry["labels"] == {"app.kubernetes.io/part-of": "pay", "cost-center": "4711"}
    assert workspace.entry["annotations"] == {"example.com/contact": "a@b", "multi": "a\nb\u200d"}
    assert workspace.notes == ()


def test_what_controllers_write_and_what_looks_like_a_credential_stays_out():
    secret = "ghp_0123456789abcdef0123456789abcdef0123"
    notes = {"field.cattle.io/projectId": "p-1", "token": secret, "odd": "a\x1b"}
    workspace = of_pay(namespace("pay", {"argocd.argoproj.io/instance": "x"}, annotations=notes))
    assert not workspace.entry.keys() & {"labels", "annotations"}
    assert rules(workspace) == ["otherOwner", "otherOwner", "labels"]
    assert "ghp_" not in repr(workspace)


@pytest.mark.parametrize("key", ["db-password", "example.com/api-token", "example.com/sk-ant-hunter2hunter2"])
def test_what_is_named_like_a_secret_stays_out_whatever_its_value(key):
    workspace = of_pay(namespace("pay", {key: PASSWORD}, annotations={key: PASSWORD, "contact": "a@b"}))
    assert "labels" not in workspace.entry
    assert workspace.entry["annotations"] == {"contact": "a@b"}
    assert rules(workspace) == ["labels", "labels"]
    assert "hunter2" not in repr(workspace)


@pytest.mark.parametrize(
    ("mode", "annotations", "guard"),
    [
        ("deny", {"sharing": "view", "off": "removesKeys", "keys": "ci"}, {"mode": "deny", "sharing": "view"}),
        ("warn", {"sharing": "own", "off": "jobs,ties"}, {"mode": "warn", "off": ["jobs", "ties"]}),
        # A cluster admin's label alone, words of a later version, and no guard.
        ("audit", {}, {"mode": "audit", "off": []}),
        ("deny", {"sharing": "some", "off": "removesKeys,later"}, {"mode": "deny"}),
        ("block", {}, None),
    ],
)
def test_an_adoption_does_not_weaken_the_guard(mode, annotations, guard):
    prefix = "ambient-components/guard"
    notes = {f"{prefix}-{name}": value for name, value in annotations.items()}
    assert of_pay(namespace("pay", {prefix: mode}, annotations=notes)).entry.get("guard") == guard


def test_pod_security_is_a_level_of_the_file():
    level = "pod-security.kubernetes.io/enforce"
    assert of_pay(namespace("pay", {level: "baseline"})).entry["podSecurity"] == "baseline"
    workspace = of_pay(namespace("pay", {level: "restricted"}))
    assert "podSecurity" not in workspace.entry
    assert rules(workspace) == ["podSecurity"]
    controller = "pod-security-admission-label-synchronization-controller"
    synced = namespace("pay", {level: "baseline"}, managedFields=[{"manager": controller, "operation": "Apply"}])
    assert "podSecurity" not in of_pay(synced).entry


def test_field_managers_of_a_namespace_are_other_tools_and_not_our_own_stacks():
    managed = [{"manager": "pulumi-kubernetes-0a1b2c3d", "operation": "Apply"}]
    assert rules(of_pay(namespace("pay", managedFields=managed))) == ["otherOwner"]
    released = namespace("pay", managedFields=managed, annotations={"ambient-components/released-by": "app/old"})
    assert of_pay(released).notes == ()


def test_names_are_read_on_openshift_only():
    notes = {"openshift.io/display-name": "Payments", "openshift.io/description": "For the team"}
    item = namespace("pay", annotations={**notes, "openshift.io/requester": "alice"})
    assert not of_pay(item).entry.keys() & {"displayName", "description", "annotations"}
    workspace = of_pay(item, openshift=True)
    assert (workspace.entry["displayName"], workspace.entry["description"]) == ("Payments", "For the team")
    same = namespace("pay", annotations={"openshift.io/display-name": "pay"})
    assert "displayName" not in of_pay(same, openshift=True).entry
    long = namespace("pay", annotations=dict.fromkeys(notes, "x" * 600))
    assert rules(of_pay(long, openshift=True)) == ["displayName", "displayName"]
    secret_names = namespace("pay", annotations=dict.fromkeys(notes, f"sk-ant-{PASSWORD}"))
    workspace = of_pay(secret_names, openshift=True)
    assert not workspace.entry.keys() & {"displayName", "description"}
    assert rules(workspace) == ["displayName", "displayName"]
    assert PASSWORD not in repr(workspace)


def test_names_in_secrets_are_for_a_person_to_fill_in():
    workspace = of_pay(
        secret("pay", "ambient-runner-secrets", ANTHROPIC_API_KEY=PASSWORD, OTHER=PASSWORD),
        secret(
            "pay", "ambient-non-vertex-integrations",
            **{"GITHUB_TOKEN": PASSWORD, "STORAGE_MODE": "shared", "1st": "x", "ghp_0123456789abcdef0123456789": "x"},
        ),
    )  # fmt: skip
    assert workspace.secret_names == {
        "runner": ("ANTHROPIC_API_KEY",),
        "integrations": ("GITHUB_TOKEN",),
        "storage": ("STORAGE_MODE",),
    }
    assert "secrets" not in workspace.entry
    assert rules(workspace) == ["secrets", "secrets", "variables", "variables"]
    assert "2 names" in workspace.notes[3].what
    assert "ghp_" not in repr(workspace)


def test_storage_of_its_own_is_noted():
    variables = {"STORAGE_MODE": "custom", "S3_BUCKET": "b", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": PASSWORD}
    workspace = of_pay(secret("pay", "ambient-non-vertex-integrations", **variables))
    assert rules(workspace) == ["storage"]
    assert "driver: existing" in workspace.notes[0].hints[0]
