"""Whose a namespace is, and one that goes, is gone or was released, as the ledger's check finds it."""

import pytest

from tests.support.access_ledger import MINE, OWNER, entry, ledger, reasons

OTHERS = {"ambient-components/owner": "other/one"}
ADOPT = {"adopt": True}
TAKEN = None


@pytest.mark.parametrize(
    ("name", "annotations", "before", "after", "received"),
    [
        pytest.param("pay", {}, None, ADOPT, TAKEN, id="adopt: what nobody owns"),
        pytest.param("pay", MINE, None, {}, TAKEN, id="ours without a record: a lost state"),
        pytest.param("pay", MINE, {}, ADOPT, TAKEN, id="adopt stays in the file"),
        pytest.param("pay", {}, {}, {}, "it was not made by this tool", id="ours, and somebody took the mark off"),
        pytest.param("pay", OTHERS, None, ADOPT, "it belongs to the stack other/one", id="adopt: another's"),
        pytest.param("pay", {"ambient-components/owner": ""}, None, ADOPT, "it belongs to the stack", id="empty mark"),
        pytest.param("pay", {}, {"state": "released"}, {"state": "released"}, TAKEN, id="released, and still so"),
        pytest.param("pay", {}, {"state": "released"}, {}, TAKEN, id="released, and taken back"),
        pytest.param("pay", MINE, {}, {"state": "released"}, TAKEN, id="being released"),
        pytest.param("pay", {}, {"state": "closed"}, {}, "it was not made by this tool", id="closed is no release"),
        pytest.param(
            *("pay", OTHERS, {"state": "released"}, {"state": "released"}),
            "workspace 'pay' was released, and the stack other/one has adopted it; remove its entry",
            id="released, and adopted by another",
        ),
        pytest.param(
            *("pay", OTHERS, {"state": "released"}, {}),
            "workspace 'pay' was released, and the stack other/one has adopted it; remove its entry",
            id="taken back from another",
        ),
        pytest.param("kube-flannel", {}, None, ADOPT, "is a part of Kubernetes or OpenShift", id="adopt: kube-"),
        pytest.param("openshift-dns", {}, None, ADOPT, "is a part of Kubernetes or OpenShift", id="adopt: openshift-"),
        pytest.param("kube-flannel", {}, {"state": "released"}, {}, "is a part of Kubernetes", id="taken back: kube-"),
        pytest.param("openshifters", {}, None, ADOPT, TAKEN, id="adopt: a name that only begins alike"),
    ],
)
def test_whose_a_namespace_is_decides(world, name, annotations, before, after, received):
    world.api.add("/api/v1/namespaces", name, annotations=annotations)
    olds = None if before is None else {"owner": OWNER, "workspaces": {name: {**entry(owners=()), **before}}}
    refusals = reasons(world, {"owner": OWNER, "workspaces": {name: {**entry(owners=()), **after}}}, olds)
    if received is None:
        assert refusals == []
    else:
        (reason,) = refusals
        assert received in reason
    assert world.writes() == []


@pytest.mark.parametrize("mark", [MINE, {}, OTHERS])
def test_a_namespace_that_goes_is_told_as_that_whosever_it_is(world, mark):
    metadata = world.api.add("/api/v1/namespaces", "pay", annotations=mark)
    metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    (reason,) = reasons(world, ledger(pay={**entry(), **ADOPT}))
    assert "namespace 'pay' is still being deleted: nothing can be made in it" in reason


def test_a_deployed_namespace_that_is_being_deleted_stops_no_other_workspace(world):
    """Its users keep it so for as long as they like, by a finalizer of anything in it."""
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert reasons(world, ledger(pay=entry()), ledger(pay=entry())) == []
    (warning,) = [text for text in world.engine.texts("warning") if "being deleted" in text]
    assert warning.startswith("workspace 'pay': its namespace is being deleted: steps that make something in it fail")


RELEASED_BY = "ambient-components/released-by"


@pytest.mark.parametrize(
    ("notes", "leaves"),
    [
        pytest.param({RELEASED_BY: OWNER}, True, id="released whole"),
        pytest.param({}, False, id="the last step did not come"),
        pytest.param({**MINE, RELEASED_BY: OWNER}, False, id="the mark is still on"),
        pytest.param(MINE, False, id="not begun"),
        pytest.param({RELEASED_BY: ""}, False, id="adopted once"),
        pytest.param({RELEASED_BY: "other/one"}, False, id="released by another"),
        pytest.param({"ambient-components/owner": "other/one"}, True, id="adopted by another since"),
    ],
)
def test_a_released_entry_leaves_only_after_the_last_step_of_its_release(world, notes, leaves):
    world.api.add("/api/v1/namespaces", "pay", annotations=notes)
    received = reasons(world, ledger(), ledger(pay=entry("released")))
    if leaves:
        assert received == []
    else:
        (reason,) = received
        assert "workspace 'pay' was not released whole" in reason
        assert "put the entry back with 'state: released'" in reason


def test_what_others_ended_in_a_released_workspace_stops_no_run(world):
    released = entry("released", owners=[], grants={"user:bob": "view"})
    world.api.add("/api/v1/namespaces", "pay", annotations={RELEASED_BY: OWNER})
    assert reasons(world, ledger(pay=released), ledger(pay=released)) == []
    (warning,) = world.engine.texts("warning")
    assert "was changed since (RoleBinding ambient-permission-view-bob-user is gone)" in warning
    assert "remove its entry" in warning
