"""Settings and limits beside the platform: its operator makes the same objects, its UI writes into them.

What the file declares is what the objects say, whoever was first. What leaves the file returns to the platform's
default, and what the file never named is nobody's business of ours. Contract 4, 7, 10.1-10.3.
"""

from typing import Any

import pytest

from ambient_components.platform.network_policies import policies
from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.stacks import Stack

SETTINGS = "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/projectsettings/projectsettings"
LIMITS = "/api/v1/namespaces/{}/limitranges/ambient-default-limits"
FLAGS = "/api/v1/namespaces/{}/configmaps/feature-flag-overrides"
CA_BUNDLE = "/api/v1/namespaces/{}/configmaps/trusted-ca-bundle"
QUOTAS = "/api/v1/namespaces/{}/resourcequotas"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
NAMESPACE = "/api/v1/namespaces/{}"

SEARCH = {"type": "http", "url": "https://mcp.example.com", "headers": {"Authorization": "Bearer ${SEARCH_TOKEN}"}}
UI_SERVER = {"type": "http", "url": "https://by-hand.example.com"}

IDLE = "idleTimeout: 12h"
MCP = (
    'mcpServers: {custom: {search: {url: https://mcp.example.com, headers: {Authorization: "Bearer ${SEARCH_TOKEN}"}}},'
    " disabled: [webfetch]}"
)
FLAG = "featureFlags: {jira-write: true, gerrit.enabled: false}"
BUNDLE = "caBundle: {file: ca.crt}"
CONTAINERS = "containers: {defaultRequest: {cpu: 1000m, memory: 1024Mi}, max: {memory: 16Gi}}"
QUOTA = "quota: {requests.cpu: 20, pods: 50}"
NETWORK = "network: {allow: [{cidr: 10.20.0.0/16, ports: [5432]}]}"

DEFAULT_LIMITS = {
    "type": "Container",
    "default": {"cpu": "2", "memory": "4Gi"},
    "defaultRequest": {"cpu": "250m", "memory": "256Mi"},
}
OUR_LIMITS = {
    "type": "Container",
    "default": {"cpu": "2", "memory": "4Gi"},  # the platform's, as the file says nothing of it
    "defaultRequest": {"cpu": "1", "memory": "1Gi"},
    "max": {"memory": "16Gi"},
}


def entry(name: str, settings: tuple[str, ...] = (), limits: tuple[str, ...] = (), extra: str = "") -> str:
    lines = ["protect: false", "owners: [user:alice@example.com]", *([extra] if extra else [])]
    for section, content in (("settings", settings), ("limits", limits)):
        if content:
            lines += [f"{section}:", *(f"  {line}" for line in content)]
    return f"  {name}:\n" + "".join(f"    {line}\n" for line in lines)


def file_of(*settings: str, limits: tuple[str, ...] = (), extra: str = "") -> str:
    return "workspaces:\n" + entry("THIS", settings, limits, extra)


def live(stack: Stack, path: str, name: str = "") -> dict[str, Any]:
    found = stack.machine.get(path.format(name or stack.w))
    assert found is not None, path
    return found


def spec(stack: Stack, name: str = "") -> dict[str, Any]:
    return dict(live(stack, SETTINGS, name)["spec"])


def data(stack: Stack, path: str, name: str = "") -> dict[str, str]:
    return live(stack, path, name).get("data") or {}


def settled(stack: Stack, *names: str) -> None:
    """Waits until the operator is done with them."""

    def done(name: str) -> bool:
        there = all(stack.machine.get("/" + path.format(name)) for path in ui.OPERATOR_MADE)
        status = (stack.machine.get(SETTINGS.format(name)) or {}).get("status") or {}
        return there and bool(status.get("limitRangeReady") and status.get("scheduledSessionRBACReady"))

    for name in names or (stack.w,):
        stack.machine.until(lambda which=name: done(which), f"the operator is done with {name}")


def nothing_to_do(stack: Stack) -> None:
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().unchanged
    assert stack.up("--expect-no-changes").unchanged


@pytest.fixture
def with_ca(stack: Stack) -> Stack:
    """The stack with a bundle beside its file: the cluster's own certificates will do."""
    (stack.folder / "stacks" / "ca.crt").write_bytes(stack.machine.cluster.ca_file.read_bytes())
    return stack


def test_what_is_declared_is_what_is_there_with_the_operator_racing(with_ca: Stack, platform: Backend) -> None:
    stack = with_ca
    names = [f"{stack.w}-{number:02}" for number in range(20)]
    declared = "".join(entry(name, (IDLE, MCP, FLAG, BUNDLE), (CONTAINERS, QUOTA, NETWORK)) for name in names)
    stack.write(f"workspaces:\n{declared}")
    stack.up().ok()
    assert stack.up("--expect-no-changes").unchanged  # while the operator works through them
    settled(stack, *names)
    for name in names:
        assert spec(stack, name) == {
            "groupAccess": [],
            "inactivityTimeoutSeconds": 43200,
            "mcpServers": {"custom": {"search": SEARCH}, "disabled": ["webfetch"]},
        }
        assert live(stack, LIMITS, name)["spec"]["limits"] == [OUR_LIMITS]
        assert data(stack, FLAGS, name) == {"jira-write": "true", "gerrit.enabled": "false"}
        assert list(data(stack, CA_BUNDLE, name)) == ["ca-bundle.crt"]
        assert [item["spec"]["hard"] for item in live(stack, QUOTAS, name)["items"]] == [
            {"requests.cpu": "20", "pods": "50"}
        ]
        # To the letter what the unit tests judge by whom it lets through: the API server adds nothing.
        found = {item["metadata"]["name"]: item["spec"] for item in live(stack, POLICIES, name)["items"]}
        assert found == policies("ambient-code", [{"cidr": "10.20.0.0/16", "ports": [5432]}])
    # And the platform reads it so.
    assert ui.mcp_servers(platform, names[0]) == ui.McpServers({"search": SEARCH}, ["webfetch"])
    assert ui.feature_flags(platform, names[0]) == {"jira-write": True, "gerrit.enabled": False}
    nothing_to_do(stack)
    stack.destroy().ok()
    assert stack.export() == []
    assert [name for name in names if stack.machine.get(NAMESPACE.format(name))] == []


def test_settings_that_come_later_meet_the_operators_objects(stack: Stack, platform: Backend) -> None:
    stack.write(file_of())
    stack.up().ok()
    settled(stack)
    before = live(stack, SETTINGS)
    ui.override_flag(platform, stack.w, "advanced-sdk-options", True)
    stack.write(file_of(IDLE, FLAG, limits=(CONTAINERS,)))
    assert not stack.preview().ok().unchanged
    stack.up().ok()
    assert spec(stack) == {"groupAccess": [], "inactivityTimeoutSeconds": 43200}
    assert live(stack, LIMITS)["spec"]["limits"] == [OUR_LIMITS]
    assert data(stack, FLAGS) == {"jira-write": "true", "gerrit.enabled": "false", "advanced-sdk-options": "true"}
    # Changed in place: what hangs on it would go with it (contract 10.2).
    assert live(stack, SETTINGS)["metadata"]["uid"] == before["metadata"]["uid"]
    assert live(stack, LIMITS)["metadata"]["ownerReferences"][0]["uid"] == before["metadata"]["uid"]
    settled(stack)
    nothing_to_do(stack)


def test_a_workspace_that_the_ui_made_is_adopted_with_its_settings(stack: Stack, platform: Backend) -> None:
    ui.create_project(platform, stack.w)
    settled(stack)
    ui.save_mcp_servers(platform, stack.w, ui.McpServers({"by-hand": UI_SERVER}))
    stack.write(file_of(IDLE, limits=(CONTAINERS,), extra="adopt: true"))
    stack.up().ok()
    assert spec(stack) == {
        "groupAccess": [],
        "inactivityTimeoutSeconds": 43200,
        "mcpServers": {"custom": {"by-hand": UI_SERVER}},
    }
    assert live(stack, LIMITS)["spec"]["limits"] == [OUR_LIMITS]
    nothing_to_do(stack)


def test_workspaces_are_adopted_while_the_operator_makes_the_same_objects(stack: Stack, platform: Backend) -> None:
    """Label last keeps the two apart in a new workspace; in one that is listed already nothing does."""
    names = [f"{stack.w}-{number:02}" for number in range(20)]
    declared = "".join(entry(name, (IDLE, MCP, FLAG), (CONTAINERS,), "adopt: true") for name in names)
    stack.write(f"workspaces:\n{declared}")
    for name in names:
        ui.create_project(platform, name)
    stack.up().ok()
    settled(stack, *names)
    for name in names:
        assert spec(stack, name)["inactivityTimeoutSeconds"] == 43200
        assert ui.mcp_servers(platform, name) == ui.McpServers({"search": SEARCH}, ["webfetch"])
        assert live(stack, LIMITS, name)["spec"]["limits"] == [OUR_LIMITS]
        assert ui.feature_flags(platform, name) == {"jira-write": True, "gerrit.enabled": False}
    nothing_to_do(stack)


def test_what_leaves_the_file_returns_to_the_platforms_default(with_ca: Stack, platform: Backend) -> None:
    stack = with_ca
    stack.write(file_of(IDLE, MCP, FLAG, BUNDLE, limits=(CONTAINERS, QUOTA, NETWORK)))
    stack.up().ok()
    settled(stack)
    before = live(stack, SETTINGS)
    ui.override_flag(platform, stack.w, "advanced-sdk-options", True)

    stack.write(file_of(MCP, "featureFlags: {jira-write: true}", limits=("quota: {pods: 50}",)))
    stack.up().ok()
    assert spec(stack) == {
        "groupAccess": [],
        "inactivityTimeoutSeconds": 86400,
        "mcpServers": {"custom": {"search": SEARCH}, "disabled": ["webfetch"]},
    }
    assert live(stack, LIMITS)["spec"]["limits"] == [DEFAULT_LIMITS]
    assert data(stack, FLAGS) == {"jira-write": "true", "advanced-sdk-options": "true"}
    assert stack.machine.get(CA_BUNDLE.format(stack.w)) is None
    assert live(stack, POLICIES)["items"] == []
    assert [item["spec"]["hard"] for item in live(stack, QUOTAS)["items"]] == [{"pods": "50"}]
    nothing_to_do(stack)

    stack.write(file_of())
    stack.up().ok()
    assert spec(stack) == {"groupAccess": [], "inactivityTimeoutSeconds": 86400}
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers()
    assert ui.feature_flags(platform, stack.w) == {"advanced-sdk-options": True}
    assert live(stack, QUOTAS)["items"] == []
    assert live(stack, SETTINGS)["metadata"]["uid"] == before["metadata"]["uid"]
    settled(stack)  # nothing of the operator's went with it
    nothing_to_do(stack)


def test_what_the_ui_saves_beside_the_file_stays(stack: Stack, platform: Backend) -> None:
    stack.write(file_of(IDLE, "featureFlags: {jira-write: true}"))
    stack.up().ok()
    settled(stack)
    ui.save_mcp_servers(platform, stack.w, ui.McpServers({"by-hand": UI_SERVER}, ["context7"]))
    ui.override_flag(platform, stack.w, "gerrit.enabled", True)
    nothing_to_do(stack)
    stack.write(file_of("idleTimeout: never", "featureFlags: {jira-write: false}"))
    stack.up().ok()
    assert spec(stack)["inactivityTimeoutSeconds"] == 0
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers({"by-hand": UI_SERVER}, ["context7"])
    assert ui.feature_flags(platform, stack.w) == {"jira-write": False, "gerrit.enabled": True}
    nothing_to_do(stack)
    # Nor does it go when the last line of ours does.
    stack.write(file_of())
    stack.up().ok()
    assert spec(stack)["inactivityTimeoutSeconds"] == 86400
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers({"by-hand": UI_SERVER}, ["context7"])
    assert ui.feature_flags(platform, stack.w) == {"gerrit.enabled": True}


def test_a_save_in_the_ui_works_after_ours(stack: Stack, platform: Backend) -> None:
    """The backend writes the whole object: nothing that we leave in it may be refused."""
    stack.write(file_of(IDLE, limits=(CONTAINERS,)))
    stack.up().ok()
    settled(stack)
    servers = ui.McpServers({"by-hand": UI_SERVER}, ["context7", "deepwiki"])
    ui.save_mcp_servers(platform, stack.w, servers)
    assert ui.mcp_servers(platform, stack.w) == servers
    ui.save_mcp_servers(platform, stack.w, ui.McpServers())
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers()
    assert spec(stack) == {"groupAccess": [], "inactivityTimeoutSeconds": 43200}
    nothing_to_do(stack)


def test_limits_for_others_than_containers_stay(stack: Stack, platform: Backend) -> None:
    stack.write(file_of(limits=(CONTAINERS,)))
    stack.up().ok()
    settled(stack)
    pods = {"type": "Pod", "max": {"cpu": "16"}}
    changed = {**live(stack, LIMITS), "spec": {"limits": [pods, {**OUR_LIMITS, "max": {"memory": "8Gi"}}]}}
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("PUT", LIMITS.format(stack.w), token=token, body=changed) == 200
    assert not stack.refresh().ok().unchanged
    stack.up().ok()
    assert sorted(live(stack, LIMITS)["spec"]["limits"], key=lambda item: item["type"]) == [OUR_LIMITS, pods]
    nothing_to_do(stack)
    stack.write(file_of())
    stack.up().ok()
    assert sorted(live(stack, LIMITS)["spec"]["limits"], key=lambda item: item["type"]) == [DEFAULT_LIMITS, pods]


def test_a_closed_workspace_keeps_its_settings(stack: Stack, platform: Backend) -> None:
    stack.write(file_of(IDLE, FLAG, limits=(CONTAINERS, QUOTA)))
    stack.up().ok()
    settled(stack)
    stack.write(file_of(IDLE, FLAG, limits=(CONTAINERS, QUOTA), extra="state: closed"))
    stack.up().ok()
    assert spec(stack) == {"groupAccess": [], "inactivityTimeoutSeconds": 43200}
    assert live(stack, LIMITS)["spec"]["limits"] == [OUR_LIMITS]
    nothing_to_do(stack)
    stack.write(file_of(IDLE, FLAG, limits=(CONTAINERS, QUOTA)))
    stack.up().ok()
    settled(stack)
    nothing_to_do(stack)
