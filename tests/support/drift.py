"""One workspace with a bit of everything, what others do to it, and what is said of that: docs/tasks/drift.md."""

from collections.abc import Callable
from typing import Any

from tests.support.stacks import Result, Stack

FILE = """
workspaces:
  THIS:
    owners: [user:alice@example.com]
    grants: [{group: payments-devs, role: edit}, {user: bob@example.com}]
    keys: {ci: {name: CI}}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}}
    settings: {idleTimeout: 12h, featureFlags: {jira-write: true}, mcpServers: {disabled: [webfetch]}}
"""


def deployed(stack: Stack, text: str = FILE) -> Stack:
    """The stack, with this file deployed."""
    stack.secret("anthropic")
    stack.write(text)
    stack.up().ok()
    return stack


def edit(stack: Stack, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Somebody changes an object with kubectl."""
    served = stack.machine.get(path)
    assert served is not None, path
    change(served)
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("PUT", path, token=token, body=served) == 200


def quiet(result: Result) -> None:
    """Nothing would change, and nobody is warned."""
    assert result.unchanged, result.text
    assert "not in the cluster" not in result.text
    assert "in no file" not in result.text


def says(result: Result, *texts: str) -> None:
    """It went well, and says all of this."""
    assert result.code == 0, result.text
    for text in texts:
        assert text in result.flat, f"missing: {text}\n{result.text}"


def nobodys_business(stack: Stack) -> None:
    """Neither a preview nor a refresh sees anything, and a run does nothing."""
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().unchanged
    quiet(stack.up("--expect-no-changes"))


def mended(stack: Stack) -> None:
    """One run brings everything back, and the next has nothing to do."""
    stack.up().ok()
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().unchanged
