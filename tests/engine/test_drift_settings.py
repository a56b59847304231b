"""Settings that others changed, line by line of docs/tasks/drift.md.

They are nobody's business, or seen by a refresh and set right.

Every change is made through the platform's own backend where it has a button for it, and with kubectl elsewhere.
"""

from typing import Any

import pytest

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.drift import FILE, deployed, edit, mended, nobodys_business, quiet, says
from tests.support.stacks import Stack

NAMESPACE = "/api/v1/namespaces/{}"
SETTINGS = "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/projectsettings/projectsettings"
LIMITS = "/api/v1/namespaces/{}/limitranges/ambient-default-limits"
BY_HAND = {"type": "http", "url": "https://by-hand.example.com"}

ALL = """
workspaces:
  THIS:
    owners: [user:alice@example.com]
    settings:
      idleTimeout: 12h
      featureFlags: {jira-write: true}
      caBundle: {file: ca.crt}
    limits:
      containers: {max: {memory: 16Gi}}
      quota: {pods: 50}
      network: {}
"""
GONE = {
    "ambient:index:FeatureFlags": "api/v1/namespaces/{}/configmaps/feature-flag-overrides",
    "ambient:index:ContainerDefaults": "api/v1/namespaces/{}/limitranges/ambient-default-limits",
    "kubernetes:core/v1:ConfigMap": "api/v1/namespaces/{}/configmaps/trusted-ca-bundle",
    "kubernetes:core/v1:ResourceQuota": "api/v1/namespaces/{}/resourcequotas/workspace-quota",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": (
        "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/workspace-isolation"
    ),
}
"""What may be deleted alone, by the type that a plan shows; on ProjectSettings hangs what the operator made."""


@pytest.fixture
def ours(stack: Stack, platform: Backend) -> Stack:
    return deployed(stack)


@pytest.fixture
def everything(stack: Stack, platform: Backend) -> Stack:
    (stack.folder / "stacks" / "ca.crt").write_bytes(stack.machine.cluster.ca_file.read_bytes())
    return settled(deployed(stack, ALL))


def settled(stack: Stack) -> Stack:
    """The operator is done: it makes no LimitRange any more once its status says so."""

    def done() -> bool:
        status = (stack.machine.get(SETTINGS.format(stack.w)) or {}).get("status") or {}
        return bool(status.get("limitRangeReady") and status.get("scheduledSessionRBACReady"))

    stack.machine.until(done, "the operator is done")
    return stack


def set_idle(seconds: int) -> Any:
    return lambda settings: settings["spec"].update(inactivityTimeoutSeconds=seconds)


def set_most(memory: str) -> Any:
    def change(limits: dict[str, Any]) -> None:
        limits["spec"]["limits"][0]["max"] = {"memory": memory}

    return change


# What is nobody's business: no change, no word.


def test_a_last_used_date_is_no_change(ours: Stack, platform: Backend) -> None:
    stack = ours
    platform.call("GET", f"/api/projects/{stack.w}/agentic-sessions", token=stack.token("ci"))
    stack.machine.until(lambda: all(key.last_used_at for key in ui.keys(platform, stack.w)), "the last use")
    nobodys_business(stack)
    assert all(key.last_used_at for key in ui.keys(platform, stack.w))


def test_a_flag_that_no_file_declares_is_the_uis(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.override_flag(platform, stack.w, "gerrit.enabled", True)
    nobodys_business(stack)
    assert ui.feature_flags(platform, stack.w) == {"jira-write": True, "gerrit.enabled": True}


def test_settings_that_no_file_declares_are_the_uis(stack: Stack, platform: Backend) -> None:
    settled(deployed(stack, "workspaces:\n  THIS: {protect: false, settings: {featureFlags: {jira-write: true}}}\n"))
    servers = ui.McpServers({"by-hand": BY_HAND}, ["context7"])
    ui.save_mcp_servers(platform, stack.w, servers, user="sandbox-admin")
    edit(stack, SETTINGS.format(stack.w), set_idle(60))
    edit(stack, LIMITS.format(stack.w), set_most("8Gi"))
    nobodys_business(stack)
    assert ui.mcp_servers(platform, stack.w, user="sandbox-admin") == servers
    assert stack.machine.get(SETTINGS.format(stack.w))["spec"]["inactivityTimeoutSeconds"] == 60
    assert stack.machine.get(LIMITS.format(stack.w))["spec"]["limits"][0]["max"] == {"memory": "8Gi"}


def test_notes_on_the_namespace_are_everybodys_and_survive_our_own_changes(ours: Stack) -> None:
    stack = ours
    path = NAMESPACE.format(stack.w)

    def note(namespace: dict[str, Any]) -> None:
        for notes in ("labels", "annotations"):
            namespace["metadata"].setdefault(notes, {})["example.com/theirs"] = "yes"

    edit(stack, path, note)
    nobodys_business(stack)
    stack.write(FILE + "    labels: {team: payments}\n    annotations: {example.com/ours: 'yes'}\n")
    stack.up().ok()
    stack.write(FILE)
    stack.up().ok()
    metadata = stack.machine.get(path)["metadata"]
    for notes in (metadata["labels"], metadata["annotations"]):
        assert notes["example.com/theirs"] == "yes"
        assert notes.keys() & {"team", "example.com/ours"} == set()


# What the file declares: seen by a refresh, and set right by the next run.


def test_a_declared_flag_that_was_flipped_comes_back(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.override_flag(platform, stack.w, "jira-write", False)
    quiet(stack.preview("--expect-no-changes"))
    says(stack.refresh(), "~ jira-write: true => false")
    says(stack.preview(), "~ jira-write: false => true")
    mended(stack)
    assert ui.feature_flags(platform, stack.w) == {"jira-write": True}


def test_mcp_servers_that_were_saved_give_way_to_the_file(ours: Stack, platform: Backend) -> None:
    stack = ours
    ui.save_mcp_servers(platform, stack.w, ui.McpServers({"by-hand": BY_HAND}))
    quiet(stack.preview("--expect-no-changes"))
    says(stack.refresh(), "~ mcpServers", "+ by-hand", "- disabled")
    says(stack.preview(), "~ mcpServers", "- by-hand", "+ disabled")
    mended(stack)
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers({}, ["webfetch"])


def test_an_idle_timeout_and_limits_that_were_changed_come_back(everything: Stack) -> None:
    stack = everything
    edit(stack, SETTINGS.format(stack.w), set_idle(60))
    edit(stack, LIMITS.format(stack.w), set_most("8Gi"))
    quiet(stack.preview("--expect-no-changes"))
    says(stack.refresh(), "~ inactivityTimeoutSeconds: 43200 => 60", '~ memory: "16Gi" => "8Gi"')
    says(stack.preview(), "~ inactivityTimeoutSeconds: 60 => 43200", '~ memory: "8Gi" => "16Gi"')
    mended(stack)
    assert stack.machine.get(SETTINGS.format(stack.w))["spec"]["inactivityTimeoutSeconds"] == 43200
    assert stack.machine.get(LIMITS.format(stack.w))["spec"]["limits"][0]["max"] == {"memory": "16Gi"}


def test_what_was_deleted_is_made_again(everything: Stack, platform: Backend) -> None:
    stack = everything
    for path in GONE.values():
        stack.machine.delete(f"/{path.format(stack.w)}")
    quiet(stack.preview("--expect-no-changes"))
    # At its next event, the operator makes the LimitRange again, with its own limits.
    sure = [kind for kind in GONE if kind != "ambient:index:ContainerDefaults"]
    says(stack.refresh(), *(f"- {kind}: (delete)" for kind in sure))
    says(stack.preview(), *(f"+ {kind}: (create)" for kind in sure))
    mended(stack)
    assert [path for path in GONE.values() if stack.machine.get(f"/{path.format(stack.w)}") is None] == []
    assert stack.machine.get(LIMITS.format(stack.w))["spec"]["limits"][0]["max"] == {"memory": "16Gi"}
    assert ui.feature_flags(platform, stack.w) == {"jira-write": True}


def test_deleted_project_settings_are_made_again(ours: Stack, platform: Backend) -> None:
    stack = settled(ours)
    stack.machine.delete(SETTINGS.format(stack.w))
    # What the operator made hangs on them; before the garbage collector was there, it would be taken for what we make.
    hanging = [f"/{path.format(stack.w)}" for path in ui.OPERATOR_MADE if path.endswith("ambient-session-trigger")]
    stack.machine.until(lambda: not any(map(stack.machine.get, hanging)), "they are collected", seconds=150)
    quiet(stack.preview("--expect-no-changes"))
    says(stack.refresh(), "- ambient:index:ProjectSettings: (delete)")
    says(stack.preview(), "+ ambient:index:ProjectSettings: (create)")
    mended(stack)
    settled(stack)
    assert stack.machine.get(SETTINGS.format(stack.w))["spec"]["inactivityTimeoutSeconds"] == 43200
    assert ui.mcp_servers(platform, stack.w) == ui.McpServers({}, ["webfetch"])


def test_a_workspace_that_was_taken_off_the_list(ours: Stack, platform: Backend) -> None:
    stack = ours
    label = "ambient-code.io/managed"
    edit(stack, NAMESPACE.format(stack.w), lambda namespace: namespace["metadata"]["labels"].update({label: "false"}))
    quiet(stack.preview("--expect-no-changes"))
    says(stack.refresh(), f'~ {label}: "true" => "false"')
    says(stack.preview(), f'~ {label}: "false" => "true"')
    mended(stack)
    assert stack.w in [project.name for project in ui.projects(platform)]
