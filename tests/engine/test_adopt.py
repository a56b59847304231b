"""`ambient adopt` on the real engine: existing workspaces as files, the proof, the first run, and the way back."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.machine import Machine
from tests.support.stacks import Stack
from tests.support.ui_style import UiWorkspace

DUMPED = (
    "/api/v1/namespaces/{}",
    "/api/v1/namespaces/{}/serviceaccounts",
    "/api/v1/namespaces/{}/limitranges",
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/resourcequotas",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/projectsettings",
)
_SERVERS = ("managedFields", "resourceVersion", "generation")
_OURS = ("ambient-components/", "pulumi.com/")
"""Prefixes of annotations that a run writes: ownership, and the engine's note on server-side apply."""


def make(machine: Machine, workspace: UiWorkspace) -> None:
    for path, body in workspace.objects():
        machine.create(path, body)


def dump(machine: Machine, workspace: str) -> list[dict[str, Any]]:
    """All objects of a workspace, without what the server counts and what tools note of themselves."""
    found = []
    for path in DUMPED:
        answer = machine.get(path.format(workspace))
        assert answer is not None
        for item in answer.get("items", [answer]):
            metadata = {key: value for key, value in item["metadata"].items() if key not in _SERVERS}
            notes = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if not k.startswith(_OURS)}
            found.append({**item, "metadata": {**metadata, "annotations": notes}})
    return found


def differences(after: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[str]:
    """The lines that differ, of objects in the same order."""
    return [line for line in difflib.unified_diff(lines(before), lines(after), n=0) if line[:3] not in ("---", "+++")]


def lines(objects: list[dict[str, Any]]) -> list[str]:
    return json.dumps(objects, indent=1, sort_keys=True).splitlines()


@pytest.fixture
def made(stack: Stack) -> Iterator[list[UiWorkspace]]:
    """Three workspaces of the UI, each with another history."""
    workspaces = [
        UiWorkspace(f"{stack.w}-a", creator="alice@example.com"),
        UiWorkspace(
            f"{stack.w}-b",
            grants=(("group", "research-devs", "edit"), ("user", "Bob@example.com", "view")),
            settings={"inactivityTimeoutSeconds": 3600, "mcpServers": {"disabled": ["webfetch"]}},
            flags={"jira-write": "true"},
        ),
        UiWorkspace(f"{stack.w}-c", creator="", grants=(("group", "system:authenticated", "view"),)),
    ]
    for one in workspaces:
        make(stack.machine, one)
    yield workspaces
    for one in workspaces:
        stack.machine.delete(f"/api/v1/namespaces/{one.name}")


def text(stack: Stack) -> str:
    """The stack file."""
    return (stack.folder / "stacks" / f"{stack.name}.yaml").read_text()


def adopt(stack: Stack, *arguments: str) -> Any:
    return stack.ambient("adopt", stack.name, *arguments)


def test_three_commands_bring_workspaces_under_management(stack: Stack, made: list[UiWorkspace]) -> None:
    names = [one.name for one in made]
    before = {name: dump(stack.machine, name) for name in names}
    said = adopt(stack, *names)
    assert said.code == 0, said.text
    assert "Checked: a run changes nothing but ownership (13 objects)" in said.text
    stack.up().ok()
    for name in names:
        assert differences(dump(stack.machine, name), before[name]) == []
    assert stack.preview("--expect-no-changes").unchanged

    stack.write(text(stack).replace("adopt: true", "adopt: true\n    state: released"))
    stack.up().ok()
    stack.write("workspaces: {}\n")
    stack.up().ok()
    for name in names:
        assert differences(dump(stack.machine, name), before[name]) == []
