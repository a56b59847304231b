"""Steps of a preview: what changes something."""

from typing import Any

import pytest

from ambient_components.engine.steps import CHANGES_NOTHING, CREATES, DELETES, REPLACE, UPDATE, Preview, Step

URN = "urn:pulumi:prod::ambient::kubernetes:core/v1:Namespace::pay/namespace"
# OpType in Pulumi's sdk/go/common/apitype/history.go.
OPERATIONS = {
    "same", "create", "update", "delete", "replace", "create-replacement", "delete-replaced", "read",
    "read-replacement", "refresh", "discard", "discard-replaced", "remove-pending-replace", "import",
    "import-replacement",
}  # fmt: skip


def step(op: str, **more: Any) -> Step:
    return Step.of_preview({"op": op, "urn": URN, **more})


def test_every_operation_is_of_one_kind() -> None:
    kinds = (CHANGES_NOTHING, CREATES, DELETES, {UPDATE, REPLACE, "remove-pending-replace"})
    assert set().union(*kinds) == OPERATIONS
    assert sum(map(len, kinds)) == len(OPERATIONS)


@pytest.mark.parametrize("op", sorted(OPERATIONS))
def test_only_what_changes_something_is_a_change(op: str) -> None:
    assert step(op, oldState={"protect": True}, newState={"protect": True}).changes == (op not in CHANGES_NOTHING)


def test_a_change_of_the_protection_is_called_the_same() -> None:
    protection = step("same", oldState={"protect": True}, newState={})
    assert (protection.protects, protection.changes) == (True, True)
    assert not step("discard", oldState={"protect": True}).changes


def test_what_the_engine_forgets_it_retains() -> None:
    assert step("delete", oldState={"retainOnDelete": True}).retains
    assert not step("delete", oldState={}).retains


def test_states_without_a_urn_have_that_of_the_step() -> None:
    forgotten = step("update", newState={"inputs": {"a": 1}}, diffReasons=["a"])
    assert forgotten.new is not None
    assert (forgotten.new.name, forgotten.kind, forgotten.paths) == ("pay/namespace", "Namespace", ("a",))


def test_a_preview_counts_what_changes() -> None:
    assert Preview.of({"changeSummary": {"same": 4, "create": 2, "discard": 1}}).changes == {"create": 2}
    assert Preview.of({}) == Preview()
