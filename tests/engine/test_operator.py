"""Beside the platform's operator: what it makes in a workspace is its own, and nothing of ours meets it."""

from collections.abc import Iterator

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.machine import Machine
from tests.support.stacks import Stack

MANY = 50

ENTRY = "protect: false, owners: [user:alice@example.com], keys: {ci: {role: view}}"
SECRET = "secrets: {runner: {ANTHROPIC_API_KEY: {config: anthropic}}}"
DECLARED = (
    "settings: {idleTimeout: 12h, featureFlags: {jira-write: true}, mcpServers: {disabled: [webfetch]}}, "
    "limits: {containers: {max: {memory: 16Gi}}}"
)
ONE = f"workspaces:\n  THIS: {{{ENTRY}, grants: [{{group: payments-devs, role: edit}}]}}\n"
SETTINGS = "/" + ui.OPERATOR_MADE[0]


def names(stack: Stack) -> list[str]:
    return [f"{stack.w}-{number:02}" for number in range(MANY)]


def missing(machine: Machine, workspaces: list[str]) -> Iterator[str]:
    """What the operator has not made yet."""
    for workspace in workspaces:
        for path in ui.OPERATOR_MADE:
            if machine.get("/" + path.format(workspace)) is None:
                yield path.format(workspace)


def settled(machine: Machine, *workspaces: str) -> None:
    """Waits for the operator: it takes one ProjectSettings after the other, a tenth of a second each, twice."""
    for workspace in workspaces:
        machine.until(lambda name=workspace: not list(missing(machine, [name])), f"the operator's objects: {workspace}")
        settings = SETTINGS.format(workspace)
        machine.until(lambda path=settings: "status" in (machine.get(path) or {}), f"the operator is done: {workspace}")


def complaints(platform: Backend, stack: Stack) -> list[str]:
    """What the operator could not do in the test's workspaces."""
    return [line for line in platform.operator_log() if stack.w in line and ("Error" in line or "Failed" in line)]


def test_fifty_workspaces(stack: Stack, platform: Backend) -> None:
    """Each with an owner, a grant, a key, a runner secret and settings: among them what the operator makes itself."""
    machine, workspaces = stack.machine, names(stack)
    value = stack.secret("anthropic")

    def file(role: str, *, closed: str = "", without: str = "") -> str:
        lines = [
            f"  {name}: {{{ENTRY}, {SECRET}, {DECLARED}"
            + (f", grants: [{{group: payments-devs, role: {role}}}]" if name != without else "")
            + (", state: closed" if name == closed else "")
            + "}\n"
            for name in workspaces
        ]
        return "workspaces:\n" + "".join(lines)

    stack.write(file("view"))
    stack.up().ok()
    # While the operator still works through them.
    assert stack.up("--expect-no-changes").unchanged
    settled(machine, *workspaces)
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().unchanged
    assert stack.preview("--expect-no-changes").unchanged
    listed = {project.name for project in ui.projects(platform, search=stack.w)}
    assert listed == set(workspaces)
    for name in workspaces:
        assert ui.runner_secrets(platform, name) == {"ANTHROPIC_API_KEY": value}
        assert ui.feature_flags(platform, name) == {"jira-write": True}
        assert ui.mcp_servers(platform, name).disabled == ["webfetch"]
        assert machine.get(SETTINGS.format(name))["spec"]["inactivityTimeoutSeconds"] == 43200
        (limits,) = machine.get("/" + ui.OPERATOR_MADE[1].format(name))["spec"]["limits"]
        assert limits["max"] == {"memory": "16Gi"}
        assert [(key.name, key.role) for key in ui.keys(platform, name)] == [("ci", "view")]

    closed, without = workspaces[0], workspaces[1]
    stack.write(file("edit", closed=closed, without=without))
    stack.up().ok()
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().unchanged
    assert {project.name for project in ui.projects(platform, search=stack.w)} == set(workspaces) - {closed}
    assert ui.permissions(platform, without) == []
    assert ui.permissions(platform, workspaces[2]) == [ui.Permission("group", "payments-devs", "edit")]
    assert list(missing(machine, workspaces)) == []  # neither did we take anything of the operator's away
    assert complaints(platform, stack) == []
    assert ui.runner_secrets(platform, without) == {"ANTHROPIC_API_KEY": value}

    stack.destroy().ok()
    assert stack.export() == []
    assert [name for name in workspaces if machine.get(f"/api/v1/namespaces/{name}") is not None] == []


def test_project_settings_deleted_by_hand(stack: Stack, platform: Backend) -> None:
    """The operator makes them for a workspace that comes on the list, and never again (contract 10.2)."""
    stack.write(ONE)
    stack.up().ok()
    machine = stack.machine
    settled(machine, stack.w)
    machine.delete(SETTINGS.format(stack.w))
    # All that the operator made hangs on them, and goes with them.
    everything = [path.format(stack.w) for path in ui.OPERATOR_MADE]
    # The garbage collector learns of a new CRD within half a minute only, and then tries again in its own time.
    machine.until(lambda: list(missing(machine, [stack.w])) == everything, "they are collected", seconds=150)
    assert stack.refresh().unchanged
    assert stack.up("--expect-no-changes").unchanged
    assert list(missing(machine, [stack.w])) == everything
    assert stack.sessions(stack.token("ci")) == 200  # nothing of ours hangs on them

    # Off the list and on it again is what brings them back.
    stack.write(ONE.replace("protect: false", "protect: false, state: closed"))
    stack.up().ok()
    stack.write(ONE)
    stack.up().ok()
    settled(machine, stack.w)
    assert stack.preview("--expect-no-changes").unchanged
