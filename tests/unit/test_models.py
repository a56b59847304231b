import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ambient_components.durations import format_seconds
from ambient_components.spec import (
    ContainerLimits,
    Defaults,
    DriftPolicy,
    KeyDefaults,
    Limits,
    McpServer,
    McpType,
    Network,
    NetworkPeer,
    OnDrift,
    PodSecurity,
    Protocol,
    SecretRef,
    Settings,
    Source,
    StackFile,
    Workspace,
    WorkspaceState,
)
from ambient_components.spec.messages import explain
from ambient_components.spec.settings import IDLE_TIMEOUT_MAX

SOURCES = "allowed: exactly one of them, such as {config: NAME} or {env: NAME}"
IDLE = "allowed: never, or durations up to 68y, a whole number and a unit of s, m, h, d or y (365 days), such as 12h"
QUANTITIES = "allowed: a number and a unit of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei, such as 500m, 2 or 512Mi"
NETWORKS = "allowed: an address and a mask, such as 10.0.0.0/8 or 2001:db8::/32"
PEERS = "allowed: exactly one of them, as {cidr: 10.0.0.0/8} or {namespace: NAME}"
SERVERS = "allowed: exactly one of them, as {url: https://…} or {command: PROGRAM}"
SECRET_REMEDY = (
    "put the value into the stack's encrypted config with `pulumi config set --secret {0}` and write {{config: {0}}}"
)
OR_PLAIN = "; what is no secret is written {value: TEXT}"


def workspace(**fields):
    return StackFile.model_validate({"workspaces": {"pay": fields}}).workspaces["pay"]


def problems_of(data):
    """Path within the workspace, problem and remedy of each fault."""
    with pytest.raises(ValidationError) as caught:
        StackFile.model_validate(data)
    items = caught.value.errors(include_url=False, include_input=False)
    return [(".".join(map(str, item["loc"])), *explain(item, data)) for item in items]


def in_workspace(**fields):
    return [
        (path.removeprefix("workspaces.pay."), *rest) for path, *rest in problems_of({"workspaces": {"pay": fields}})
    ]


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
    assert (file.include, file.templates["team"].protect, file.workspaces) == (["a.yaml"], False, {})


@pytest.mark.parametrize("section", ["defaults", "templates.team"])
@pytest.mark.parametrize("field", ["displayName", "description", "template", "state", "adopt"])
def test_what_belongs_to_one_workspace_is_no_default(section, field):
    first, _, name = section.partition(".")
    data = {first: {name: {field: "x"}} if name else {field: "x"}}
    ((path, problem, remedy),) = problems_of(data)
    assert (path, problem) == (f"{section}.{field}", f"{field!r} is not a field")
    assert remedy.startswith("allowed: owners, grants, keys, secrets, settings, limits, labels, annotations, ")


def test_defaults_know_every_other_field_of_a_workspace():
    assert set(Workspace.model_fields) - set(Defaults.model_fields) == {
        "template",
        "display_name",
        "description",
        "state",
        "adopt",
    }


# Secrets


@pytest.mark.parametrize(
    ("secrets", "problems"),
    [
        (
            {"runner": {"ANTHROPIC_API_KEY": "hunter2"}},
            [
                (
                    "runner.ANTHROPIC_API_KEY",
                    "is a plain value, and secrets don't belong in this file",
                    SECRET_REMEDY.format("pay/anthropic"),
                )
            ],
        ),
        (
            {"integrations": {"GITHUB_TOKEN": "hunter2", "A": None}},
            [
                (
                    "integrations.GITHUB_TOKEN",
                    "is a plain value, and secrets don't belong in this file",
                    SECRET_REMEDY.format("pay/github-token") + OR_PLAIN,
                ),
                ("integrations.A", "is empty", SECRET_REMEDY.format("pay/name") + OR_PLAIN),
            ],
        ),
        (
            {"integrations": {"A": {}, "B": {"config": "x", "env": "hunter2"}}},
            [
                ("integrations.A", "has none of config, env, file, secret, value", SOURCES),
                ("integrations.B", "has config and env", SOURCES),
            ],
        ),
        (
            {"integrations": {"A": {"hunter2": ""}}},
            [
                (
                    "integrations.A.hunter2",
                    "is a field that doesn't exist",
                    "allowed: config, env, file, secret, value",
                )
            ],
        ),
        ({"integrations": {"A": {"config": None}}}, [("integrations.A.config", "is empty", "allowed: text")]),
        (
            {"integrations": {"A": {"secret": None}}},
            [("integrations.A.secret", "is empty", "allowed: a mapping; write {} for an empty one")],
        ),
        (
            {"integrations": {"A": {"env": "ghp_hunter2"}}},
            [
                (
                    "integrations.A.env",
                    "looks like a credential, not like the name of a variable",
                    "write where the value is found; if it is a credential, revoke it",
                )
            ],
        ),
        (
            {"integrations": {"A": {"env": "hunter2!"}}},
            [
                (
                    "integrations.A.env",
                    "is not the name of a variable",
                    "allowed: A-Z a-z 0-9 _, no digit first, such as PAYMENTS_GITHUB_TOKEN",
                )
            ],
        ),
        (
            {"integrations": {"A": {"file": "sk-hunter2"}, "B": {"file": "-----BEGIN\nhunter2"}, "C": {"file": ""}}},
            [
                (
                    "integrations.A.file",
                    "looks like a credential, not like a path",
                    "write the path of a file; if it is a credential, revoke it",
                ),
                *(
                    (
                        f"integrations.{name}.file",
                        "is not a path",
                        "allowed: the path of a file, relative to the file that says it",
                    )
                    for name in "BC"
                ),
            ],
        ),
        (
            {"integrations": {"A": {"value": "Bearer ghp_hunter2hunter2"}}},
            [
                (
                    "integrations.A.value",
                    "looks like a credential",
                    "give it by config, env, file or secret, such as {config: NAME}; revoke it if it was committed",
                )
            ],
        ),
        (
            {"integrations": {"A": {"secret": {"namespace": "Hunter2", "name": "hunter2!", "key": "hunter 2"}}}},
            [
                (
                    "integrations.A.secret.namespace",
                    "is not the name of a namespace",
                    "allowed: 1-63 of a-z 0-9 -, no dash at either end",
                ),
                ("integrations.A.secret.name", "is not the name of a Secret", "allowed: 1-253 of a-z 0-9 - ."),
                (
                    "integrations.A.secret.key",
                    "is not a key of a Secret",
                    "allowed: 1-253 of A-Z a-z 0-9 . _ -, such as token",
                ),
            ],
        ),
        (
            {"integrations": {"A": {"secret": {"name": "hunter2"}}}},
            [
                ("integrations.A.secret.namespace", "is missing", "add it"),
                ("integrations.A.secret.key", "is missing", "add it"),
            ],
        ),
        (
            {"onDrift": {"runner": "keeep"}},
            [
                (
                    "onDrift.runner",
                    "'keeep' is not a drift policy",
                    "allowed: overwrite, keep; did you mean 'keep'?",
                )
            ],
        ),
    ],
)
def test_faults_of_secrets_are_named_and_never_quoted(secrets, problems):
    got = in_workspace(secrets=secrets)
    assert got == [(f"secrets.{path}", problem, remedy) for path, problem, remedy in problems]
    assert "hunter" not in str([(problem, remedy) for _, problem, remedy in got]).lower()


@pytest.mark.parametrize(
    ("data", "reference"),
    [
        ({"defaults": {"secrets": {"runner": {"ANTHROPIC_API_KEY": "x"}}}}, "shared/anthropic"),
        ({"templates": {"team": {"secrets": {"runner": {"GEMINI_API_KEY": "x"}}}}}, "team/gemini"),
    ],
)
def test_a_secret_in_the_defaults_is_brought_in_under_a_fitting_name(data, reference):
    ((_, _, remedy),) = problems_of(data)
    assert remedy == SECRET_REMEDY.format(reference)


# Settings


@pytest.mark.parametrize(("text", "seconds"), [("12h", 43_200), ("never", 0), ("1s", 1), ("68y", IDLE_TIMEOUT_MAX)])
def test_idle_timeouts_are_seconds(text, seconds):
    assert workspace(settings={"idleTimeout": text}).settings.idle_timeout == seconds


@given(st.integers(1, IDLE_TIMEOUT_MAX))
def test_every_duration_of_32_bits_is_an_idle_timeout(seconds):
    assert Settings(idleTimeout=format_seconds(seconds)).idle_timeout == seconds


@pytest.mark.parametrize(
    ("value", "problem", "never"),
    [
        (0, "0 has no unit", True),
        (3600, "3600 has no unit", False),
        ("0h", "'0h' is not a duration", True),
        ("Never", "'Never' is not a duration", True),
        ("69y", "69y is too long", False),
        ([], "is a list", False),
    ],
)
def test_what_is_no_idle_timeout(value, problem, never):
    remedy = f"{IDLE}; did you mean 'never'?" if never else IDLE
    assert in_workspace(settings={"idleTimeout": value}) == [("settings.idleTimeout", problem, remedy)]


@pytest.mark.parametrize(
    ("server", "platform"),
    [
        ({"url": "https://x.org/mcp"}, {"type": "http", "url": "https://x.org/mcp"}),
        (
            {"url": "http://x", "type": "sse", "headers": {"A": "${B}"}},
            {"type": "sse", "url": "http://x", "headers": {"A": "${B}"}},
        ),
        ({"command": "uvx"}, {"type": "stdio", "command": "uvx"}),
        (
            {"command": "uvx", "args": ["x"], "env": {"A": "b"}},
            {"type": "stdio", "command": "uvx", "args": ["x"], "env": {"A": "b"}},
        ),
    ],
)
def test_an_mcp_server_as_the_platform_takes_it(server, platform):
    assert McpServer.model_validate(server).as_platform() == platform


def test_the_type_follows_from_what_is_given():
    assert McpServer(url="https://x").transport is McpType.HTTP
    assert McpServer(command="x").transport is McpType.STDIO


@pytest.mark.parametrize(
    ("server", "path", "problem", "remedy"),
    [
        ({}, "", "has neither a url nor a command", SERVERS),
        ({"url": "https://x", "command": "x"}, "", "has a url and a command", SERVERS),
        (
            {"type": "stdio", "url": "https://x"},
            "",
            "is of type stdio and has a url",
            "allowed: url with http or sse, command with stdio",
        ),
        (
            {"type": "sse", "command": "x"},
            "",
            "is of type sse and has a command",
            "allowed: url with http or sse, command with stdio",
        ),
        (
            {"url": "https://x", "args": [], "env": {}},
            "",
            "has a url and args and env",
            "allowed: headers with url, args and env with command",
        ),
        (
            {"command": "x", "headers": {}},
            "",
            "has a command and headers",
            "allowed: headers with url, args and env with command",
        ),
        ({"url": "ftp://hunter2"}, ".url", "is not an address of the web", "allowed: http://… or https://…"),
        ({"url": "https://"}, ".url", "is not an address of the web", "allowed: http://… or https://…"),
        ({"url": "https://[hunter2"}, ".url", "is not an address of the web", "allowed: http://… or https://…"),
        ({"command": " "}, ".command", "is empty", "allowed: text"),
        ({"command": ""}, ".command", "is empty", "allowed: text"),
        ({"command": "x", "env": {"A": 1}}, ".env.A", "is a number", "allowed: text; put it in quotes"),
        (
            {"type": "websocket", "url": "https://x"},
            ".type",
            "'websocket' is not a type of MCP server",
            "allowed: http, sse, stdio",
        ),
    ],
)
def test_faults_of_mcp_servers(server, path, problem, remedy):
    got = in_workspace(settings={"mcpServers": {"custom": {"a": server}}})
    assert got == [(f"settings.mcpServers.custom.a{path}", problem, remedy)]
    assert "hunter2" not in str(got)


# Limits


@pytest.mark.parametrize(
    ("limits", "path", "problem", "remedy"),
    [
        ({"quota": {"pods": "1gb"}}, "quota.pods", "'1gb' is not a quantity", f"{QUANTITIES}; did you mean '1Gi'?"),
        ({"quota": {"pods": -1}}, "quota.pods", "'-1' is not a quantity", QUANTITIES),
        ({"quota": {"pods": None}}, "quota.pods", "is empty", QUANTITIES),
        ({"network": None}, "network", "is empty", "allowed: a mapping; write {} for an empty one"),
        ({"network": {"allow": [{}]}}, "network.allow.0", "has neither a cidr nor a namespace", PEERS),
        (
            {"network": {"allow": [{"cidr": "::/0", "namespace": "x"}]}},
            "network.allow.0",
            "has a cidr and a namespace",
            PEERS,
        ),
        (
            {"network": {"allow": [{"cidr": "10.0.0.1/8"}]}},
            "network.allow.0.cidr",
            "'10.0.0.1/8' is an address within a network",
            f"{NETWORKS}; did you mean '10.0.0.0/8'?",
        ),
        (
            {"network": {"allow": [{"cidr": "10.0.0.1"}]}},
            "network.allow.0.cidr",
            "'10.0.0.1' has no mask",
            f"{NETWORKS}; did you mean '10.0.0.1/32'?",
        ),
        (
            {"network": {"allow": [{"cidr": "example.com/8"}]}},
            "network.allow.0.cidr",
            "'example.com/8' is not a network",
            NETWORKS,
        ),
        (
            {"network": {"allow": [{"namespace": "DB"}]}},
            "network.allow.0.namespace",
            "is not the name of a namespace",
            "allowed: 1-63 of a-z 0-9 -, no dash at either end",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "ports": [65536]}]}},
            "network.allow.0.ports.0",
            "65536 is too high",
            "allowed: whole numbers up to 65535",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "ports": [0]}]}},
            "network.allow.0.ports.0",
            "0 is too low",
            "allowed: whole numbers from 1",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "ports": [1], "protocol": "udp"}]}},
            "network.allow.0.protocol",
            "'udp' is not a protocol",
            "allowed: TCP, UDP; did you mean 'UDP'?",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "protocol": "UDP"}]}},
            "network.allow.0",
            "has a protocol without ports",
            "name the ports; without them all are allowed, of TCP and UDP alike",
        ),
    ],
)
def test_faults_of_limits(limits, path, problem, remedy):
    assert in_workspace(limits=limits) == [(f"limits.{path}", problem, remedy)]


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "10.0.0.0/8", "192.168.1.7/32", "2001:db8::/32", "::/0"])
def test_networks(cidr):
    assert NetworkPeer(cidr=cidr).cidr == cidr


# The namespace


@pytest.mark.parametrize(
    ("level", "problem", "remedy"),
    [
        (
            "restricted",
            "'restricted' would reject every session: the platform's pods run an init container as root",
            "allowed: privileged, baseline",
        ),
        (
            "base-line",
            "'base-line' is not a pod security level",
            "allowed: privileged, baseline; did you mean 'baseline'?",
        ),
        (None, "is empty", "allowed: privileged, baseline"),
    ],
)
def test_pod_security_levels_that_are_refused(level, problem, remedy):
    assert in_workspace(podSecurity=level) == [("podSecurity", problem, remedy)]


def test_values_of_labels_are_text():
    got = in_workspace(labels={"cost-center": 4711})
    assert got == [("labels.cost-center", "is a number", "allowed: text; put it in quotes")]
