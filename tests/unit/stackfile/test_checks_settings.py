"""Checks of settings: MCP servers, credentials beside them, and feature flags."""

import pytest

from ambient_components.rules.findings import Finding
from tests.support.stack_checks import WS, findings_of


@pytest.mark.parametrize(
    ("server", "path", "problem"),
    [
        ({"url": "https://x", "headers": {"X-Token": "${A}hunter2"}}, ("headers", "X-Token"), "looks like"),
        ({"url": "https://x", "headers": {"X-Token": "${A:-hunter2}"}}, ("headers", "X-Token"), "looks like"),
        ({"url": "https://x?api_key=hunter2"}, ("url",), "has"),
        ({"command": "x", "args": ["--", "sk-ant-hunter2"]}, ("args", 1), "looks like"),
        ({"command": "x", "args": ["srv", "--api-key", "hunter2"]}, ("args", 2), "looks like"),
        ({"command": "x", "args": ["-token", "${A}hunter2"]}, ("args", 1), "looks like"),
        ({"command": "x", "args": ["--header", "Authorization: Bearer hunter2"]}, ("args", 1), "looks like"),
        ({"command": "x", "args": ["-H", "Cookie:session=hunter2"]}, ("args", 1), "looks like"),
        ({"command": "sk-ant-hunter2"}, ("command",), "looks like"),
        ({"url": "https://x", "headers": {"Cookie": "session=hunter2"}}, ("headers", "Cookie"), "looks like"),
    ],
)
def test_no_credential_lies_with_an_mcp_server(server, path, problem):
    findings = findings_of(settings={"mcpServers": {"custom": {"a": server}}})
    text = "looks like a credential" if problem == "looks like" else "has a credential in it"
    remedy = ("write ${NAME} and put NAME under secrets.integrations", "revoke it if it was committed")
    assert findings == [Finding((*WS, "settings", "mcpServers", "custom", "a", *path), text, remedy)]


@pytest.mark.parametrize(
    "server",
    [
        {
            "url": "https://x",
            "headers": {"Authorization": "Bearer ${A}", "X-Token": "${A}${B}", "Accept": "text/plain"},
        },
        {"url": "https://x?api_key=${A}&q=1"},
        {"command": "x", "args": ["--token=${A}", "--verbose", "${A}"], "env": {"API_KEY": "${A}", "KEY_FILE": "/x"}},
        {"command": "x", "args": ["--token", "${A}", "--api-key", "--verbose", "--password"]},
        {"command": "docker", "args": ["run", "-e", "GITHUB_TOKEN", "ghcr.io/github/server"]},
        {"command": "x", "args": ["--header", "Authorization: Bearer ${A}", "--header=Cookie:${A}", "https://x:80/y"]},
    ],
)
def test_references_to_variables_are_no_credentials(server):
    assert findings_of(settings={"mcpServers": {"custom": {"a": server}}}) == []


@pytest.mark.parametrize("flag", ["runner.gemini-cli.enabled", "gerrit.enabled"])
def test_flags_of_which_the_platform_ignores_the_workspaces_value(flag):
    problem = f"{flag!r} is switched for the whole platform: the value of a workspace changes no session"
    remedy = "remove it, and ask the platform's administrator to switch it in Unleash"
    path, rule = (*WS, "settings", "featureFlags", flag), "globalFeatureFlag"
    assert findings_of(settings={"featureFlags": {flag: True}}) == [
        Finding(path, problem, remedy, at_key=True, rule=rule)
    ]


def test_gerrits_server_is_the_runners():
    (finding,) = findings_of(settings={"mcpServers": {"custom": {"gerrit": {"url": "https://h"}}}})
    assert (finding.rule, finding.path[-1]) == ("runnerMcpServer", "gerrit")
