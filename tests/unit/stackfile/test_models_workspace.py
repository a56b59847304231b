"""Models of workspaces and defaults: what each field becomes, what is left out, and what the namespace may have."""

import pytest

from ambient_components.model.stack import Included
from ambient_components.platform.contract import PodSecurity
from ambient_components.rules.limits import Protocol
from ambient_components.rules.secrets import DriftPolicy
from ambient_components.rules.states import WorkspaceState
from ambient_components.stackfile import (
    ContainerLimits,
    Defaults,
    KeyDefaults,
    Limits,
    Network,
    NetworkPeer,
    OnDrift,
    SecretRef,
    Settings,
    Source,
    StackFile,
    Workspace,
)
from tests.support.stack_models import in_workspace, workspace


def test_a_workspace_with_everything():
    got = workspace(
        template="team",
        secrets={
            "runner": {"ANTHROPIC_API_KEY": {"config": "pay/anthropic"}},
            "integrations": {
                "GITHUB_TOKEN": {"env": "PAY_GITHUB_TOKEN"},
                "NPM_TOKEN": {"file": "secrets/npm"},
                "JUMP_TOKEN": {"secret": {"namespace": "vault-sync", "name": "pay", "key": "jump"}},
                "LOG_LEVEL": {"value": "debug"},
            },
            "onDrift": {"integrations": "keep"},
        },
        settings={
            "idleTimeout": "12h",
            "mcpServers": {"custom": {"search": {"url": "https://mcp.example.com"}}, "disabled": ["webfetch"]},
            "featureFlags": {"jira-write": True},
            "caBundle": {"file": "ca.pem"},
        },
        limits={
            "containers": {"defaultRequest": {"cpu": "1000m", "memory": "1024Mi"}, "max": {"cpu": 4}},
            "quota": {"pods": 50, "requests.cpu": 0.5},
            "network": {
                "allow": [{"cidr": "10.0.0.0/8", "ports": [443]}, {"namespace": "db", "ports": [53], "protocol": "UDP"}]
            },
        },
        labels={"team": "pay"},
        annotations={"example.com/note": "a b"},
        podSecurity="baseline",
        state="released",
        adopt=True,
    )
    assert (got.template, got.labels, got.annotations) == ("team", {"team": "pay"}, {"example.com/note": "a b"})
    assert (got.pod_security, got.state, got.adopt) == (PodSecurity.BASELINE, WorkspaceState.RELEASED, True)
    assert got.secrets.on_drift == OnDrift(integrations=DriftPolicy.KEEP)
    assert got.secrets.integrations == {
        "GITHUB_TOKEN": Source(env="PAY_GITHUB_TOKEN"),
        "NPM_TOKEN": Source(file="secrets/npm"),
        "JUMP_TOKEN": Source(secret=SecretRef(namespace="vault-sync", name="pay", key="jump")),
        "LOG_LEVEL": Source(value="debug"),
    }
    assert (got.settings.idle_timeout, got.settings.feature_flags) == (43_200, {"jira-write": True})
    assert got.limits == Limits(
        containers=ContainerLimits(defaultRequest={"cpu": "1", "memory": "1Gi"}, max={"cpu": "4"}),
        quota={"pods": "50", "requests.cpu": "500m"},
        network=Network(
            allow=[
                NetworkPeer(cidr="10.0.0.0/8", ports=[443]),
                NetworkPeer(namespace="db", ports=[53], protocol=Protocol.UDP),
            ]
        ),
    )
    assert (got.limits.network.isolate, got.limits.network.allow[0].protocol) == (True, Protocol.TCP)


def test_what_is_left_out_is_not_set():
    got = workspace()
    assert (got.settings, got.limits, got.pod_security, got.adopt) == (Settings(), Limits(), None, False)
    assert (got.settings.idle_timeout, got.settings.mcp_servers, got.settings.ca_bundle) == (None, None, None)
    assert (got.limits.containers, got.limits.network) == (None, None)


def test_defaults_say_what_they_say_and_no_more():
    file = StackFile.model_validate(
        {"include": ["a.yaml"], "defaults": {"keys": {"lifetime": "30d"}}, "templates": {"team": {"protect": False}}}
    )
    assert file.defaults == Defaults(keys=KeyDefaults(lifetime="30d"))
    assert (file.defaults.keys.lifetime, file.defaults.keys.role, file.defaults.protect) == (2_592_000, None, None)
    assert (file.include, file.templates["team"].protect, file.workspaces) == ([Included(path="a.yaml")], False, {})


def test_defaults_know_every_other_field_of_a_workspace():
    assert set(Workspace.model_fields) - set(Defaults.model_fields) == {
        "template",
        "display_name",
        "description",
        "state",
        "adopt",
        "storage",
        "schedules",
        "exceptions",
        "acknowledge",
        "shard",
    }


@pytest.mark.parametrize(
    ("given", "path", "problem", "remedy"),
    [
        ("deletePods", "onClose", "is text", "allowed: a mapping, such as {sessions: deletePods}"),
        (
            {"sessions": "delete"}, "onClose.sessions",
            "'delete' is not a way to end sessions", "allowed: stop, deletePods; did you mean 'deletePods'?",
        ),
        (
            {"wait": "2h"}, "onClose.wait",
            "2h is too long", "allowed: durations up to 1h, a whole number and a unit of s, m or h, such as 30s",
        ),
        (
            {"wait": 30}, "onClose.wait",
            "30 has no unit", "allowed: durations up to 1h, a whole number and a unit of s, m or h, such as 30s",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_of_the_end_of_sessions(given, path, problem, remedy):
    assert in_workspace(onClose=given) == [(path, problem, remedy)]
