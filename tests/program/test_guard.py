"""The guard in a program: declared before access, kept in every state, and gone with its field."""

import pytest

from tests.program.test_workspace import FULL

GUARD = {"mode": "deny", "sharing": "view"}
ACCESS = (":RoleBinding", ":ServiceAccount", ":AccessToken", ":WorkspaceSecret", ":Closure")


def patch(recording):
    return recording.named("NamespacePatch", "payments/guard")


def order(recording):
    return [item.urn for item in recording]


@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_the_guard_is_declared_after_the_namespace_and_before_all_access(workspace, state):
    recording = workspace(**FULL, guard=GUARD, state=state)
    guard, registered = patch(recording), order(recording)
    assert guard.metadata["labels"] == {"ambient-components/guard": "deny"}
    assert recording.named("Namespace", "payments/namespace").urn in recording.reaches(guard)
    access = [item for item in recording if item.type.endswith(ACCESS)]
    assert access
    assert all(registered.index(guard.urn) < registered.index(item.urn) for item in access)
    # A dependency would be kept by a skipped resource, while the guard leaves the program: the engine panics.
    assert [item.name for item in recording if guard.urn in recording.reaches(item) and item is not guard] == []


def test_closing_ends_sharing_and_a_release_keeps_the_guard(workspace):
    sharing = {
        state: patch(workspace(guard=GUARD, state=state)).metadata["annotations"]["ambient-components/guard-sharing"]
        for state in ("active", "closed", "released")
    }
    assert sharing == {"active": "view", "closed": "none", "released": "view"}
    assert patch(workspace(guard=GUARD, state="released")).retain_on_delete
    assert not patch(workspace(guard=GUARD)).retain_on_delete


def test_without_the_field_nothing_is_declared(workspace):
    names = [item.name for item in workspace(**FULL)]
    assert "payments/guard" not in names
    assert sorted([*names, "payments/guard"]) == sorted(item.name for item in workspace(**FULL, guard=GUARD))


def test_refusals_name_the_stack_file(run_fleet):
    recording = run_fleet({"workspaces": {"payments": {"guard": {"mode": "audit"}, "keys": {"ci": {}}}}})
    assert patch(recording).metadata["annotations"] == {
        "pulumi.com/patchForce": "true",
        "pulumi.com/patchFieldManager": "ambient-components-guard",
        "ambient-components/guard-sharing": "own",
        "ambient-components/guard-off": "removesKeys",
        "ambient-components/guard-keys": "ci",
        "ambient-components/guard-file": "stacks/dev.yaml",
    }
