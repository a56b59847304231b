"""Settings, limits, labels and secrets of a workspace, as its component declares them."""

import pytest

from ambient_components import isolation
from tests.support.recorder import Secret

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SETTINGS = {
    "idleTimeoutSeconds": 43_200,
    "mcpServers": {"custom": {"search": {"type": "http", "url": "https://search"}}, "disabled": ["webfetch"]},
    "featureFlags": {"jira-write": True, "gerrit.enabled": False},
    "caBundle": CERTIFICATE,
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


def extra(recording):
    """What a workspace has beside its namespace and its labels."""
    children = recording.tree("Workspace payments")["Workspace payments"]
    return set(children) - {"Namespace payments/namespace", "NamespacePatch payments/listed"}


def test_everything_that_can_be_declared_is_a_resource_of_its_own(workspace):
    assert extra(workspace(settings=SETTINGS, limits=LIMITS)) == KINDS


@pytest.mark.parametrize(
    ("args", "kinds"),
    [
        ({"settings": {}}, set()),
        ({"settings": {"featureFlags": {}}}, set()),
        ({"settings": {"idleTimeoutSeconds": 0}}, {"ProjectSettings payments/settings"}),
        ({"settings": {"mcpServers": {"disabled": ["webfetch"]}}}, {"ProjectSettings payments/settings"}),
        ({"settings": {"featureFlags": {"jira-write": False}}}, {"FeatureFlags payments/feature-flags"}),
        ({"settings": {"caBundle": CERTIFICATE}}, {"ConfigMap payments/ca-bundle"}),
        ({"settings": {"mcpServers": {}}}, {"ProjectSettings payments/settings"}),  # none at all, whatever the UI says
        ({"limits": {}}, set()),
        ({"limits": {"containers": {}, "quota": {}}}, set()),
        ({"limits": {"containers": {"max": {}}}}, set()),
        ({"limits": {"containers": {"min": {"cpu": "1"}}}}, {"ContainerDefaults payments/containers"}),
        ({"limits": {"quota": {"pods": "5"}}}, {"ResourceQuota payments/quota"}),
        ({"limits": {"network": {"isolate": False}}}, set()),
        ({"limits": {"network": {}}}, {kind for kind in KINDS if kind.startswith("NetworkPolicy")}),
        ({"runnerSecrets": {}, "integrationSecrets": {}}, set()),
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
        "mcpServers": SETTINGS["mcpServers"],
    }
    only = workspace(settings={"idleTimeoutSeconds": 0}).named("ProjectSettings", "payments/settings")
    assert only.inputs == {"namespace": "payments", "inactivityTimeoutSeconds": 0}


def test_feature_flags_are_given_one_by_one(workspace):
    flags = workspace(settings=SETTINGS).named("FeatureFlags", "payments/feature-flags")
    assert flags.inputs == {"namespace": "payments", "flags": {"jira-write": True, "gerrit.enabled": False}}


def test_a_ca_bundle_is_the_platforms_config_map(workspace):
    bundle = workspace(settings=SETTINGS).named("ConfigMap", "payments/ca-bundle")
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
    given = {"platformNamespace": platform} if platform else {}
    recording = workspace(limits=LIMITS, **given)
    wanted = isolation.policies(platform or "ambient-code", LIMITS["network"]["allow"])
    assert len(recording.of("NetworkPolicy")) == len(wanted)
    for name, spec in wanted.items():
        policy = recording.named("NetworkPolicy", f"payments/network/{name}")
        assert policy.metadata == {"name": name, "namespace": "payments", "annotations": FORCED}
        assert policy.inputs["spec"] == spec


def test_settings_go_with_the_namespace_and_access_never_does(workspace):
    recording = workspace(
        settings=SETTINGS,
        limits=LIMITS,
        owners=["user:alice"],
        grants=[{"subject": "user:bob"}],
        keys={"ci": {}},
        runnerSecrets={"ANTHROPIC_API_KEY": "sk-one"},
        integrationSecrets={"FOO": "bar"},
    )
    namespace = recording.named("Namespace", "payments/namespace")
    going = {recording.label(item.urn): item.deleted_with for item in recording if item.deleted_with}
    assert going == dict.fromkeys(KINDS, namespace.urn)
    assert [item.urn for item in recording if item.is_access and item.deleted_with] == []
    assert [item.urn for item in recording if item.retain_on_delete] == []


@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_settings_and_limits_are_there_in_every_state(workspace, state):
    assert extra(workspace(settings=SETTINGS, limits=LIMITS, state=state)) >= KINDS


def test_further_labels_go_through_the_patch_and_annotations_through_the_namespace(workspace):
    recording = workspace(
        labels={"cost-center": "4711", "example.com/team": "pay"},
        annotations={"example.com/runbook": "https://runbook"},
        podSecurity="baseline",
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
    secrets = {"runnerSecrets": {"ANTHROPIC_API_KEY": "sk-one"}, "integrationSecrets": {"FOO": "bar"}}
    recording = workspace(**secrets, **({"onDrift": on_drift} if on_drift else {}))
    for kind in ("runner", "integrations"):
        given = recording.named("WorkspaceSecret", f"payments/secret/{kind}").inputs
        assert given.get("onDrift") == (on_drift or {}).get(kind)


def test_every_value_of_a_secret_is_marked_on_its_own(workspace):
    recording = workspace(integrationSecrets={"FOO": "bar", "LOG_LEVEL": "debug"})
    secret = recording.named("WorkspaceSecret", "payments/secret/integrations")
    assert secret.inputs["values"] == {"FOO": Secret("bar"), "LOG_LEVEL": Secret("debug")}


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (
            {"podSecurity": "restricted"},
            "podSecurity: 'restricted' is not a pod security level; allowed: privileged, baseline",
        ),
        ({"podSecurity": "basline"}, "allowed: privileged, baseline; did you mean 'baseline'?"),
        (
            {"onClose": {"sessions": "deletepods"}},
            "onClose.sessions: 'deletepods' is not a way to end sessions; allowed: stop,",
        ),
        ({"onClose": {"waitSeconds": 3601}}, "onClose.waitSeconds: 3601 is out of bounds; allowed: 1 to 3600"),
        ({"state": "colsed"}, "allowed: active, closed, released; did you mean 'closed'?"),
        ({"grants": [{"subject": "user:a", "role": "veiw"}]}, "allowed: view, edit, admin; did you mean 'view'?"),
        ({"keys": {"ci": {"role": "amdin"}}}, "allowed: view, edit, admin; did you mean 'admin'?"),
        ({"runnerSecrets": {"ANTROPIC_API_KEY": "x"}}, "did you mean 'ANTHROPIC_API_KEY'?"),
        ({"labels": {"ambient-code.io/managed": "false"}}, "is reserved for the platform"),
        ({"annotations": {"pulumi.com/patchForce": "false"}}, "is reserved for Pulumi"),
        ({"annotations": {"ambient-components/owner": "me"}}, "is reserved for this tool"),
        ({"labels": {"team": "a b"}}, "can't be the value of a label"),
        ({"limits": {"quota": {"pods": "many"}}}, "limits.quota.pods: 'many' is not a quantity"),
        ({"limits": {"containers": {"max": {"cpu": "1 core"}}}}, "limits.containers.max.cpu: '1 core' is not"),
        ({"limits": {"network": {"allow": [{}]}}}, "allow[0]: has neither a cidr nor a namespace"),
        (
            {"limits": {"network": {"allow": [{"cidr": "10.0.0.0/8", "namespace": "a"}]}}},
            "allow[0]: has a cidr and a namespace; allowed: exactly one of them",
        ),
        ({"integrationSecrets": {"S3_BUCKET": "b"}}, "S3_BUCKET: is reserved for the workspace's storage"),
        ({"integrationSecrets": {"1A": "b"}}, "integrationSecrets.1A: is not a name for a variable"),
    ],
    ids=str,
)
def test_what_the_platform_would_not_take_is_refused(workspace, args, told):
    with pytest.raises(ValueError, match="workspace 'payments': ") as refused:
        workspace(**args)
    (line,) = str(refused.value).splitlines()
    assert told in line
