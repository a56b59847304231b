"""Closing ends what people may share before it ends anything else, and opening allows it again."""

import pytest

from tests.support.access_ledger import MINE, entry, ledger
from tests.support.fake_plugin import LEDGER

NAMESPACE = "/api/v1/namespaces/pay"
BINDING = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"
SHARING = "ambient-components/guard-sharing"
OPEN = entry(grants={"user:bob": "edit"}) | {"guard": {"mode": "deny", "sharing": "view"}}
CLOSED = entry("closed") | {"guard": {"mode": "deny", "sharing": "view"}}


def guarded(world, sharing="view", manager="ambient-components-guard"):
    metadata = world.api.add(
        "/api/v1/namespaces",
        "pay",
        labels={"ambient-components/guard": "deny", "team": "pay"},
        annotations={**MINE, SHARING: sharing, "ambient-components/guard-off": "removesKeys"},
    )
    owned = {
        "f:labels": {"f:ambient-components/guard": {}},
        "f:annotations": {".": {}, f"f:{SHARING}": {}, "f:ambient-components/guard-off": {}},
    }
    metadata["managedFields"] = [
        {"manager": manager, "operation": "Apply", "fieldsV1": {"f:metadata": owned}},
        {"manager": "other", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}}},
    ]
    world.api.add(BINDING, "ambient-permission-edit-bob-user")


def run(world, before, after):
    world.plugin.update(ledger(pay=before), ledger(pay=after), urn=LEDGER)
    return world.api.objects[NAMESPACE]["metadata"]["annotations"][SHARING]


def test_sharing_ends_before_access_does(world):
    guarded(world)
    assert run(world, OPEN, CLOSED) == "none"
    writes = world.writes()
    assert writes[0] == f"PATCH {NAMESPACE}"
    assert f"DELETE {BINDING}/ambient-permission-edit-bob-user" in writes[1:]
    (first,) = world.api.seen("PATCH", "/namespaces/pay$")
    assert first.query == {"fieldManager": "ambient-components-guard", "force": "true"}
    # Exactly the fields of the guard's patch: what an apply leaves out is removed.
    assert first.body["metadata"] == {
        "name": "pay",
        "labels": {"ambient-components/guard": "deny"},
        "annotations": {SHARING: "none", "ambient-components/guard-off": "removesKeys"},
    }


def test_opening_allows_it_again_also_after_a_closing_that_died(world):
    guarded(world, "none")
    assert run(world, CLOSED, OPEN) == "view"


@pytest.mark.parametrize(
    ("before", "after"),
    [(OPEN, OPEN), (CLOSED, CLOSED), (entry(), entry("closed"))],
    ids=["open", "closed", "not guarded"],
)
def test_nothing_is_written_otherwise(world, before, after):
    guarded(world)
    assert run(world, before, after) == "view"


def test_a_patch_that_never_was_is_not_begun_here(world):
    guarded(world, manager="somebody-else")
    assert run(world, OPEN, CLOSED) == "view"


def test_a_failure_stops_nothing(world):
    guarded(world)
    world.api.fail("PATCH", "/namespaces/pay$", 500)
    assert run(world, OPEN, CLOSED) == "view"
    assert "workspace 'pay': could not write its sharing" in world.engine.texts("warning")[-1]
    assert world.api.names(BINDING) == []
