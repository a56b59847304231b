"""Models of the settings and limits of a workspace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rules.durations import format_seconds
from ambient_components.rules.settings import IDLE_TIMEOUT_MAX, McpType
from ambient_components.stackfile import McpServer, NetworkPeer, Settings
from tests.support.stack_models import in_workspace, workspace

IDLE = "allowed: never, or durations up to 68y, a whole number and a unit of s, m, h, d or y (365 days), such as 12h"
QUANTITIES = "allowed: a number and a unit of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei, such as 500m, 2 or 512Mi"
NETWORKS = "allowed: an address and a mask, such as 10.0.0.0/8 or 2001:db8::/32"
PEERS = "allowed: exactly one of them, as {cidr: 10.0.0.0/8} or {namespace: NAME}"
SERVERS = "allowed: exactly one of them, as {url: https://…} or {command: PROGRAM}"


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
            "name the ports: without them all are allowed, of TCP and UDP alike",
        ),
    ],
)
def test_faults_of_limits(limits, path, problem, remedy):
    assert in_workspace(limits=limits) == [(f"limits.{path}", problem, remedy)]


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "10.0.0.0/8", "192.168.1.7/32", "2001:db8::/32", "::/0"])
def test_networks(cidr):
    assert NetworkPeer(cidr=cidr).cidr == cidr
