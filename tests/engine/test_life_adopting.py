"""Adopted: what others made is taken over as it is; by hand here, and by the platform's own backend.

By plain runs, with the engine's own preview; runs that die are in test_life_crashes.py.
"""

import json
import subprocess
from typing import Any

import pytest

from sandbox.backend import Backend
from sandbox.credentials import ALICE, BOB
from tests.support import platform as ui
from tests.support.life import (
    EMPTY,
    Workspace,
    add,
    forgotten,
    is_closed,
    is_open,
    is_released,
    made_in_the_ui,
    quiet,
    side_by_side,
    worked_in,
    write,
)
from tests.support.stacks import PATIENCE, REPOSITORY, Stack


def test_adopting_takes_what_exists_and_keeps_what_no_file_declares(stack: Stack) -> None:
    _, one = side_by_side(stack)
    theirs, uid = one.bindings(), one.namespace()["metadata"]["uid"]
    write(stack, [Workspace(stack, one.name)])
    stack.up(plain=True).refused(f"namespace '{one.name}' exists, and it was not made by this tool", "adopt: true")
    write(stack, [one])
    preview = stack.preview().ok()
    assert one.owner_annotation is None
    # What nobody declared is told before it matters.
    for received in ("edit of user:mallory@example.com", "admin of user:carol@example.com", "SAVED_IN_UI"):
        assert received in preview.text
    stack.up(plain=True).ok()
    is_open(one)
    assert one.namespace()["metadata"]["uid"] == uid
    assert theirs <= one.bindings()
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().unchanged
    stack.write(EMPTY)
    stack.up(plain=True).refused(f"workspace '{one.name}' is gone from the files, but it was not closed")
    is_open(one)


def test_another_stacks_workspace_cannot_be_adopted(stack: Stack) -> None:
    one = Workspace(stack, stack.w)
    notes = {"annotations": {"ambient-components/owner": "other/prod"}}
    add(stack.machine, "/api/v1/namespaces", one.name, kind="Namespace", metadata=notes)
    stack.write("workspaces:\n  THIS: {adopt: true, protect: false}\n")
    stack.up(plain=True).refused("it belongs to the stack other/prod", "release it there first")
    assert one.owner_annotation == "other/prod"


def test_adopt_on_an_empty_cluster_makes_the_workspace(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {adopt: true, protect: false}\n")
    stack.up(plain=True).ok()
    assert Workspace(stack, stack.w).listed()


# The platform's own.


def operator_is_done(workspace: Workspace) -> bool:
    there = all(workspace.machine.get("/" + path.format(workspace.name)) for path in ui.OPERATOR_MADE)
    settings = workspace.machine.get("/" + ui.OPERATOR_MADE[0].format(workspace.name)) or {}
    return there and "status" in settings


def on_the_list(platform: Backend, user: str, *workspaces: Workspace) -> set[str]:
    return {project.name for project in ui.projects(platform, user=user)} & {one.name for one in workspaces}


def test_the_platforms_own_workspaces_from_their_adoption_to_their_end(stack: Stack, platform: Backend) -> None:
    """Bob made both, and the file names Alice. One is closed and removed, the other one released and removed."""
    closing, releasing = pair = [Workspace(stack, f"{stack.w}-{end}", adopted=True) for end in ("c", "r")]
    bob, alice = (stack.machine.cluster.token_of(user.name) for user in (BOB, ALICE))
    mallory, keys = ui.Permission("user", "mallory@example.com", "edit"), {}
    for one in pair:
        ui.create_project(platform, one.name, user=BOB.name)
        stack.machine.until(lambda one=one: operator_is_done(one), "the operator is done")
        ui.add_permission(platform, one.name, mallory, user=BOB.name)
        ui.save_mcp_servers(platform, one.name, ui.McpServers(disabled=["webfetch"]), user=BOB.name)
        keys[one] = ui.create_key(platform, one.name, "by hand", role="view", user=BOB.name).token
        stack.machine.keep_secret(keys[one], "a key made in the UI")
        worked_in(one)

    stack.secret("anthropic")
    write(stack, pair)
    stack.up(plain=True).ok()
    for one in pair:
        is_open(one)
        assert ui.role(platform, one.name, user=BOB.name) == "admin"
        assert mallory in ui.permissions(platform, one.name, user=BOB.name)
        assert ui.mcp_servers(platform, one.name, user=BOB.name) == ui.McpServers(disabled=["webfetch"])
        assert {key.name for key in ui.keys(platform, one.name, user=BOB.name)} == {"by hand", "ci"}
    for user in (ALICE, BOB):
        assert on_the_list(platform, user.name, *pair) == {one.name for one in pair}
    data, before = closing.data(), releasing.everything()

    stack.write("workspaces:\n" + closing.entry("closed") + releasing.entry("released"))
    stack.up(plain=True).ok()
    for user in (ALICE, BOB):
        assert on_the_list(platform, user.name, *pair) == {releasing.name}
    is_closed(closing, bob, keys[closing])
    assert closing.sessions(alice) == 200
    with pytest.raises(ui.Refused):
        ui.keys(platform, closing.name, user=BOB.name)
    assert closing.data() == data
    assert releasing.everything() == before
    is_released(releasing, bob, keys[releasing])

    # What the platform's users do in a released one is theirs.
    ui.save_mcp_servers(platform, releasing.name, ui.McpServers(disabled=["jira"]), user=BOB.name)
    ui.override_flag(platform, releasing.name, "jira-write", False, user=BOB.name)
    value = stack.machine.keep_secret("sk-ant-of-bob-in-the-ui-0123", "a secret saved in the UI")
    ui.save_runner_secrets(platform, releasing.name, {"ANTHROPIC_API_KEY": value}, user=BOB.name)
    stack.write(EMPTY)
    stack.up("--refresh", plain=True).ok()
    assert closing.namespace() is None
    assert forgotten(stack)
    assert on_the_list(platform, BOB.name, *pair) == {releasing.name}
    assert ui.role(platform, releasing.name, user=BOB.name) == "admin"
    assert mallory in ui.permissions(platform, releasing.name, user=BOB.name)
    assert {key.name for key in ui.keys(platform, releasing.name, user=BOB.name)} == {"by hand", "ci"}
    assert ui.mcp_servers(platform, releasing.name, user=BOB.name).disabled == ["jira"]
    assert ui.feature_flags(platform, releasing.name, user=BOB.name) == {"jira-write": False}
    assert ui.runner_secrets(platform, releasing.name, user=BOB.name) == {"ANTHROPIC_API_KEY": value}
    is_released(releasing, bob, keys[releasing])


def access_of(stack: Stack) -> dict[str, Any]:
    """The report on access, which ends with 2 where anything differs from the files."""
    ended = subprocess.run(
        [str(REPOSITORY / ".venv" / "bin" / "ambient"), "access", stack.name, "--live", "--format", "json"],
        cwd=stack.folder, env=stack.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    stack.machine.outputs.append(ended.stdout + ended.stderr)
    assert ended.returncode in (0, 2), ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def test_a_workspace_in_no_stack_is_reported_until_it_is_adopted(stack: Stack) -> None:
    ours, theirs, elsewhere = (Workspace(stack, f"{stack.w}{end}") for end in ("", "-u", "-o"))
    made_in_the_ui(theirs)
    made_in_the_ui(elsewhere)
    there = elsewhere.namespace() or {}
    there["metadata"]["annotations"] = {"ambient-components/owner": "other/prod"}
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("PUT", elsewhere.path, token=token, body=there) == 200
    stack.write("workspaces:\n  THIS: {protect: false}\n")
    stack.up().ok()

    result = stack.ambient("access", stack.name, "--live", "--fail-on", "unmanaged")
    assert result.code == 2, result.text
    report = access_of(stack)
    # Workspaces of other tests of this file may be there, too.
    assert theirs.name in report["unmanaged"]
    assert ours.name not in report["unmanaged"]
    assert {"workspace": elsewhere.name, "owner": "other/prod"} in report["elsewhere"]
    assert not {"ambient-code", elsewhere.name} & set(report["unmanaged"])
    page = stack.ambient("access", stack.name, "--live", "--format", "markdown")
    assert f"- `{theirs.name}`\n" in page.text

    stack.write(f"workspaces:\n  THIS: {{protect: false}}\n  {theirs.name}: {{adopt: true, protect: false}}\n")
    stack.up().ok()
    report = access_of(stack)
    assert theirs.name not in report["unmanaged"]
