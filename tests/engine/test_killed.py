"""After a run was killed: what the next command says, and that the documented way out is all there is to do.

docs/tasks/killed-run.md: `pulumi cancel`, and run again.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.life import RBAC
from tests.support.stacks import Stack

pytestmark = pytest.mark.slow

FILE = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants: [{user: bob@example.com}]
    keys: {ci: {}, two: {}, three: {}}
    secrets: {runner: {ANTHROPIC_API_KEY: {config: anthropic}}}
    settings: {idleTimeout: 12h, featureFlags: {jira-write: true}}
    limits: {containers: {max: {memory: 16Gi}}, quota: {pods: 50}}
"""
PENDING = "pending operations from previous deployment"


def there(stack: Stack, path: str) -> Callable[[], bool]:
    return lambda: stack.machine.get(path.replace("THIS", stack.w)) is not None


def complete(stack: Stack) -> None:
    """Everything is as declared, and the engine knows of all of it."""
    for key in ("ci", "two", "three"):
        assert stack.sessions(stack.token(key)) == 200
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().unchanged


def test_cancel_and_run_again_is_all_there_is_to_do(stack: Stack) -> None:
    """At every call: tests/evidence/test_crash_calls.py."""
    path = f"{RBAC}/THIS/rolebindings/ambient-permission-view-bob-example-com-user"
    stack.secret("anthropic")
    stack.write(FILE)
    stack.die_in_up(there(stack, path), path)
    stack.restore_state()
    stack.up().refused("the stack is currently locked", "`pulumi cancel`")
    stack.cancel()
    stack.up().ok()
    complete(stack)


def test_cancel_and_run_again_after_a_token_was_minted(stack: Stack) -> None:
    stack.secret("anthropic")
    stack.write(FILE)
    stack.die_in_up(
        lambda: there(stack, "/api/v1/namespaces/THIS")() and bool(stack.token_secrets()), "a token is minted"
    )
    stack.restore_state()
    stack.cancel()
    stack.up().ok()
    complete(stack)


def test_what_was_made_and_never_recorded_is_taken_over_but_for_identities(stack: Stack) -> None:
    """The worst moment, for every resource at once: it was created, and the engine died before it heard of it."""
    stack.secret("anthropic")
    stack.write(FILE)
    stack.up().ok()
    token = stack.token("ci")
    made = [item["urn"] for item in stack.export() if item["custom"] and stack.w in item["urn"]]
    assert len(made) > 15

    def forget(deployment: dict[str, Any]) -> None:
        lost = [item for item in deployment["resources"] if item["urn"] in made]
        deployment["resources"] = [item for item in deployment["resources"] if item["urn"] not in made]
        for item in lost:
            del item["id"]
        for item in deployment["resources"]:  # nothing that is left may depend on what is not on record
            item["dependencies"] = [urn for urn in item.get("dependencies", ()) if urn not in made]
            item["propertyDependencies"] = {}
        pending.extend({"resource": item, "type": "creating"} for item in lost)

    pending: list[dict[str, Any]] = []
    stack.edit_state(forget)
    # An import drops them: a person who edits the state is taken to know.
    (attributes,) = stack.attributes()
    file = attributes.with_suffix("")
    state = json.loads(file.read_text())
    state["checkpoint"]["latest"]["pending_operations"] = pending
    file.write_text(json.dumps(state))
    again = stack.up().ok()
    assert PENDING in again.text
    assert f"+ {len(made)} created" in again.text
    stack.ended(token, "the token of an account that no state knew")
    for key in ("ci", "two", "three"):
        assert stack.sessions(stack.token(key)) == 200
    assert stack.preview("--expect-no-changes").unchanged

    # Each run says so, until somebody clears it.
    assert PENDING in stack.up("--expect-no-changes").ok().text
    stack.clear_pending()
    assert PENDING not in stack.up("--expect-no-changes").ok().text
    complete(stack)


def test_attributes_that_a_kill_left_empty_are_deleted(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {protect: false, keys: {ci: {}}}\n")
    stack.up().ok()
    (attributes,) = stack.attributes()
    attributes.write_bytes(b"")
    stack.preview().refused("failed to load checkpoint", "EOF")
    attributes.unlink()
    stack.up("--expect-no-changes").ok()
    assert stack.sessions(stack.token("ci")) == 200
