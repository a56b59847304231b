"""Closing beside the platform's own backend and operator: sessions stop as they stop in the UI, and start again later.

There are no nodes, so a pod starts only where the test writes the status that a node would.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.attacks import CORE, MERGE, PLATFORM, Bearer
from tests.support.stacks import Stack

FILE = """\
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    secrets: {runner: {ANTHROPIC_API_KEY: {config: anthropic}}}
"""
CLOSED = FILE + "    state: closed\n"


@pytest.fixture
def backend(platform_programs: None, stack: Stack) -> Iterator[Backend]:
    """The platform beside a stack with one workspace."""
    stack.secret("anthropic")
    stack.write(FILE)
    stack.up().ok()
    with Backend(stack.machine.cluster, operator=True) as backend:
        yield backend


def pod(stack: Stack, session: str) -> dict[str, Any] | None:
    return stack.machine.get(f"{CORE}/{stack.w}/pods/{session}-runner")


def phase(stack: Stack, session: str) -> str | None:
    found = stack.machine.get(f"{PLATFORM}/{stack.w}/agenticsessions/{session}")
    assert found is not None
    return (found.get("status") or {}).get("phase")


def account(stack: Stack, session: str) -> str | None:
    found = stack.machine.get(f"{CORE}/{stack.w}/serviceaccounts/ambient-session-{session}")
    return found and found["metadata"]["uid"]


def started(backend: Backend, stack: Stack, *, runs: bool) -> str:
    """A session with a pod; its name."""
    name = ui.create_session(backend, stack.w, "Tidy up")
    stack.machine.until(lambda: pod(stack, name) is not None, "the session has its pod")
    if runs:
        admin = Bearer(stack.machine, stack.machine.cluster.token_of("sandbox-admin"))
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        runner = {"name": "ambient-code-runner", "image": "x", "imageID": "x", "ready": True, "restartCount": 0}
        status = {"phase": "Running", "containerStatuses": [{**runner, "state": state}]}
        path = f"{CORE}/{stack.w}/pods/{name}-runner/status"
        assert admin.can("PATCH", path, {"status": status}, MERGE)
        stack.machine.until(lambda: phase(stack, name) == "Running", "the session runs")
    return name


def test_a_running_session_stops_before_the_workspace_leaves_the_list(stack: Stack, backend: Backend) -> None:
    """And starts again after it was opened, with another account."""
    session = started(backend, stack, runs=True)
    before = account(stack, session)
    stack.write(CLOSED)
    assert f"stops sessions: {session}" in stack.preview().ok().text
    assert "did not stop" not in stack.up().ok().text
    assert (phase(stack, session), pod(stack, session), account(stack, session)) == ("Stopped", None, None)
    assert ui.projects(backend, search=stack.w) == []
    stack.write(FILE)
    stack.up().ok()
    assert phase(stack, session) == "Stopped"
    path = f"/api/projects/{stack.w}/agentic-sessions/{session}/start"
    assert backend.call("POST", path, user="alice@example.com").status == 202
    stack.machine.until(lambda: pod(stack, session) is not None, "the session has its pod again")
    assert account(stack, session) not in (None, before)


def test_a_session_whose_pod_never_starts(stack: Stack, backend: Backend) -> None:
    """The operator stops none in phase Creating: it is named, and the closing goes on."""
    session = started(backend, stack, runs=False)
    stack.write(CLOSED + "    onClose: {wait: 4s}\n")
    assert f"session {session} did not stop within 4s" in stack.up().ok().text
    assert pod(stack, session) is not None
    assert ui.projects(backend, search=stack.w) == []
    # Off the list the Stop button of the UI does nothing, and a later run deletes the pod.
    stack.write(CLOSED + "    onClose: {sessions: deletePods, wait: 4s}\n")
    stack.up().ok()
    assert pod(stack, session) is None


def test_pods_are_deleted_in_time_for_the_operator_to_note_it(stack: Stack, backend: Backend) -> None:
    session = started(backend, stack, runs=False)
    stack.write(CLOSED + "    onClose: {sessions: deletePods, wait: 4s}\n")
    assert "did not stop" not in stack.up().ok().text
    assert (phase(stack, session), pod(stack, session)) == ("Stopped", None)
