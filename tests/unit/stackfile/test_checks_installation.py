"""Warnings that depend on how the platform is installed."""

import pytest

from ambient_components.stackfile.checks.installation import check_installation
from ambient_components.stackfile.loader import parse_stack

NAMES = """\
workspaces:
  pay:
    owners: ["user:kube:admin"]
    grants:
      - user: alice@example.com
      - user: oidc:bob
      - {user: "https://sso.example.com/realms/acp#7d0c", role: view}
      - {group: "oidc:devs", role: edit}
      - {group: /payments, role: edit}
      - {group: "system:authenticated", role: view}
    exceptions: [{guardrail: publicAccess, reason: a test}]
  old: {state: closed, owners: ["user:kube:admin"]}
"""


def test_prefixed_names_match_no_login_by_single_sign_on() -> None:
    """The backend impersonates the bare claims of the token (BH/sso.go:35-46)."""
    findings = [*check_installation(parse_stack(NAMES, "x.yaml").file, sso=True, api_server=False)]
    assert {one.rule for one in findings} == {"prefixedName"}
    assert all(one.warning for one in findings)
    assert [(one.path[1:], one.remedy[0].split(",")[0]) for one in findings] == [
        (("pay", "owners", 0), "write 'user:admin'"),
        (("pay", "grants", 1, "user"), "write 'user:bob'"),
        (("pay", "grants", 2, "user"), "write 'user:7d0c'"),
        (("pay", "grants", 3, "group"), "write 'group:devs'"),
    ]


SERVERS = """\
workspaces:
  pay:
    settings: {mcpServers: {custom: {github: {url: "https://h"}, mine: {url: "https://h"}}}}
  lab: {}
"""


def test_the_runner_of_v2_has_more_servers_of_its_own() -> None:
    """bridges/claude/mcp.py:137 of the runner, where credentials are bound."""
    (finding,) = check_installation(parse_stack(SERVERS, "x.yaml").file, sso=False, api_server=True)
    assert (finding.rule, finding.path[-1], finding.warning) == ("runnerMcpServer", "github", True)


@pytest.mark.parametrize("text", [NAMES, SERVERS])
def test_another_installation_has_none_of_these(text: str) -> None:
    assert [*check_installation(parse_stack(text, "x.yaml").file, sso=False, api_server=False)] == []
