"""`ambient plan` and `ambient up` on the real engine: the page says what the run then does, and no other is done."""

import json
import subprocess
from typing import Any

import pytest

from ambient_components.plan.document import plan_schema
from tests.support.json_schema import faults
from tests.support.life import Workspace, made_in_the_ui
from tests.support.stacks import PATIENCE, REPOSITORY, Result, Stack

SCHEMA = plan_schema()

FILE = """\
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants:
      - {group: devs, role: edit}
      - {group: temps, role: view, until: UNTIL}
    keys:
      ci: {role: view, lifetime: 30d}
"""
UNTIL = "2126-12-31"


def written(stack: Stack, *changes: tuple[str, str]) -> None:
    text = FILE.replace("UNTIL", UNTIL)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    stack.write(text)


def reported(stack: Stack, *flags: str, code: int) -> dict[str, Any]:
    """The plan as JSON, which its schema allows; standard error is not a part of it."""
    ended = subprocess.run(
        [str(REPOSITORY / ".venv" / "bin" / "ambient"), "plan", stack.name, "--format", "json", *flags],
        cwd=stack.folder, env=stack.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    stack.machine.outputs.append(ended.stdout + ended.stderr)
    assert ended.returncode == code, ended.stdout + ended.stderr
    document: dict[str, Any] = json.loads(ended.stdout)
    assert faults(document, SCHEMA, SCHEMA) == []
    return document


def up(stack: Stack, *flags: str) -> Result:
    result = stack.ambient("up", stack.name, "--yes", *flags)
    stack._remember_tokens()
    return result


def access(document: dict[str, Any]) -> tuple[list[str], list[str]]:
    gained, lost = (
        [f"{one['subject']} {one['role']}" for one in document["access"][part]] for part in ("gained", "lost")
    )
    return gained, lost


def keys(document: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(one["key"], one["generation"], one["what"]) for one in document["keys"]]


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    written(stack)
    up(stack).ok()
    return stack


def test_the_page_says_what_the_run_does(stack: Stack) -> None:
    written(stack)
    first = reported(stack, code=2)
    assert first["workspaces"] == [{"workspace": stack.w, "what": "made"}]
    assert access(first) == (["group:devs edit", "group:temps view", "key:ci view", "user:alice@example.com admin"], [])
    assert keys(first) == [("ci", 1, "issued")]
    made = {one["name"] for one in first["steps"] if one["op"] == "create"}
    up(stack).ok()
    state = {one["urn"].split("::", 3)[-1] for one in stack.export()}
    assert made <= state
    # Nothing but the stack itself and its providers came that the page had not said.
    assert {name for name in state - made if name.startswith(stack.w)} == set()
    assert reported(stack, code=0)["steps"] == []
    assert reported(stack, "--offline", code=0)["pending"] == []

    written(stack, ("{group: devs, role: edit}", "{group: devs, role: admin}"), ("ci: {", "ci: {generation: 2, "))
    online, offline = reported(stack, code=2), reported(stack, "--offline", code=2)
    assert access(online) == (["group:devs admin"], ["group:devs edit"])
    assert keys(online) == [("ci", 1, "revoked"), ("ci", 2, "issued")]
    # The engine and the files say the same, each of what it can know.
    for part in ("access", "workspaces", "buckets", "other", "exposed", "guardrails", "pending"):
        assert online[part] == offline[part], part
    assert keys(online) == keys(offline)
    page = stack.ambient("plan", stack.name, "--diff")
    assert page.code == 2
    assert "group:devs  edit -> admin" in page.text
    assert f"{stack.w}/grant/group:devs" in page.text
    markdown = stack.ambient("plan", stack.name, "--format", "markdown")
    assert f"| `~` | `{stack.w}` | `group:devs` | `edit -> admin` |  |\n" in markdown.text
    assert "<details>" in markdown.text
    up(stack).ok()
    assert reported(stack, code=0)["changes"] is False


def test_a_guardrail_refuses_the_plan_and_the_run(deployed: Stack) -> None:
    stack = deployed
    before = stack.export()
    stack.write("workspaces: {}\n")
    online = reported(stack, code=3)
    assert "it was not closed" in online["guardrails"][0]["problem"]
    assert reported(stack, "--offline", code=3)["guardrails"] == online["guardrails"]
    assert stack.ambient("up", stack.name, "--yes").code == 3
    assert stack.export() == before
    written(stack, ("ci: {role: view", "ci: {role: admin"))
    assert [one["rule"] for one in reported(stack, code=3)["guardrails"]] == ["adminKey"]


def test_acknowledged_warnings_are_counted_and_change_nothing(deployed: Stack) -> None:
    stack = deployed
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings"
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "ambient-permission-view-mallory-user", "labels": {"app": "ambient-permission"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ambient-project-view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}],
    }
    stack.machine.create(path, body)
    shown = ("in the cluster, and in no file", "has no runner secret")
    preview = stack.preview()
    assert [text in preview.text for text in shown] == [True, True]
    found = {one["rule"]: one for one in reported(stack, code=0)["warnings"]}
    assert found.keys() == {"undeclaredAccess", "noRunnerSecret"}
    assert found["undeclaredAccess"]["workspaces"] == [stack.w]

    why = "reason: agreed, date: 2026-11-01"
    written(
        stack,
        ("workspaces:", f"acknowledge: [{{rule: noRunnerSecret, {why}}}]\nworkspaces:"),
        (
            "    keys:",
            f"    acknowledge: [{{rule: undeclaredAccess, objects: ['view of user:mallory'], {why}}}]\n    keys:",
        ),
    )
    preview = stack.preview("--expect-no-changes")
    assert preview.unchanged
    assert [text in preview.text for text in shown] == [False, False]
    online = reported(stack, code=0)
    assert {one["rule"] for one in online["warnings"] if one["acknowledged"]["reason"] == "agreed"} == found.keys()
    page = stack.ambient("plan", stack.name)
    assert "  acknowledged warnings: 2 (--verbose)\n" in page.text
    assert "Warnings" not in page.text
    assert stack.up().unchanged
    (ledger,) = (one["inputs"] for one in stack.export() if one["type"] == "ambient:index:AccessLedger")
    assert "acknowledged" not in ledger


def test_the_future_is_shown_as_it_comes(deployed: Stack) -> None:
    stack = deployed
    # The token lives 30 days, and is renewed a quarter of that before its end.
    stack.environment["AMBIENT_CLOCK_OFFSET"] = "25d"
    due = reported(stack, code=2)
    assert keys(due) == [("ci", 1, "rotated")]
    assert due["keys"][0]["why"].startswith("the token expires on ")
    assert keys(reported(stack, "--offline", code=2)) == [("ci", 1, "rotated")]
    del stack.environment["AMBIENT_CLOCK_OFFSET"]
    assert reported(stack, code=0)["keys"] == []
    future = reported(stack, "--at", "2127-01-01", code=2)
    assert access(future) == ([], ["group:temps view"])
    assert access(reported(stack, "--at", "2127-01-01", "--offline", code=2)) == access(future)


def test_a_saved_plan_is_what_is_deployed(stack: Stack) -> None:
    # All of it is new: each step has its content, and two previews of one moment have the same.
    written(stack)
    reported(stack, "--save", "plan.json", code=2)
    written(stack, ("lifetime: 30d", "lifetime: 60d"))
    other = up(stack, "--plan", "plan.json")
    assert other.code == 1
    assert f"~ steps: create ambient:index:AccessToken {stack.w}/key/ci/g1: with other content" in other.text
    written(stack)
    up(stack, "--plan", "plan.json").ok()

    written(stack, ("{group: devs, role: edit}", "{group: devs, role: admin}"))
    reported(stack, "--save", "plan.json", code=2)
    # What nobody reviewed is refused, and told.
    written(stack, ("{group: devs, role: edit}", "{group: everybody, role: admin}"))
    refused = up(stack, "--plan", "plan.json")
    assert refused.code == 1
    assert "+ access: gained" in refused.text
    written(stack, ("{group: devs, role: edit}", "{group: devs, role: admin}"))
    up(stack, "--plan", "plan.json").ok()
    assert reported(stack, code=0)["changes"] is False
    # The state is another one now.
    again = up(stack, "--plan", "plan.json")
    assert again.code == 1
    assert "its state is another one" in again.text

    written(stack, ("{group: devs, role: edit}", "{group: devs, role: view}"))
    reported(stack, "--save", "plan.json", "--max-age", "1h", code=2)
    stack.environment["AMBIENT_CLOCK_OFFSET"] = "2h"
    late = up(stack, "--plan", "plan.json")
    assert late.code == 1
    assert "it is too old" in late.text
    stack.environment["AMBIENT_CLOCK_OFFSET"] = "30m"
    up(stack, "--plan", "plan.json").ok()
    assert reported(stack, code=0)["changes"] is False


def test_what_a_failed_run_left_is_pending(deployed: Stack) -> None:
    stack = deployed
    lost = f"{stack.w}/grant/group:devs"

    def forget(deployment: dict[str, Any]) -> None:
        deployment["resources"] = [one for one in deployment["resources"] if not one["urn"].endswith(f"::{lost}")]
        for one in deployment["resources"]:
            one["dependencies"] = [urn for urn in one.get("dependencies") or () if not urn.endswith(f"::{lost}")]

    stack.edit_state(forget)
    offline = reported(stack, "--offline", code=2)
    assert access(offline) == (["group:devs edit"], [])
    assert [one["text"] for one in offline["pending"]] == ["group:devs has nothing, and is declared as edit"]


def test_the_plan_says_who_has_access_to_an_adopted_workspace_already(stack: Stack) -> None:
    theirs = Workspace(stack, f"{stack.w}-a", adopted=True)
    made_in_the_ui(theirs)
    text = (
        f"workspaces:\n  {theirs.name}:\n    adopt: true\n    protect: false\n"
        "    owners: [user:carol@example.com]\n    grants: [{user: dave@example.com, role: edit}]\n"
        "    secrets: {integrations: {LOG_LEVEL: {value: debug}}}\n    settings: {featureFlags: {jira-write: true}}\n"
        f"  {stack.w}:\n    adopt: true\n    protect: false\n    owners: [user:carol@example.com]\n"
    )
    stack.write(text)
    first = reported(stack, code=2)
    assert first["workspaces"] == [
        {"workspace": stack.w, "what": "made"},
        {"workspace": theirs.name, "what": "adopted"},
    ]
    there = [(one["subject"], one["role"], one["what"]) for one in first["adopted"][0]["access"]]
    assert there == [
        ("user:carol@example.com", "admin", "already has it"),
        ("user:mallory@example.com", "edit", "undeclared"),
    ]
    gained = {(one["workspace"], one["subject"]) for one in first["access"]["gained"]}
    assert gained == {(stack.w, "user:carol@example.com"), (theirs.name, "user:dave@example.com")}
    assert "undeclaredAccess" in {one["rule"] for one in first["warnings"]}
    assert {one["uncertain"] for one in reported(stack, "--offline", code=2)["accessChanges"]} == {True}

    result = up(stack).ok()
    assert "1 workspace adopted · 1 admin gained · 1 edit gained · 0 lowered · 0 removed · 1 already has the role" in (
        result.text
    )
    # The namespace, its labels, carol's binding and the Secret. The flags have no object yet.
    assert "4 adopted" in result.text
    assert reported(stack, code=0)["adopted"] == []


def test_a_preview_without_any_credential_shows_the_same_changes(deployed: Stack) -> None:
    stack = deployed
    state = stack.folder / "bare.json"
    shown = stack.ambient("show", stack.name, "--bare-state").ok()
    exported = json.loads(shown.text)
    assert "ciphertext" not in shown.text
    assert "secrets_providers" not in exported["deployment"]
    assert "[secret]" in shown.text
    state.write_text(json.dumps(exported))
    written(
        stack,
        ("{group: devs, role: edit}", "{group: devs, role: admin}"),
        ("role: view, lifetime", "role: edit, lifetime"),
    )
    whole = reported(stack, "--offline", code=2)
    # As in a pipeline's job of a change request: no kubeconfig, no passphrase, no backend, no engine on PATH.
    stack.environment = {"PATH": "/usr/bin:/bin", "HOME": str(stack.folder)}
    preview = reported(stack, "--offline", "--state", str(state), code=2)
    for part in ("access", "keys", "guardrails", "warnings"):
        assert preview[part] == whole[part], part
    assert access(preview)[0] == ["group:devs admin", "key:ci edit"]
