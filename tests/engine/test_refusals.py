"""What must not be deployed, and what can't be: said before anything is created, as text a person can act on."""

import secrets
from collections.abc import Iterator

import pytest

from ambient_components.access.deployer import BESIDE_RUNS, RIGHTS, Right
from tests.support.deployer import allowed, deployer_role, replace_rules
from tests.support.machine import Machine
from tests.support.stacks import Stack

ONE = "workspaces:\n  THIS: {protect: false, grants: [{user: alice@example.com}]}\n"


EVERYTHING = """
workspaces:
  THIS:
    protect: false
    guard: {mode: audit}
    keys: {ci: {role: view}}
    settings:
      idleTimeout: 12h
      featureFlags: {a-flag: true}
    limits:
      containers: {default: {memory: 1Gi}}
      quota: {pods: 5}
      network: {}
    schedules:
      review: {schedule: "0 9 * * *", sessionTemplate: {initialPrompt: Review.}}
  THIS-closed: {protect: false, state: closed}
"""
"""A stack with all features, so with all rights."""


def exists(stack: Stack, name: str = "") -> bool:
    return stack.machine.get(f"/api/v1/namespaces/{name or stack.w}") is not None


def test_every_mistake_of_a_file_is_told_at_once(stack: Stack) -> None:
    stack.write(
        "workspaces:\n"
        "  THIS:\n"
        "    grant: []\n"
        "    grants:\n"
        "      - {group: devs, role: admni}\n"
        "      - {user: a@b}\n"
        "      - {user: a-b}\n"
        "    keys:\n"
        "      ci: {lifetime: 5m}\n"
        "    secrets:\n"
        "      runner:\n"
        "        ANTHROPIC_API_KEY: sk-ant-in-plain-text-0123456789\n"
        "  kube-system: {}\n"
        "  THIS: {}\n"
    )
    stack.machine.keep_secret("sk-ant-in-plain-text-0123456789", "a secret in the stack file")
    file = f"stacks/{stack.name}.yaml"
    for result in (stack.preview(), stack.up()):
        result.refused(
            f"{file}:3:5: workspaces.{stack.w}",
            "grants",
            f"{file}:5:29: workspaces.{stack.w}.grants[0].role: 'admni'",
            "view, edit, admin",
            f"{file}:7:16: workspaces.{stack.w}.grants[2]",
            f"{file}:9:22: workspaces.{stack.w}.keys.ci.lifetime",
            f"{file}:12:28: workspaces.{stack.w}.secrets.runner.ANTHROPIC_API_KEY",
            "pulumi config set --secret",
            f"{file}:13:3: workspaces.kube-system",
            f"{file}:14:3: workspaces.{stack.w}",
        )
        assert "sk-ant-in" not in result.text
    assert not exists(stack)


def test_a_secret_in_plain_text_in_the_config_is_refused(stack: Stack) -> None:
    # Not for the scan of what is left: whoever writes it in plain text has it in the engine's history.
    stack.config(f"{stack.w}/anthropic", "sk-ant-plain-config-987654")
    stack.write(ONE.replace("}]}", "}], secrets: {runner: {ANTHROPIC_API_KEY: {config: THIS/anthropic}}}}"))
    result = stack.up().refused("in plain text", f"pulumi config set --secret {stack.w}/anthropic")
    assert "sk-ant-plain" not in result.text
    assert not exists(stack)


def test_another_cluster_than_the_stacks_is_refused(stack: Stack) -> None:
    stack.write(ONE)
    stack.config("clusterUid", "11111111-2222-3333-4444-555555555555")
    for result in (stack.preview(), stack.up()):
        result.refused("another cluster", "11111111-2222-3333-4444-555555555555", stack.machine.cluster.uid)
    assert not exists(stack)


def test_a_key_is_not_destroyed_by_way_of_another_cluster(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {protect: false, keys: {ci: {}}}\n")
    stack.up().ok()
    token = stack.token("ci")
    stack.pretend_other_cluster()
    stack.destroy().refused("another cluster")
    assert exists(stack)
    assert stack.sessions(token) == 200


def test_an_unreachable_cluster_is_named(stack: Stack) -> None:
    stack.write(ONE)
    with open(stack.environment["KUBECONFIG"], encoding="utf-8") as source:  # noqa: PTH123
        text = source.read().replace(stack.machine.cluster.url, "https://127.0.0.1:1")
    dead = stack.folder / "dead.kubeconfig"
    dead.write_text(text)
    stack.environment |= {"KUBECONFIG": str(dead)}
    for result in (stack.preview(), stack.up()):
        result.refused("https://127.0.0.1:1", "does not answer", "KUBECONFIG")
    assert not exists(stack)


def test_a_context_that_does_not_exist_is_named(stack: Stack) -> None:
    stack.write(ONE)
    stack.config("context", "nowhere")
    stack.up().refused("nowhere", "KUBECONFIG")
    assert not exists(stack)


def test_a_namespace_that_is_not_ours_is_refused(stack: Stack) -> None:
    machine = stack.machine
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stack.w}}
    assert (
        machine.request("POST", "/api/v1/namespaces", token=machine.cluster.token_of("sandbox-admin"), body=body) == 200
    )
    stack.write(f"{ONE}  THIS-b: {{protect: false}}\n")
    for result in (stack.preview(), stack.up()):
        result.refused(f"namespace '{stack.w}' exists", "not made by this tool")
    assert not exists(stack, f"{stack.w}-b")
    assert machine.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings")["items"] == []


@pytest.mark.parametrize("flags", [(), ("--continue-on-error",), ("--refresh",)])
def test_a_vanished_workspace_is_refused(stack: Stack, flags: tuple[str, ...]) -> None:
    stack.write(f"{ONE}  THIS-b: {{protect: false, keys: {{ci: {{}}}}}}\n")
    stack.up().ok()
    token_secrets = stack.token_secrets(f"{stack.w}-b")
    stack.write(ONE)
    for result in (stack.preview(*(flag for flag in flags if flag == "--refresh")), stack.up(*flags)):
        result.refused(f"workspace '{stack.w}-b' is gone from the files", "state: closed")
    assert stack.token_secrets(f"{stack.w}-b") == token_secrets
    assert exists(stack, f"{stack.w}-b")


def without(rules: list[dict], right: Right) -> list[dict]:
    """The rules, each spelled out, less this one right."""
    kept = []
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or [""]:
                    verbs = [
                        verb
                        for verb in rule["verbs"]
                        if (group, resource, verb, name) != (right.group, right.resource, right.verb, right.name)
                    ]
                    if verbs:
                        named = {"resourceNames": [name]} if name else {}
                        kept.append({"apiGroups": [group], "resources": [resource], "verbs": verbs, **named})
    return kept


@pytest.fixture(scope="module")
def one_stack(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for all rights: none of the runs comes to change anything."""
    stack = Stack(machine, f"rights-{secrets.token_hex(2)}", tmp_path_factory.mktemp("rights"))
    stack.write(EVERYTHING)
    yield stack
    stack.remove()


_WIDE = {(right.group, right.resource, right.verb) for right in RIGHTS if not right.name}
OF_RUNS = [
    right
    for right in RIGHTS
    if (not right.features or right.features - BESIDE_RUNS)
    and not (right.name and (right.group, right.resource, right.verb) in _WIDE)
]
"""Without the rights of other commands (test_adopt_reading.py), and those that a wider one of this stack covers."""


@pytest.mark.parametrize("right", OF_RUNS, ids=str)
def test_a_missing_right_is_named_before_anything_is_created(one_stack: Stack, right: Right) -> None:
    stack, machine = one_stack, one_stack.machine
    rules = deployer_role(machine)["rules"]
    replace_rules(machine, without(rules, right))
    try:
        machine.until(lambda: not allowed(machine, right), "the right is gone")
        stack.up().refused(f"no right to {right}", "ambient rbac STACK")
        assert not exists(stack)
    finally:
        replace_rules(machine, rules)
        machine.until(lambda: allowed(machine, right), "the right is back")
