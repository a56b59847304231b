"""Access follows the file: what is written works, what is removed is refused, and nothing is in between."""

from sandbox.credentials import ALICE, BOB
from tests.support.stacks import Stack

SESSIONS = "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/agenticsessions"


def file_of(*lines: str) -> str:
    return "workspaces:\n  THIS:\n    protect: false\n" + "".join(f"    {line}\n" for line in lines)


def status(stack: Stack, user: str, path: str = SESSIONS) -> int:
    return stack.machine.request("GET", path.format(stack.w), token=stack.machine.cluster.token_of(user))


def test_a_grant_works_and_ends_with_its_line(stack: Stack) -> None:
    stack.write(file_of("grants:", "  - {group: payments-devs, role: edit}", "  - {user: alice@example.com}"))
    stack.up().ok()
    assert (status(stack, ALICE.name), status(stack, BOB.name)) == (200, 200)
    stack.write(file_of("grants:", "  - {group: payments-devs, role: edit}"))
    plan = stack.preview().ok()
    assert "- user:alice@example.com" in plan.text
    assert status(stack, ALICE.name) == 200  # a preview takes nothing away
    stack.up().ok()
    assert (status(stack, ALICE.name), status(stack, BOB.name)) == (403, 200)


def test_a_closed_workspace_is_off_the_list_and_open_to_nobody_but_owners(stack: Stack) -> None:
    entry = ("owners: [user:alice@example.com]", "grants: [{group: payments-devs, role: edit}]", "keys: {ci: {}}")
    stack.write(file_of(*entry))
    stack.up().ok()
    token = stack.token("ci")
    stack.write(file_of(*entry, "state: closed"))
    stack.up().ok()
    stack.machine.until(lambda: stack.sessions(token) == 401, "a closed workspace's key is refused")
    assert (status(stack, ALICE.name), status(stack, BOB.name)) == (200, 403)
    labels = stack.machine.get(f"/api/v1/namespaces/{stack.w}")["metadata"]["labels"]
    assert labels["ambient-code.io/managed"] == "false"
    assert stack.preview("--expect-no-changes").unchanged
    stack.write("workspaces: {}\n")
    stack.up().ok()
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None
