"""Settings, limits, labels and secrets of a workspace, as its component declares them."""

import pulumi
import pytest

from ambient_components import ClusterProviders, Workspace
from ambient_components.platform import network_policies

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SETTINGS = {
    "idle_timeout": "12h",
    "mcp_servers": {"custom": {"search": {"type": "http", "url": "https://search"}}, "disabled": ["webfetch"]},
    "feature_flags": {"jira-write": True, "gerrit.enabled": False},
}
LIMITS = {
    "containers": {"max": {"cpu": "1000m"}, "default": {"memory": "1024Mi"}},
    "quota": {"requests.cpu": "20000m", "pods": "50", "limits.memory": "65536Mi"},
    "network": {"isolate": True, "allow": [{"cidr": "10.20.0.0/16", "ports": [5432], "protocol": "TCP"}]},
}
FORCED = {"pulumi.com/patchForce": "true"}
KINDS = {
    "ProjectSettings payments/settings",
    "FeatureFlags payments/feature-flags",
    "ConfigMap payments/ca-bundle",
    "ContainerDefaults payments/containers",
    "ResourceQuota payments/quota",
    "NetworkPolicy payments/network/workspace-isolation",
    "NetworkPolicy payments/network/workspace-isolation-jobs",
}


def server(fields, name="search"):
    """Arguments with one MCP server."""
    return {"settings": {"mcp_servers": {"custom": {name: fields}}}}


def extra(recording):
    """What a workspace has beside its namespace and its labels."""
    children = recording.tree("Workspace payments")["Workspace payments"]
    return set(children) - {"Namespace payments/namespace", "NamespacePatch payments/listed"}


def test_everything_that_can_be_declared_is_a_resource_of_its_own(workspace):
    assert extra(workspace(settings=SETTINGS, ca_bundle=CERTIFICATE, limits=LIMITS)) == KINDS


@pytest.mark.parametrize(
    ("args", "kinds"),
    [
        ({"settings": {}}, set()),
        ({"settings": {"feature_flags": {}}}, set()),
        ({"settings": {"idle_timeout": "never"}}, {"ProjectSettings payments/settings"}),
        ({"settings": {"mcp_servers": {"disabled": ["webfetch"]}}}, {"ProjectSettings payments/settings"}),
        ({"settings": {"feature_flags": {"jira-write": False}}}, {"FeatureFlags payments/feature-flags"}),
        ({"ca_bundle": CERTIFICATE}, {"ConfigMap payments/ca-bundle"}),
        ({"settings": {"mcp_servers": {}}}, {"ProjectSettings payments/settings"}),  # none at all, whatever the UI says
        ({"limits": {}}, set()),
        ({"limits": {"containers": {}, "quota": {}}}, set()),
        ({"limits": {"containers": {"max": {}}}}, set()),
        ({"limits": {"containers": {"min": {"cpu": "1"}}}}, {"ContainerDefaults payments/containers"}),
        ({"limits": {"quota": {"pods": "5"}}}, {"ResourceQuota payments/quota"}),
        ({"limits": {"network": {"isolate": False}}}, set()),
        ({"limits": {"network": {}}}, {kind for kind in KINDS if kind.startswith("NetworkPolicy")}),
        ({"secrets": {"runner": {}, "integrations": {}}}, set()),
    ],
    ids=lambda value: None if isinstance(value, set) else str(value),
)
def test_what_is_left_out_is_left_to_the_platform(workspace, args, kinds):
    assert extra(workspace(**args)) == kinds


def test_project_settings_hold_what_is_given_and_nothing_else(workspace):
    settings = workspace(settings=SETTINGS).named("ProjectSettings", "payments/settings")
    assert settings.inputs == {
        "namespace": "payments",
        "inactivityTimeoutSeconds": 43_200,
        "mcpServers": SETTINGS["mcp_servers"],
    }
    only = workspace(settings={"idle_timeout": "never"}).named("ProjectSettings", "payments/settings")
    assert only.inputs == {"namespace": "payments", "inactivityTimeoutSeconds": 0}


def test_a_ca_bundle_is_the_platforms_config_map(workspace):
    bundle = workspace(ca_bundle=CERTIFICATE).named("ConfigMap", "payments/ca-bundle")
    assert bundle.metadata == {"name": "trusted-ca-bundle", "namespace": "payments", "annotations": FORCED}
    assert bundle.inputs["data"] == {"ca-bundle.crt": CERTIFICATE}


def test_limits_are_canonical_and_over_the_platforms_defaults(workspace):
    recording = workspace(limits=LIMITS)
    assert recording.named("ContainerDefaults", "payments/containers").inputs == {
        "namespace": "payments",
        "max": {"cpu": "1"},
        "default": {"cpu": "1", "memory": "1Gi"},
        "defaultRequest": {"cpu": "250m", "memory": "256Mi"},
    }
    quota = recording.named("ResourceQuota", "payments/quota")
    assert quota.metadata == {"name": "workspace-quota", "namespace": "payments", "annotations": FORCED}
    assert quota.inputs["spec"] == {"hard": {"requests.cpu": "20", "pods": "50", "limits.memory": "64Gi"}}


@pytest.mark.parametrize("platform", [None, "acp"])
def test_the_policies_are_those_of_isolation_for_the_platforms_namespace(workspace, platform):
    given = {"platform_namespace": platform} if platform else {}
    recording = workspace(limits=LIMITS, **given)
    desired = network_policies.policies(platform or "ambient-code", LIMITS["network"]["allow"])
    assert len(recording.of("NetworkPolicy")) == len(desired)
    for name, spec in desired.items():
        policy = recording.named("NetworkPolicy", f"payments/network/{name}")
        assert policy.metadata == {"name": name, "namespace": "payments", "annotations": FORCED}
        assert policy.inputs["spec"] == spec


def test_the_port_of_the_api_server_is_open_where_the_platform_has_one(workspace):
    recording = workspace(limits=LIMITS, ambient_api_server=True)
    desired = network_policies.policies("ambient-code", LIMITS["network"]["allow"], api_server=True)
    for name, spec in desired.items():
        assert recording.named("NetworkPolicy", f"payments/network/{name}").inputs["spec"] == spec


def test_further_labels_go_through_the_patch_and_annotations_through_the_namespace(workspace):
    recording = workspace(
        labels={"cost-center": "4711", "example.com/team": "pay"},
        annotations={"example.com/runbook": "https://runbook"},
        pod_security="baseline",
    )
    namespace, patch = (
        recording.named("Namespace", "payments/namespace"),
        recording.named("NamespacePatch", "payments/listed"),
    )
    assert "labels" not in namespace.metadata
    assert namespace.metadata["annotations"] == {
        **FORCED,
        "ambient-components/owner": "project/fleet",
        "example.com/runbook": "https://runbook",
    }
    assert patch.metadata["annotations"] == FORCED
    assert patch.metadata["labels"] == {
        "ambient-code.io/managed": "true",
        "app.kubernetes.io/managed-by": "ambient-code",
        "pod-security.kubernetes.io/enforce": "baseline",
        "cost-center": "4711",
        "example.com/team": "pay",
    }


@pytest.mark.parametrize("on_drift", [None, {"runner": "keep"}, {"runner": "overwrite", "integrations": "keep"}])
def test_who_wins_is_said_for_each_secret(workspace, on_drift):
    secrets = {"runner": {"ANTHROPIC_API_KEY": "sk-one"}, "integrations": {"FOO": "bar"}}
    recording = workspace(secrets={**secrets, **({"on_drift": on_drift} if on_drift else {})})
    for kind in ("runner", "integrations"):
        given = recording.named("WorkspaceSecret", f"payments/secret/{kind}").inputs
        assert given["onDrift"] == {"runner": "overwrite", "integrations": "overwrite", **(on_drift or {})}[kind]


@pytest.mark.parametrize(
    ("args", "received"),
    [
        (
            {"pod_security": "restricted"},
            "pod_security: 'restricted' would reject every session: the platform's pods run an init container",
        ),
        ({"on_close": {"wait": "3601s"}}, "on_close.wait: 3601s is too long; allowed: durations up to 1h"),
        ({"secrets": {"runner": {"ANTROPIC_API_KEY": "x"}}}, "did you mean 'ANTHROPIC_API_KEY'?"),
        ({"annotations": {"ambient-components/owner": "me"}}, "is reserved for this tool"),
        ({"labels": {"team": "a b"}}, "can't be the value of a label"),
        ({"limits": {"quota": {"memory": "512m"}}}, "limits.quota.memory: 512m is a fraction of a byte"),
        (
            {"limits": {"containers": {"maximum": {"cpu": "1"}}}},
            "limits.containers.maximum: 'maximum' is not a field; allowed: default_request, default, min, max",
        ),
        (
            {"limits": {"containers": {"default_request": {"cpu": 2}, "max": {"cpu": 1}}}},
            "limits.containers.default_request.cpu: 2 is more than the 1 of max; allowed: min ≤ default_request ≤ defa",
        ),
        (
            {"limits": {"network": {"allow": [{"namespace": "a", "protocol": "UDP"}]}}},
            "limits.network.allow[0]: has a protocol without ports",
        ),
        ({"settings": {"ca_bundle": {"file": "ca.pem"}}}, "settings.ca_bundle: is for stack files; give the content"),
        ({"schedules": {"a": {"schedule": "0 9 * * *"}}}, "schedules.a.session_template: is missing"),
        (server({"url": "https://x"}, "my__search"), "'my__search' can't name an MCP server"),
        (server({"url": "https://x", "args": ["-v"]}), "custom.search: has a url and args; allowed: headers with url"),
        ({"secrets": {"integrations": {"S3_BUCKET": "b"}}}, "S3_BUCKET: is reserved for the workspace's storage"),
    ],
    ids=str,
)
def test_what_the_platform_would_not_take_is_refused(workspace, args, received):
    with pytest.raises(ValueError, match="workspace 'payments': ") as refused:
        workspace(**args)
    (line,) = str(refused.value).splitlines()
    assert received in line


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"url": "https://x", "headers": {"Authorization": "Bearer hunter2hunter2"}}, "headers.Authorization"),
        ({"url": "https://me:hunter2hunter2@x"}, "url"),
        ({"command": "uvx", "args": ["-v", "--token=hunter2hunter2"]}, "args[1]"),
    ],
    ids=str,
)
def test_a_credential_in_an_mcp_server_is_refused_and_never_quoted(workspace, fields, place):
    """ProjectSettings is for everybody to read who has access to the workspace."""
    with pytest.raises(ValueError, match="credential") as refused:
        workspace(**server(fields))
    assert f"settings.mcp_servers.custom.search.{place}: " in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_credential_in_the_place_of_a_name_is_never_quoted(workspace):
    token = f"ghp_{'a1B2' * 9}"
    with pytest.raises(ValueError, match="feature flag") as refused:
        workspace(settings={"feature_flags": {f"{token}!": True}})
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    "args",
    [
        {"settings": {"feature_flags": {"of-our-own": True}, "mcp_servers": {"disabled": ["of-our-own"]}}},
        {"limits": {"network": {"isolate": False, "allow": [{"namespace": "a"}]}}},
        {"limits": {"quota": {"pods": 5, "cpu": "500m", "requests.cpu": 0.5, "count/jobs.batch": "1"}}},
    ],
    ids=str,
)
def test_what_a_stack_file_is_only_warned_of_is_taken(workspace, args):
    assert workspace(**args).of("Namespace")


def test_a_value_of_an_mcp_server_may_come_of_a_run(record):
    def program():
        url = pulumi.Output.from_input("https://x")
        providers = ClusterProviders.of("cluster", unguarded=True).both
        options = pulumi.ResourceOptions(providers=providers)
        args = {
            **server({"url": url, "headers": {"A": url}}),
            "limits": {"quota": {"cpu": pulumi.Output.from_input("1000m")}},
        }
        Workspace("payments", **args, opts=options)

    recording = record(program)
    assert recording.of("ProjectSettings")
    assert recording.named("ResourceQuota", "payments/quota").inputs["spec"] == {"hard": {"cpu": "1"}}
