"""A stack file with every field, as the components and the ledger get it."""

import pytest

from ambient_components.components import (
    GrantSpec,
    KeySpec,
    LimitsSpec,
    NetworkPeerSpec,
    NetworkSpec,
    OnDriftSpec,
    SettingsSpec,
    WorkspaceArgs,
)
from ambient_components.fleet import StackSettings, WorkspaceValues, ledger_of, workspace_args
from ambient_components.spec import Defaults, Workspace, parse_stack
from tests.support.recorder import Secret

FULL = """\
workspaces:
  payments:
    displayName: Payments
    description: Services that move money
    owners: [user:zoe@example.com, group:break-glass, serviceaccount:ci:deployer]
    grants:
      - {user: bob@example.com}
      - {group: devs, role: edit}
    keys:
      nightly: {role: view, lifetime: 30d, generation: 2}
      ci: {name: GitHub Actions, description: deploys on merge}
    secrets:
      runner: {ANTHROPIC_API_KEY: {env: THE_KEY}}
      integrations: {LOG_LEVEL: {value: debug}, FOO: {env: THE_FOO}}
      onDrift: {runner: keep, integrations: overwrite}
    settings:
      idleTimeout: 12h
      mcpServers:
        custom:
          search: {url: https://search, headers: {Authorization: "Bearer ${FOO}"}}
          local: {command: uvx, args: [server], env: {LEVEL: debug}}
        disabled: [webfetch, deepwiki]
      featureFlags: {jira-write: true, gerrit.enabled: false}
      caBundle: {file: ca.pem}
    limits:
      containers:
        defaultRequest: {cpu: 500m}
        default: {memory: 1024Mi}
        min: {cpu: 10m}
        max: {cpu: 4}
      quota: {requests.cpu: 20, pods: 50}
      network:
        allow:
          - {cidr: 10.20.0.0/16, ports: [5432]}
          - {namespace: databases, ports: [9953], protocol: UDP}
          - {namespace: mirror}
    labels: {team: pay, cost-center: "4711"}
    annotations: {example.com/runbook: https://runbook}
    podSecurity: baseline
    protect: false
    state: active
    adopt: true
"""
SETTINGS = StackSettings("project/fleet", {"clusterUid": "u"}, openshift=True, platform_namespace="acp")
VALUES = WorkspaceValues({"ANTHROPIC_API_KEY": "one"}, {"LOG_LEVEL": "debug", "FOO": "two"})


def model(text=FULL, name="payments") -> Workspace:
    return parse_stack(text, "dev.yaml").file.workspaces[name]


def entry(text):
    return model(f"workspaces:\n  payments: {text}\n")


def test_the_file_has_every_field_that_there_is():
    given = model().model_fields_set
    assert set(Workspace.model_fields) - given == {"template"}
    for part in ("secrets", "settings", "limits"):
        fields = getattr(model(), part)
        assert set(type(fields).model_fields) == fields.model_fields_set, part


def test_every_field_becomes_an_argument():
    assert workspace_args(model(), SETTINGS, VALUES, "PEM") == {
        "owner": "project/fleet",
        "adopt": True,
        "openshift": True,
        "platformNamespace": "acp",
        "displayName": "Payments",
        "description": "Services that move money",
        "owners": ["group:break-glass", "serviceaccount:ci:deployer", "user:zoe@example.com"],
        "grants": [
            {"subject": "group:devs", "role": "edit"},
            {"subject": "user:bob@example.com", "role": "view"},
        ],
        "keys": {
            "ci": {
                "name": "GitHub Actions",
                "description": "deploys on merge",
                "role": "edit",
                "lifetimeSeconds": 7_776_000,
                "generation": 1,
            },
            "nightly": {
                "name": "nightly",
                "description": "",
                "role": "view",
                "lifetimeSeconds": 2_592_000,
                "generation": 2,
            },
        },
        "runnerSecrets": {"ANTHROPIC_API_KEY": "one"},
        "integrationSecrets": {"LOG_LEVEL": "debug", "FOO": "two"},
        "onDrift": {"runner": "keep", "integrations": "overwrite"},
        "settings": {
            "idleTimeoutSeconds": 43_200,
            "mcpServers": {
                "custom": {
                    "local": {"type": "stdio", "command": "uvx", "args": ["server"], "env": {"LEVEL": "debug"}},
                    "search": {
                        "type": "http",
                        "url": "https://search",
                        "headers": {"Authorization": "Bearer ${FOO}"},
                    },
                },
                "disabled": ["deepwiki", "webfetch"],
            },
            "featureFlags": {"jira-write": True, "gerrit.enabled": False},
            "caBundle": "PEM",
        },
        "limits": {
            "containers": {
                "defaultRequest": {"cpu": "500m"},
                "default": {"memory": "1Gi"},
                "min": {"cpu": "10m"},
                "max": {"cpu": "4"},
            },
            "quota": {"requests.cpu": "20", "pods": "50"},
            "network": {
                "isolate": True,
                "allow": [
                    {"cidr": "10.20.0.0/16", "ports": [5432], "protocol": "TCP"},
                    {"namespace": "databases", "ports": [9953], "protocol": "UDP"},
                    {"namespace": "mirror", "ports": [], "protocol": "TCP"},
                ],
            },
        },
        "labels": {"cost-center": "4711", "team": "pay"},
        "annotations": {"example.com/runbook": "https://runbook"},
        "podSecurity": "baseline",
        "protect": False,
        "state": "active",
    }


def test_arguments_are_those_that_the_component_knows():
    args = workspace_args(model(), SETTINGS, VALUES, "PEM")
    known = {
        "": (args, WorkspaceArgs, {"namespace"}),
        "grants": (args["grants"][0], GrantSpec, set()),
        "keys": (args["keys"]["ci"], KeySpec, {"rotateBeforeSeconds", "overlapSeconds"}),
        "onDrift": (args["onDrift"], OnDriftSpec, set()),
        "settings": (args["settings"], SettingsSpec, set()),
        "limits": (args["limits"], LimitsSpec, set()),
        "network": (args["limits"]["network"], NetworkSpec, set()),
        "peers": (args["limits"]["network"]["allow"][0] | {"namespace": "n"}, NetworkPeerSpec, set()),
    }
    for name, (given, spec, elsewhere) in known.items():
        assert spec.__required_keys__ | spec.__optional_keys__ == set(given) | elsewhere, name


def test_an_empty_entry_declares_nothing_of_the_platforms():
    args = workspace_args(entry("{}"), StackSettings("p/f", {}), WorkspaceValues())
    assert args["settings"] == {"featureFlags": {}}
    assert args["limits"] == {"quota": {}}
    assert (args["openshift"], args["platformNamespace"], args["protect"]) == (False, "ambient-code", True)
    assert not {"displayName", "description", "podSecurity"} & args.keys()


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("{settings: {idleTimeout: never}}", {"featureFlags": {}, "idleTimeoutSeconds": 0}),
        (
            "{settings: {mcpServers: {disabled: [webfetch]}}}",
            {"featureFlags": {}, "mcpServers": {"disabled": ["webfetch"]}},
        ),
        ("{settings: {mcpServers: {}}}", {"featureFlags": {}, "mcpServers": {}}),
    ],
)
def test_settings_as_they_are_given(text, settings):
    assert workspace_args(entry(text), SETTINGS, VALUES)["settings"] == settings


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("{limits: {network: {isolate: false}}}", {"quota": {}, "network": {"isolate": False, "allow": []}}),
        (
            "{limits: {containers: {max: {cpu: 1000m}}}}",
            {"quota": {}, "containers": {"defaultRequest": {}, "default": {}, "min": {}, "max": {"cpu": "1"}}},
        ),
    ],
)
def test_limits_as_they_are_given(text, limits):
    assert workspace_args(entry(text), SETTINGS, VALUES)["limits"] == limits


# The ledger.


def test_the_ledger_has_all_access_and_whether_to_adopt():
    assert ledger_of({"payments": model()}) == {
        "payments": {
            "state": "active",
            "adopt": True,
            "owners": ["group:break-glass", "serviceaccount:ci:deployer", "user:zoe@example.com"],
            "grants": {"user:bob@example.com": "view", "group:devs": "edit"},
            "keys": {
                "nightly": {"role": "view", "lifetimeSeconds": 2_592_000, "generation": 2},
                "ci": {"role": "edit", "lifetimeSeconds": 7_776_000, "generation": 1},
            },
            # Names alone: of a released workspace nothing may vanish, and a value is nobody's to see.
            "secrets": {"runner": ["ANTHROPIC_API_KEY"], "integrations": ["FOO", "LOG_LEVEL"]},
            "settings": ["caBundle", "featureFlags", "idleTimeout", "mcpServers"],
            "limits": ["containers", "network", "quota"],
        }
    }


@pytest.mark.parametrize(("state", "access"), [("active", True), ("released", True), ("closed", False)])
def test_the_ledger_of_a_closed_workspace_has_its_owners_alone(state, access):
    text = FULL.replace("state: active", f"state: {state}")
    ledger = ledger_of({"payments": model(text)})["payments"]
    assert ledger["state"] == state
    assert len(ledger["owners"]) == 3
    assert (bool(ledger["grants"]), bool(ledger["keys"]), "secrets" in ledger) == (access, access, access)
    assert ("settings" in ledger, "limits" in ledger) == (True, True)


def test_adopt_is_said_only_where_it_is_asked_for():
    assert "adopt" not in ledger_of({"payments": entry("{adopt: false}")})["payments"]


def test_what_lies_under_every_workspace_is_a_workspaces_own():
    """A field that defaults may have and a workspace can't would be lost without a word."""
    assert set(Defaults.model_fields) <= set(Workspace.model_fields)


# As a whole.


def test_the_whole_file_becomes_resources(run_fleet, monkeypatch, tmp_path):
    monkeypatch.setenv("THE_KEY", "v-one")
    monkeypatch.setenv("THE_FOO", "v-two")
    (tmp_path / "stacks/ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" * 20)
    config = {"clusterUid": "u", "platformNamespace": "acp", "openshift": "true"}
    recording = run_fleet(FULL, config=config)
    assert recording.warnings == []
    assert recording.named("WorkspaceSecret", "payments/secret/runner").inputs == {
        "namespace": "payments",
        "secret": "ambient-runner-secrets",
        "values": {"ANTHROPIC_API_KEY": Secret("v-one")},
        "onDrift": "keep",
    }
    settings = recording.named("ProjectSettings", "payments/settings").inputs
    assert (settings["inactivityTimeoutSeconds"], len(settings["mcpServers"]["custom"])) == (43_200, 2)
    policy = recording.named("NetworkPolicy", "payments/network/workspace-isolation").inputs["spec"]
    assert policy["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "acp"}
    assert len(policy["egress"]) == 6
    assert recording.named("AccessLedger", "access").inputs["workspaces"]["payments"]["adopt"] is True
    assert {item.type.split(":")[-1] for item in recording if item.custom} >= {
        *("FeatureFlags", "ConfigMap", "ContainerDefaults", "ResourceQuota", "NetworkPolicy")
    }
    assert "v-one" not in recording.plain_text()
    assert "v-two" not in recording.plain_text()
