"""The policy pack under the real engine: what it stops, what it advises, and that nothing is changed where it stops."""

import json
from pathlib import Path

import pytest

from tests.support.stacks import Stack

PACK = ("--policy-pack", "policy")
ONE = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: devs, role: edit}, {group: readers}]
    keys: {once: {role: view, lifetime: never}}
    exceptions: [{guardrail: nonExpiringKey, reason: a printer that nobody can update}]
"""


def without_exception(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if "exceptions:" not in line)


def grants(stack: Stack) -> list[str]:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings"
    listed = stack.machine.get(f"{path}?labelSelector=app=ambient-permission") or {"items": []}
    return sorted(subject["name"] for item in listed["items"] for subject in item["subjects"])


@pytest.fixture(autouse=True)
def _pack(stack: Stack) -> None:
    result = stack.ambient("policy", "init")
    assert (result.code, (stack.folder / "policy/PulumiPolicy.yaml").is_file()) == (0, True), result.text


@pytest.fixture
def strict(tmp_path: Path) -> tuple[str, ...]:
    """A configuration that no line of a stack file overrides."""
    path = tmp_path / "strict.json"
    path.write_text(json.dumps({"nonExpiringKey": {"honourExceptions": False}}))
    return (*PACK, "--policy-pack-config", str(path))


def test_a_central_pack_forbids_what_a_stack_allows_before_anything_is_made(
    stack: Stack, strict: tuple[str, ...]
) -> None:
    stack.write(ONE)
    what = "nonExpiringKey", f"workspace '{stack.w}': key 'once' never expires"
    for result in (stack.preview(*strict), stack.up(*strict), stack.up(*strict, "--continue-on-error")):
        text = result.refused("[mandatory]", *what).text
        assert "if that is meant" not in text
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None


def test_what_is_allowed_passes_with_advice(stack: Stack) -> None:
    stack.write(ONE)
    text = stack.up(*PACK, plain=True).ok().text
    assert "[mandatory]" not in text
    assert f"workspace '{stack.w}': key 'once': it never expires" in text
    assert f"workspace '{stack.w}': no idleTimeout" in text
    assert f"workspace '{stack.w}': key 'once': no description" in text
    assert "unusedKeys" not in text
    assert grants(stack) == ["devs", "readers"]
    # The pack's clock is the run's.
    later = stack.preview(*PACK, offset="100d").ok().text
    assert f"workspace '{stack.w}': key 'once': made 100 days ago, and no use of it was seen" in later


def test_it_judges_what_is_there_and_a_violation_stops_removals_too(stack: Stack) -> None:
    """The ledger lets be what is deployed; a pack sees no state before, and refuses it with all else of the run."""
    stack.write(ONE)
    stack.up(*PACK).ok()
    stack.write(without_exception(ONE).replace(", {group: readers}", ""))
    stack.preview().ok()
    stack.up(*PACK, "--continue-on-error").refused("[mandatory]", "nonExpiringKey")
    assert grants(stack) == ["devs", "readers"]
    stack.up().ok()
    assert grants(stack) == ["devs"]
