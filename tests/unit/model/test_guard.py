"""The guard of a workspace: what weakens it, and what its Namespace gets."""

import pytest

from ambient_components.model.guard import NO_GUARD, Guard
from ambient_components.model.keys import Key
from ambient_components.model.workspaces import SeparateWorkspace
from ambient_components.rules.guard import GuardMode
from ambient_components.rules.workspaces import WorkspaceState

DENY = Guard(mode="deny")


@pytest.mark.parametrize(
    ("before", "after", "weaker"),
    [
        (NO_GUARD, NO_GUARD, False),
        (NO_GUARD, Guard(mode="audit", sharing="own"), False),
        (DENY, NO_GUARD, True),
        (DENY, Guard(mode="warn"), True),
        (Guard(mode="audit"), DENY, False),
        (Guard(mode="deny", sharing="none"), Guard(mode="deny", sharing="view"), True),
        (DENY, Guard(mode="deny", sharing="view"), False),
        (DENY, Guard(mode="deny", off=["removesKeys", "ties"]), True),
        (DENY, Guard(mode="deny", off=[]), False),
        # What one field loses, another does not make good.
        (Guard(mode="warn"), Guard(mode="deny", off=["ties"]), True),
        # A word of a later version.
        (Guard.model_construct(mode="block"), DENY, False),
    ],
)
def test_a_guard_is_weakened_by_a_lower_mode_more_sharing_or_another_rule_off(before, after, weaker):
    assert after.weakens(before) is weaker


@pytest.mark.parametrize(
    ("guard", "floor", "held"),
    [
        (DENY, None, DENY),
        (DENY, "warn", DENY),
        (Guard(mode="audit", off=["ties"]), "deny", Guard(mode="deny", off=["ties"])),
        # A Namespace without annotations has all rules.
        (NO_GUARD, "audit", Guard(mode="audit", off=[])),
    ],
)
def test_a_floor_raises_the_mode(guard, floor, held):
    assert guard.above(floor and GuardMode(floor)) == held


def workspace(**fields):
    return SeparateWorkspace.model_construct(namespace="pay", owner="project/dev", **fields)


def test_a_namespace_names_keys_by_id_and_the_accounts_that_no_id_gives():
    keys = {"ci": Key(), "old": Key(serviceAccount="ambient-key-jenkins-0a1b2c3d")}
    assert workspace(guard=DENY, keys=keys, stack_file="stacks/dev.yaml").guard_annotations == {
        "ambient-components/guard-sharing": "own",
        "ambient-components/guard-off": "removesKeys",
        "ambient-components/guard-keys": "ci,old",
        "ambient-components/guard-accounts": "ambient-key-jenkins-0a1b2c3d",
        "ambient-components/guard-file": "stacks/dev.yaml",
    }


def test_a_closed_workspace_has_no_keys_and_people_may_give_no_access():
    closed = workspace(guard=Guard(mode="warn", off=[]), keys={"ci": Key()}, state=WorkspaceState.CLOSED)
    assert closed.guard_annotations == {"ambient-components/guard-sharing": "none"}
