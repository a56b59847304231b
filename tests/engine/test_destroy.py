"""Destroying a stack beside the operator: it takes everything, and hangs on nothing."""

import threading
from typing import Any

import pytest

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.drift import edit
from tests.support.stacks import Result, Stack

FILE = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: payments-devs, role: edit}]
    keys: {ci: {}}
    secrets: {runner: {ANTHROPIC_API_KEY: {config: anthropic}}}
    settings: {idleTimeout: 12h, featureFlags: {jira-write: true}}
    limits: {containers: {max: {memory: 16Gi}}, quota: {pods: 50}, network: {}}
"""
NAMESPACE = "/api/v1/namespaces/{}"
SESSIONS = "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/agenticsessions"
HELD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}}


@pytest.fixture
def ours(stack: Stack, platform: Backend) -> Stack:
    stack.secret("anthropic")
    stack.write(FILE)
    stack.up().ok()
    return stack


def post(stack: Stack, path: str, body: dict[str, Any]) -> None:
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("POST", path.format(stack.w), token=token, body=body) == 200


def gone(stack: Stack) -> bool:
    return stack.machine.get(NAMESPACE.format(stack.w)) is None


def terminating(stack: Stack) -> bool:
    found = stack.machine.get(NAMESPACE.format(stack.w))
    return found is not None and "deletionTimestamp" in found["metadata"]


def held(stack: Stack) -> None:
    """Something in the namespace keeps it terminating until it is let go."""
    post(stack, "/api/v1/namespaces/{}/configmaps", HELD)


def unblock(stack: Stack) -> None:
    path = f"/api/v1/namespaces/{stack.w}/configmaps/held"
    edit(stack, path, lambda found: found["metadata"].update(finalizers=[]))


def test_a_workspace_with_sessions_is_destroyed(ours: Stack, platform: Backend) -> None:
    stack = ours
    names = [ui.create_session(platform, stack.w, "hello") for _ in range(3)]
    # What the operator of the sandbox does not come to, without nodes: a session's pod, and a Secret beside it.
    session = stack.machine.get(f"{SESSIONS.format(stack.w)}/{names[0]}")
    owner = {
        **{field: session[field] for field in ("apiVersion", "kind")},
        **{field: session["metadata"][field] for field in ("name", "uid")},
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {"name": "of-a-session", "ownerReferences": [owner]}
    pod = {"containers": [{"name": "runner", "image": "x", "resources": {"limits": {"memory": "1Gi"}}}]}
    post(stack, "/api/v1/namespaces/{}/secrets", {"metadata": metadata})
    post(stack, "/api/v1/namespaces/{}/pods", {"metadata": metadata, "spec": pod})
    log = platform.operator_log
    stack.machine.until(lambda: all(any(name in line for line in log()) for name in names), "the operator sees them")
    stack.destroy().ok()
    assert stack.export() == []
    assert gone(stack)


def test_a_namespace_that_somebody_deletes_meanwhile_is_destroyed(ours: Stack) -> None:
    stack = ours
    held(stack)
    stack.machine.delete(NAMESPACE.format(stack.w))
    stack.machine.until(lambda: terminating(stack), "the namespace is going")
    results: list[Result] = []
    running = threading.Thread(target=lambda: results.append(stack.destroy()))
    running.start()
    try:
        running.join(timeout=5)
        assert running.is_alive(), "it waits for what keeps the namespace"
    finally:
        unblock(stack)
        running.join(timeout=120)
    results[0].ok()
    assert stack.export() == []
    assert gone(stack)


def test_a_namespace_that_is_gone_already_is_destroyed(ours: Stack) -> None:
    stack = ours
    stack.machine.delete(NAMESPACE.format(stack.w))
    stack.machine.until(lambda: gone(stack), "the namespace is gone")
    stack.destroy().ok()
    assert stack.export() == []


def test_only_without_its_preview_a_destroy_ends_access_to_a_protected_workspace(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {grants: [{user: alice@example.com}], keys: {ci: {}}}\n")
    stack.up().ok()
    token, before = stack.token("ci"), stack.export()
    stack.destroy(plain=True).refused("protected")
    assert stack.export() == before
    assert stack.sessions(token) == 200
    stack.destroy().refused("protected")
    stack.machine.until(lambda: stack.sessions(token) == 401, "the key is refused")
    assert not terminating(stack)
    assert not gone(stack)
