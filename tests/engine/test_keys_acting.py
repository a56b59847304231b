"""A key that acts for a user: refused without a reason, and no change of others to that user stays."""

import json

import pytest

from tests.support.attacks import MERGE
from tests.support.stacks import Stack

ACTS_FOR = "ambient-code.io/created-by-user-id"


def file_of(key: str, exceptions: str = "") -> str:
    return f"workspaces:\n  THIS:\n    protect: false\n{exceptions}    keys:\n      ci: {{role: view{key}}}\n"


ALLOWED = "    exceptions: [{guardrail: actingKey, reason: its sessions clone as ci-robot}]\n"


def acts_for(stack: Stack) -> str | None:
    (account,) = stack.accounts()
    found = stack.machine.get(f"/api/v1/namespaces/{stack.w}/serviceaccounts/{account}")
    return found["metadata"]["annotations"].get(ACTS_FOR)


def others_write(stack: Stack, path: str) -> None:
    body = json.dumps({"metadata": {"annotations": {ACTS_FOR: "mallory"}}}).encode()
    stack.machine.admin().request("PATCH", path, body, MERGE)


@pytest.mark.slow
def test_a_key_acts_for_the_declared_user_alone(stack: Stack) -> None:
    stack.write(file_of(", actsAs: ci-robot"))
    stack.up().refused("key 'ci' acts for the user 'ci-robot'", "actingKey")
    stack.write(file_of(", actsAs: ci-robot", ALLOWED))
    stack.up().ok()
    assert acts_for(stack) == "ci-robot"
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.up("--expect-no-changes").unchanged

    (account,) = stack.accounts()
    path = f"/api/v1/namespaces/{stack.w}/serviceaccounts/{account}"
    others_write(stack, path)
    stack.up("--refresh").ok()
    assert acts_for(stack) == "ci-robot"

    stack.write(file_of(""))
    stack.up().ok()
    assert acts_for(stack) is None
    others_write(stack, path)
    assert not stack.preview("--refresh").ok().unchanged
    stack.up("--refresh").ok()
    assert acts_for(stack) is None
    assert stack.accounts() == [account]
