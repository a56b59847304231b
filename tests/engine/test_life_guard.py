"""The guard of a workspace through its life: its label and annotations on the Namespace, as its policies read them."""

import json

import pytest
import yaml

from ambient_components.access.deployer import RIGHTS, rights_for
from ambient_components.guard.manifest import objects
from ambient_components.platform.contract import ADMISSION_API_GROUP
from ambient_components.rules.guard import GuardMode
from tests.support import gate
from tests.support.deployer import rules_of
from tests.support.gate import Moment, dies
from tests.support.guarded import installed
from tests.support.life import (
    EMPTY,
    ENTRY,
    Workspace,
    forgotten,
    is_closed,
    is_open,
    quiet,
    side_by_side,
    worked_in,
    write,
)
from tests.support.machine import Machine
from tests.support.stacks import Stack

pytestmark = pytest.mark.slow

RBAC_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
END_OF_SHARING = Moment(
    "before sharing ends",
    "UPDATE",
    "namespaces",
    'object.metadata.?annotations[?"ambient-components/guard-sharing"].orValue("") == "none"',
)
GUARD = "    guard: {mode: deny, sharing: view}\n"


def guard(workspace: Workspace) -> dict[str, str]:
    found = workspace.namespace()
    assert found is not None
    metadata = found["metadata"]
    notes = {**metadata["labels"], **metadata.get("annotations", {})}
    prefix = "ambient-components/guard"
    return {name.removeprefix(prefix).lstrip("-") or "mode": notes[name] for name in notes if name.startswith(prefix)}


def expected(stack: Stack, sharing: str = "view", **more: str) -> dict[str, str]:
    keys = {} if sharing == "none" else {"keys": "ci"}
    file = f"stacks/{stack.name}.yaml"
    return {"mode": "deny", "sharing": sharing, "off": "removesKeys", "file": file, **keys, **more}


def test_label_and_annotations_from_the_first_run_to_an_adoption_by_another_stack(stack: Stack) -> None:
    pair = side_by_side(stack)
    write(stack, pair, text=ENTRY + GUARD)
    stack.up(plain=True).ok()
    assert [guard(one) for one in pair] == [expected(stack)] * 2
    for one in pair:
        is_open(one)
        worked_in(one)
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().unchanged
    assert [guard(one) for one in pair] == [expected(stack)] * 2

    # Closing ends sharing, and opening allows it again.
    tokens = [one.token() for one in pair]
    write(stack, pair, "closed", ENTRY + GUARD)
    stack.up(plain=True).ok()
    for one, token in zip(pair, tokens, strict=True):
        assert guard(one) == expected(stack, "none")
        is_closed(one, token)
    quiet(stack.preview("--expect-no-changes"))
    write(stack, pair, text=ENTRY + GUARD)
    stack.up().ok()
    assert [guard(one) for one in pair] == [expected(stack)] * 2

    # Another mode is the only change.
    write(stack, pair, text=ENTRY + GUARD.replace("deny", "warn"))
    stack.up().ok()
    assert [guard(one) for one in pair] == [expected(stack, mode="warn")] * 2

    # A release keeps it, and who adopts the workspace has it.
    write(stack, pair, "released", ENTRY + GUARD.replace("deny", "warn"))
    stack.up(plain=True).ok()
    stack.write(EMPTY)
    stack.up(plain=True).ok()
    assert forgotten(stack)
    assert [guard(one) for one in pair] == [expected(stack, mode="warn")] * 2
    taken = [Workspace(stack, one.name, adopted=True) for one in pair]
    write(stack, taken, text=ENTRY + GUARD)
    stack.up(plain=True).ok()
    assert [guard(one) for one in pair] == [expected(stack)] * 2

    # Without the field nothing of it is left, also of what another stack wrote.
    write(stack, taken)
    stack.up(plain=True).ok()
    assert [guard(one) for one in pair] == [{}, {}]
    for one in taken:
        is_open(one)
    quiet(stack.preview("--expect-no-changes"))


def test_a_closing_that_dies_has_ended_sharing_before_it_sweeps(stack: Stack) -> None:
    pair = side_by_side(stack)
    write(stack, pair, text=ENTRY + GUARD)
    stack.up().ok()
    tokens = [one.token() for one in pair]
    write(stack, pair, "closed", ENTRY + GUARD)
    dies(stack, END_OF_SHARING, *pair)
    assert [guard(one) for one in pair] == [expected(stack)] * 2
    # Nothing has ended before.
    for one, token in zip(pair, tokens, strict=True):
        is_open(one)
        assert one.token() == token
    dies(stack, gate.THAW, *pair)
    assert [guard(one) for one in pair] == [expected(stack, "none")] * 2
    stack.up().ok()
    for one, token in zip(pair, tokens, strict=True):
        assert guard(one) == expected(stack, "none")
        is_closed(one, token)
    quiet(stack.preview("--expect-no-changes"))


def test_a_run_says_what_the_cluster_has_of_the_guard(stack: Stack, machine: Machine) -> None:
    stack.write(f"workspaces:\n  {stack.w}:\n    guard: {{mode: deny, sharing: view}}\n    keys: {{ci: {{}}}}\n")
    missing = "the cluster has no guard: none of the rules that the file names applies in"
    assert missing in stack.up(plain=True).ok().flat
    with installed(machine):
        assert "the cluster's guard" not in stack.up("--refresh", plain=True).ok().flat
        assert "the guard of version" in stack.ambient("access", stack.name, "--live").flat
        report = stack.ambient("report", stack.name, "--live", "--format", "json").ok().text
        findings = json.loads(report)["findings"]
        assert "tokens" in {each["closedBy"] for each in findings}
        assert "sessionUser" in {each["weakenedBy"] for each in findings}

        printed = {item["metadata"]["name"]: item for item in objects() if item["kind"].endswith("Binding")}
        machine.delete(f"{RBAC_BINDINGS}/ambient-guard-bypass")
        stack.preview().refused("the cluster's guard does not exempt the deployer", "ambient guard --deployer")
        machine.admin().apply(printed["ambient-guard-bypass"])
        machine.delete(f"{BINDINGS}/ambient-guard-roles-deny")
        assert "(gone: ambient-guard-roles-deny)" in stack.preview().ok().flat
        machine.admin().apply(printed["ambient-guard-roles-deny"])
    assert missing in stack.preview().ok().flat


def test_a_floor_is_no_change_of_the_guard(stack: Stack, machine: Machine) -> None:
    stack.write(f"workspaces:\n  {stack.w}:\n    guard: {{mode: audit}}\n    keys: {{ci: {{}}}}\n")
    with installed(machine, GuardMode.DENY):
        assert "guardChanged" not in stack.up(plain=True).ok().flat
        plan = stack.preview("--expect-no-changes").ok().flat
        assert "the cluster's guard" not in plan
        assert "the cluster has no guard" not in plan
        assert "floor deny, as installed" in stack.ambient("access", stack.name, "--live").flat


def test_a_run_without_the_field_is_refused_before_the_guard_stops_it_half_way(stack: Stack, machine: Machine) -> None:
    stack.write(f"workspaces:\n  {stack.w}: {{}}\n")
    bypass = next(item for item in objects() if item["kind"] == "ClusterRoleBinding")
    rules = next(yaml.safe_load_all(stack.ambient("rbac", stack.name).text))["rules"]
    needed = rights_for(())
    unseen = next(right for right in RIGHTS if right.group == ADMISSION_API_GROUP)
    with installed(machine):
        stack.preview().ok()
        machine.delete(f"{RBAC_BINDINGS}/{bypass['metadata']['name']}")
        stack.preview().refused("the cluster's guard does not exempt the deployer")
        with rules_of(machine, rules, needed[-1], unseen):
            stack.preview().refused("the cluster's guard does not exempt the deployer")
            machine.admin().apply(bypass)
            stack.preview().ok()
