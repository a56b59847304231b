"""What of a caller's options, unknown values and secrets holds on the real engine, with programs in Pulumi YAML."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components.engine.secrets import SIGNATURE_KEY
from sandbox.toolchain import Toolchain
from tests.support.languages import YamlStack
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY
from tests.support.state_file import PROJECT

WORKSPACES = """\
config: {}
resources:
  NAME:
    type: ambient:Workspaces
    properties: {workspaces: {THIS: {owners: [user:alice@example.com], grants: [{user: bob, role: ROLE}]}}}
    options: {OPTIONS}
"""

APART = """\
config: {}
resources:
  own: {type: "pulumi:providers:ambient", properties: {unguarded: "true"}}
  first:
    type: ambient:Workspace
    properties: {namespace: THIS-1, protect: false, keys: {ci: {}}}
    options: {provider: "${own}"}
  second:
    type: ambient:Workspace
    properties:
      namespace: THIS-2
      protect: false
      secrets: {runner: {GOOGLE_API_KEY: '${first.tokens["ci"]}'}}
    options: {provider: "${own}"}
  grant:
    type: ambient:Grant
    properties: {namespace: "${second.namespace}", user: bob@example.com}
    options: {provider: "${own}"}
outputs:
  token: ${first.tokens["ci"]}
"""

PAGE = REPOSITORY / "docs/tasks/languages.md"


@pytest.fixture
def stack(machine: Machine, languages: Toolchain, tmp_path: Path) -> Iterator[YamlStack]:
    YamlStack.toolchain = languages
    stack = YamlStack(machine, f"options-{secrets.token_hex(2)}", tmp_path)
    yield stack
    stack.remove()


def write(stack: YamlStack, options: str = "", name: str = "workspaces", role: str = "edit") -> None:
    stack.write_program(WORKSPACES.replace("NAME", name).replace("OPTIONS", options).replace("ROLE", role))


def locked(stack: YamlStack, lock: str) -> list[str]:
    """The types of what has a lock in the state."""
    return [item["type"].split(":")[-1] for item in stack.export() if item.get(lock)]


def identities(stack: YamlStack) -> set[tuple[str, ...]]:
    return {(item["type"], item["urn"].split("::")[-1], str(item.get("id"))) for item in stack.export()}


def test_locks_and_aliases_hold_for_the_children(stack: YamlStack) -> None:
    write(stack)
    stack.up().ok()
    assert locked(stack, "protect") == ["Namespace"]
    before = f"urn:pulumi:{stack.name}::{PROJECT}::ambient:index:Workspaces::workspaces"
    write(stack, f'protect: false, retainOnDelete: true, aliases: ["{before}"]', name="renamed")
    renamed = stack.up().ok()
    assert "created" not in renamed.text.rsplit("Resources:", 1)[-1]
    assert (locked(stack, "protect"), locked(stack, "retainOnDelete")) == ([], ["Namespace"])
    stack.destroy().ok()
    bindings = stack.machine.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings")
    assert bindings is not None
    assert bindings["items"] == []  # the namespace stays, and no access to it


def test_unknown_values_and_secrets_of_workspaces_apart(stack: YamlStack) -> None:
    stack.write_program(APART)
    preview = stack.preview().ok()
    assert "GOOGLE_API_KEY: [secret]" in preview.text
    stack.up().ok()
    token = stack.machine.keep_secret(stack.state.outputs(reveal=True)["token"], "the key of the first workspace")
    assert stack.outputs()["token"] == "[secret]"
    assert stack.status(f"apis/vteam.ambient-code/v1alpha1/namespaces/{stack.w}-1/agenticsessions", token) == 200
    assert token not in stack.state.path.read_text(encoding="utf-8")
    used = {item["provider"].split("::")[-2] for item in stack.export() if item["type"].startswith("ambient:index:Ro")}
    assert used == {"own"}
    assert stack.preview("--expect-no-changes").unchanged
    registered = {
        item["urn"].split("::")[-1]: item.get("outputs") or {} for item in stack.export() if not item["custom"]
    }
    assert registered["first"]["tokens"]["ci"].keys() == {SIGNATURE_KEY, "ciphertext"}
    assert registered["first"]["namespace"] == f"{stack.w}-1"
    full = stack.machine.fill(f"{stack.w}-1", "serviceaccounts", 2)
    stack.write_program(
        APART.replace("ci: {}", "ci: {}, cd: {}").replace('{first.tokens["ci"]}\'', '{first.tokens["cd"]}\'')
    )
    failed = stack.up().refused(
        "exceeded quota", "secrets.runner.GOOGLE_API_KEY: has no value: the resource that it comes"
    )
    assert "is empty" not in failed.text
    stack.machine.delete(full)
    stack.up().ok()
    stack.destroy().ok()


def test_the_program_of_the_page_adds_access_to_a_workspace_that_was_made_elsewhere(stack: YamlStack) -> None:
    stack.machine.create("/api/v1/namespaces", {"metadata": {"name": stack.w}})
    (text,) = re.findall(
        r"^```yaml\nname: auditors\nruntime: yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    program = "config: {}\n" + text.replace("team-a", "THIS")
    stack.write_program(program.replace('"true"', '"false"'))
    stack.preview().refused(f"workspace '{stack.w}'", "so no guardrail has evaluated its access")
    stack.write_program(program)
    stack.up().ok()
    token = stack.machine.keep_secret(stack.state.outputs(reveal=True)["nightly"], "the key of the page")
    assert stack.sessions(token) == 200
    bindings = stack.machine.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings")
    assert bindings is not None
    assert {item["subjects"][0]["name"] for item in bindings["items"]} >= {"auditors"}
    stack.destroy().ok()


@pytest.mark.slow
def test_a_program_without_a_ledger_is_refused_before_anything_is_made(stack: YamlStack) -> None:
    stack.write_program(APART.replace('"true"', '"false"'))
    stack.preview().refused(f"workspace '{stack.w}-1'", "in other languages than Python: declare it in Workspaces")
    stack.write_program(
        "config: {}\nresources:\n  grant: {type: ambient:Grant, properties: {namespace: THIS, user: bob}}\n"
    )
    stack.preview().refused("so no guardrail has evaluated its access")


def test_a_stack_moves_from_its_file_to_the_component(stack: YamlStack) -> None:
    stack.write("workspaces: {THIS: {owners: [user:alice@example.com], grants: [{user: bob, role: edit}]}}")
    stack.up().ok()
    before = identities(stack)
    write(stack)
    moved = stack.up().ok()
    assert re.findall("^ +([-+~].*)", moved.text.rsplit("Resources:", 1)[-1], re.MULTILINE) == ["+ 1 created"]
    now = identities(stack)
    assert before <= now
    # The engine's default provider constructs the component.
    assert {kind for kind, *_ in now - before} == {"ambient:index:Workspaces", "pulumi:providers:ambient"}
    assert stack.preview("--expect-no-changes").unchanged
    write(stack, "protect: false")
    stack.up().ok()
    stack.destroy().ok()


@pytest.mark.slow
def test_a_target_is_changed_alone_with_its_ledger(stack: YamlStack) -> None:
    write(stack, "protect: false")
    stack.up().ok()
    write(stack, "protect: false", role="view")
    targets = ("--target", "**AccessLedger::access", "--target", f"**::{stack.w}/grant/user:bob")
    stack.up(*targets).ok()
    assert stack.resource("RoleBinding", f"{stack.w}/grant/user:bob")["inputs"]["roleRef"]["name"].endswith("view")
    assert stack.preview("--expect-no-changes").unchanged
    stack.destroy("--target", f"**::{stack.w}/grant/user:bob").ok()
    stack.up().ok()
    assert stack.resource("RoleBinding", f"{stack.w}/grant/user:bob")
    stack.destroy().ok()


@pytest.mark.slow
def test_own_providers_and_dependencies_come_first(stack: YamlStack) -> None:
    own = "  k8s: {type: 'pulumi:providers:kubernetes'}\n  own: {type: 'pulumi:providers:ambient'}\nresources:"
    text = WORKSPACES.replace("NAME", "workspaces").replace("ROLE", "edit")
    providers = "protect: false, providers: ['${own}', '${k8s}']"
    before, _, after = text.replace("OPTIONS", providers).partition("resources:")
    stack.write_program(f"{before}resources:\n{own.removesuffix('resources:')}{after.lstrip(chr(10))}")
    stack.up().ok()
    providers_of_all = {item["provider"].split("::")[-2] for item in stack.export() if item.get("provider")}
    assert providers_of_all == {"k8s", "own"}
    assert stack.preview("--expect-no-changes").unchanged
    stack.destroy().ok()
