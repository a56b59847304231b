"""What a change of an entry ends, before anything new is made."""

import pytest

from ambient_components.platform.naming import key_account, key_role_binding
from tests.support.fake_plugin import LEDGER, running
from tests.support.ledgers import endings


def entry(grants=None, keys=None, owners=(), state="active"):
    found = {
        key_id: {"role": "edit", "generation": key} if isinstance(key, int) else key
        for key_id, key in (keys or {}).items()
    }
    return {"state": state, "owners": list(owners), "grants": grants or {}, "keys": found}


def account(generation, key_id="ci"):
    return key_account("pay", key_id, generation)


def key_binding(generation, role="edit", key_id="ci"):
    return key_role_binding(role, account(generation, key_id))


def ended(before, after):
    return {ending.name: [binding.name for binding in ending.after] for ending in endings("pay", before, after)}


BOB = "ambient-permission-{}-bob-user"
NIGHTLY = "ambient-key-nightly-build-3f2a91bc"
ADOPTED = entry(keys={"ci": {"role": "edit", "generation": 1, "serviceAccount": NIGHTLY}})
OF_PLATFORM = {"ambient-key-edit-nightly-build-3f2a91bc": [], NIGHTLY: []}
FIRST, OVERLAPPING = entry(keys={"ci": 1}), entry(keys={"ci": {"role": "edit", "generation": 2, "overlapping": 1}})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(entry({"user:bob": "edit"}), entry({"user:bob": "edit"}), {}, id="nothing"),
        pytest.param(entry({"user:bob": "edit"}), entry(), {BOB.format("edit"): []}, id="a grant"),
        pytest.param(entry(), entry({"user:bob": "edit"}), {}, id="a new grant"),
        pytest.param(
            entry({"user:bob": "edit"}),
            entry({"user:bob": "view"}),
            {BOB.format("edit"): [BOB.format("view")]},
            id="a lowered role waits for the lower one",
        ),
        pytest.param(entry({"user:bob": "view"}), entry({"user:bob": "edit"}), {}, id="a raised role is the engine's"),
        pytest.param(
            entry(owners=["user:bob"]),
            entry({"user:bob": "view"}),
            {"ambient-admin-bob": [BOB.format("view")]},
            id="an owner who keeps a grant",
        ),
        pytest.param(
            entry({"user:bob": "edit"}, owners=["user:bob"]),
            entry(owners=["user:bob"]),
            {},
            id="a grant beside ownership",
        ),
        pytest.param(FIRST, entry(), {key_binding(1): [], account(1): []}, id="a key"),
        pytest.param(FIRST, entry(keys={"ci": 2}), {key_binding(1): [], account(1): []}, id="a generation"),
        pytest.param(FIRST, OVERLAPPING, {}, id="a generation with an overlap"),
        pytest.param(ADOPTED, entry(keys={"ci": 2}), OF_PLATFORM, id="the first rotation of a key of the platform"),
        pytest.param(ADOPTED, entry(), OF_PLATFORM, id="a key of the platform"),
        pytest.param(
            ADOPTED,
            entry(keys={"ci": {"role": "edit", "generation": 2, "overlapping": 1, "serviceAccount": NIGHTLY}}),
            {},
            id="its first rotation with an overlap",
        ),
        pytest.param(
            OVERLAPPING, entry(keys={"ci": 2}), {key_binding(1): [], account(1): []}, id="the end of an overlap"
        ),
        pytest.param(
            FIRST,
            entry(keys={"ci": {"role": "view", "generation": 1}}),
            {key_binding(1): [key_binding(1, "view")]},
            id="a key's role that is lowered",
        ),
        pytest.param(FIRST, entry(keys={"ci": 1}, state="released"), {}, id="a release"),
        pytest.param(entry(keys={"ci": 1}, state="released"), entry(), {}, id="after a release"),
        pytest.param(
            entry({"user:bob": "edit"}, {"ci": 1}),
            entry(state="closed"),
            {BOB.format("edit"): [], key_binding(1): [], account(1): []},
            id="closing",
        ),
    ],
)
def test_what_ends(before, after, expected):
    assert ended(before, after) == expected


def test_accounts_come_after_what_they_may_do():
    assert [ending.kind for ending in endings("pay", FIRST, entry())] == ["RoleBinding", "ServiceAccount"]


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as world:
        world.api.add("/api/v1/namespaces", "pay", annotations={"ambient-components/owner": "app/dev"})
        yield world


def ledger(**changed):
    return {"owner": "app/dev", "workspaces": {"pay": entry(**changed)}}


BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"


def deployed(world):
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ambient-project-edit"}
    for name in (BOB.format("edit"), key_binding(1)):
        world.api.add(BINDINGS, name, roleRef=role, subjects=[])
    world.api.add("/api/v1/namespaces/pay/serviceaccounts", account(1))
    return ledger(grants={"user:bob": "edit"}, keys={"ci": 1})


def test_the_ledger_ends_it(world):
    before = deployed(world)
    world.plugin.update(before, ledger(), LEDGER)
    assert world.api.names(BINDINGS) == []
    assert world.api.names("/api/v1/namespaces/pay/serviceaccounts") == []
    assert "pay: ended edit of user:bob" in world.engine.texts("info")


def test_a_preview_ends_nothing(world):
    before = deployed(world)
    world.plugin.update(before, ledger(), LEDGER, preview=True)
    assert world.writes() == []


def test_the_lower_role_is_there_before_the_higher_one_goes(world):
    before = deployed(world)
    world.plugin.update(before, ledger(grants={"user:bob": "view"}, keys={"ci": 1}), LEDGER)
    assert world.api.names(BINDINGS) == sorted([BOB.format("view"), key_binding(1)])
    made, ended_ = (
        next(place for place, one in enumerate(world.api.log) if one.method == method and BINDINGS in one.path)
        for method in ("POST", "DELETE")
    )
    assert made < ended_


def test_what_cannot_be_ended_holds_back_nothing_else(world):
    before = deployed(world)
    world.api.fail("DELETE", "ambient-permission", 500)
    world.plugin.update(before, ledger(), LEDGER)
    assert world.api.names("/api/v1/namespaces/pay/serviceaccounts") == []
    assert "could not end edit of user:bob at the start of this run" in " ".join(world.engine.texts("warning"))
