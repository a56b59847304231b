"""What Git declares is what the platform answers: checked with its own backend, or with recordings of it.

Tests that ask for `observed` work without the platform's programs too; those that ask for `platform` are skipped.
"""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ambient_components.platform.naming import workspace_name_problem
from sandbox.backend import Backend
from sandbox.credentials import ALICE, BOB
from tests.support import platform as ui
from tests.support.machine import Machine
from tests.support.recordings import ObservedPlatform
from tests.support.stacks import Stack

FILE = """
workspaces:
  THIS:
    protect: false
    displayName: Payments
    description: Services that move money
    owners: [user:alice@example.com]
    grants:
      - {group: payments-devs, role: edit}
      - {user: Carol@Example.com, role: admin}
      - {user: "kube:dora"}
    keys:
      ci: {name: GitHub Actions, description: Deploys on merge, role: edit}
      report: {role: view}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}}
      integrations: {GITHUB_TOKEN: {config: github}, LOG_LEVEL: {value: debug}}
    settings:
      idleTimeout: 12h
      featureFlags: {jira-write: true, gerrit.enabled: false}
      mcpServers:
        custom:
          search: {url: "https://mcp.example.com", headers: {Authorization: "Bearer ${SEARCH_TOKEN}"}}
          local: {command: uvx, args: [some-server], env: {MODE: "${MODE:-fast}"}}
        disabled: [webfetch]
    limits:
      containers: {max: {memory: 16Gi}}
      quota: {pods: 50}
      network: {allow: [{cidr: 10.20.0.0/16, ports: [5432]}]}
    labels: {cost-center: "4711"}
    annotations: {example.com/contact: payments@example.com}
"""
MCP = ui.McpServers(
    {
        "search": {
            "type": "http",
            "url": "https://mcp.example.com",
            "headers": {"Authorization": "Bearer ${SEARCH_TOKEN}"},
        },
        "local": {"type": "stdio", "command": "uvx", "args": ["some-server"], "env": {"MODE": "${MODE:-fast}"}},
    },
    ["webfetch"],
)


@pytest.fixture
def declared(stack: Stack) -> tuple[Stack, dict[str, str]]:
    """The workspace, deployed, and the secrets that its config holds. The platform is there before it."""
    values = {"anthropic": stack.secret("anthropic"), "github": stack.secret("github")}
    stack.write(FILE)
    stack.up().ok()
    return stack, values


def test_every_page_of_the_platform_shows_what_is_declared(
    observed: ObservedPlatform, declared: tuple[Stack, dict[str, str]]
) -> None:
    stack, values = declared
    observed.sees(after_operator=True)
    (project,) = ui.projects(observed, search=stack.w)
    assert project.name == stack.w
    assert project.labels["cost-center"] == "4711"
    assert project.annotations["example.com/contact"] == "payments@example.com"
    # Outside OpenShift the platform has no place for them (contract 1.1).
    assert (project.display_name, project.description) == ("", "")

    assert ui.permissions(observed, stack.w) == [
        ui.Permission("group", "payments-devs", "edit"),
        ui.Permission("user", "Carol@Example.com", "admin"),
        ui.Permission("user", "kube:dora", "view"),
    ]
    keys = ui.keys(observed, stack.w)
    assert [(key.name, key.description, key.role, key.last_used_at) for key in keys] == [
        ("GitHub Actions", "Deploys on merge", "edit", ""),
        ("report", "", "view", ""),
    ]
    assert all(abs((datetime.now(UTC) - key.created_at).total_seconds()) < 300 for key in keys)

    assert ui.secrets(observed, stack.w) == ["ambient-non-vertex-integrations", "ambient-runner-secrets"]
    assert ui.runner_secrets(observed, stack.w) == {"ANTHROPIC_API_KEY": values["anthropic"]}
    assert ui.integration_secrets(observed, stack.w) == {"GITHUB_TOKEN": values["github"], "LOG_LEVEL": "debug"}
    assert ui.mcp_servers(observed, stack.w) == MCP
    assert ui.feature_flags(observed, stack.w) == {"jira-write": True, "gerrit.enabled": False}


def test_a_key_is_the_bearer_of_the_platforms_requests(
    observed: ObservedPlatform, declared: tuple[Stack, dict[str, str]]
) -> None:
    stack, _ = declared
    observed.sees()
    for key in ("ci", "report"):
        sessions = f"/api/projects/{stack.w}/agentic-sessions"
        assert observed.call("GET", sessions, token=stack.token(key)).status == 200
        assert observed.call("GET", "/api/projects/default/agentic-sessions", token=stack.token(key)).status == 403


def test_a_closed_workspace_is_off_the_platforms_list(
    observed: ObservedPlatform, declared: tuple[Stack, dict[str, str]]
) -> None:
    stack, _ = declared
    stack.write(f"{FILE}    state: closed\n")
    stack.up().ok()
    observed.sees()
    assert ui.projects(observed, search=stack.w) == []
    with pytest.raises(ui.Refused) as refused:
        ui.project(observed, stack.w)
    assert refused.value.status == 404


def test_what_the_ui_revokes_and_a_refresh_agree(platform: Backend, declared: tuple[Stack, dict[str, str]]) -> None:
    stack, _ = declared
    token = stack.token("ci")
    (key,) = [one for one in ui.keys(platform, stack.w) if one.name == "GitHub Actions"]
    ui.delete_key(platform, stack.w, key.id)
    ui.remove_permission(platform, stack.w, "user", "Carol@Example.com")
    stack.machine.until(lambda: stack.sessions(token) == 401, "a key revoked in the UI is refused")
    stack.refresh().ok()
    kept = {item["urn"].split("::")[-1] for item in stack.export()}
    assert f"{stack.w}/grant/user:Carol@Example.com" not in kept
    assert not stack.preview().ok().unchanged
    stack.up().ok()
    assert ui.Permission("user", "Carol@Example.com", "admin") in ui.permissions(platform, stack.w)
    (again,) = [one for one in ui.keys(platform, stack.w) if one.name == "GitHub Actions"]
    assert replace(again, created_at=key.created_at) == replace(key, last_used_at="")
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.preview("--expect-no-changes").unchanged


def test_a_change_in_git_is_a_change_on_every_page(
    observed: ObservedPlatform, declared: tuple[Stack, dict[str, str]]
) -> None:
    stack, values = declared
    text = FILE.replace("payments-devs, role: edit", "payments-devs, role: view")
    text = text.replace("      report: {role: view}\n", "").replace("LOG_LEVEL: {value: debug}", "LEVEL: {value: info}")
    text = text.replace("jira-write: true, ", "").replace("        disabled: [webfetch]\n", "")
    stack.write(text)
    stack.up().ok()
    observed.sees()
    assert ui.Permission("group", "payments-devs", "view") in ui.permissions(observed, stack.w)
    assert ui.Permission("group", "payments-devs", "edit") not in ui.permissions(observed, stack.w)
    assert [key.name for key in ui.keys(observed, stack.w)] == ["GitHub Actions"]
    assert ui.integration_secrets(observed, stack.w) == {"GITHUB_TOKEN": values["github"], "LEVEL": "info"}
    assert ui.mcp_servers(observed, stack.w) == replace(MCP, disabled=[])
    assert ui.feature_flags(observed, stack.w) == {"gerrit.enabled": False}


def test_the_platform_does_what_its_code_says_where_its_pages_say_otherwise(
    platform: Backend, declared: tuple[Stack, dict[str, str]]
) -> None:
    """Contract 10.24, point by point; test_first_run.py has the command for curl, and the first test here the names."""
    stack, _ = declared
    # "No expiration": a key that is made in the UI ends.
    for life in ({}, {"expirationSeconds": 0}, {"expirationSeconds": 31_536_001}):
        body = {"name": "endless", "role": "view", **life}
        assert platform.call("POST", f"/api/projects/{stack.w}/keys", body, user=ALICE.name).status == 400, life
    # "Edit deletes sessions": it makes them, and admins delete them.
    path = f"/api/projects/{stack.w}/agentic-sessions/{ui.create_session(platform, stack.w, 'hello', user=BOB.name)}"
    assert platform.call("DELETE", path, user=BOB.name).status >= 400
    assert platform.call("GET", path, user=BOB.name).status == 200
    assert platform.call("DELETE", path, user=ALICE.name).status < 300
    # "Cumulative roles": edit has less than view in one place, and so can't grant it.
    ui.add_permission(platform, stack.w, ui.Permission("user", "erin@example.com", "edit"), user=BOB.name)
    with pytest.raises(ui.Refused) as refused:
        ui.add_permission(platform, stack.w, ui.Permission("user", "frank@example.com", "view"), user=BOB.name)
    assert refused.value.status == 403


@pytest.mark.parametrize("name", ["{}", "ab", "a--{}", "{}".ljust(70, "0")])
def test_names_that_we_take_the_backend_takes(machine: Machine, platform: Backend, name: str) -> None:
    """V2's rule, which is stricter, has no program here: test_naming.py holds it by the contract's words."""
    name = name.format(f"w{secrets.token_hex(4)}")[:63]
    assert workspace_name_problem(name) is None
    try:
        assert ui.create_project(platform, name).name == name
    finally:
        machine.delete(f"/api/v1/namespaces/{name}")


@pytest.mark.parametrize("name", ["", "-a", "a-", "A1", "a_b", "a.b", "a" * 64, "default", "kube-system"])
def test_names_that_the_backend_refuses_we_refuse(platform: Backend, name: str) -> None:
    assert workspace_name_problem(name) is not None
    with pytest.raises(ui.Refused):
        ui.create_project(platform, name)
