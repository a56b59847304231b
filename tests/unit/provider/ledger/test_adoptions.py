"""What the ledger's check notes of workspaces that it adopts."""

import pytest

from ambient_components.access.adoption import Adoption, read
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.problem_json import AS_JSON, VARIABLE, decode
from tests.support.access_objects import made
from tests.support.fake_plugin import LEDGER, running

OWNER = "app/dev"
ENTRY = {"state": "active", "adopt": True, "owners": ["user:alice"], "grants": {}, "keys": {}}
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setenv(VARIABLE, AS_JSON)
    with running(monkeypatch) as all_of_it:
        yield all_of_it


def exists(world, *workspaces):
    for workspace in workspaces:
        world.api.add("/api/v1/namespaces", workspace)
        for item in made({workspace: ENTRY})[0]:
            body = {field: value for field, value in item.items() if field != "metadata"}
            place = f"{RBAC}/{workspace}/rolebindings"
            world.api.add(place, item["metadata"]["name"], labels=item["metadata"]["labels"], **body)


def noted(world, after, olds=None):
    before = None if olds is None else {"owner": OWNER, "workspaces": olds}
    answer = world.plugin.check({"owner": OWNER, "workspaces": after}, before, urn=LEDGER)
    assert not answer.failures
    assert world.writes() == []
    return read(problem for text in world.engine.texts("info") for problem in decode(text))


@pytest.mark.parametrize("count", [2, 30], ids=["listed one by one", "listed at once"])
def test_who_has_access_is_noted_for_each(world, count):
    names = [f"w{number:02}" for number in range(count)]
    exists(world, *names, "other")
    notes = noted(world, dict.fromkeys(names, ENTRY))
    assert [one.workspace for one in notes] == names
    for one in notes:
        assert one.taken == (RoleAssignment(one.workspace, "user:alice", "admin", "owner"),)
        assert one.objects == (("RoleBinding", "ambient-admin-alice"),)


def test_a_missing_namespace_is_noted(world):
    assert noted(world, {"pay": ENTRY}) == (Adoption("pay", exists=False),)


def test_what_is_this_stacks_own_is_noted_after_a_lost_state(world):
    exists(world, "pay")
    world.api.objects["/api/v1/namespaces/pay"]["metadata"]["annotations"] = {"ambient-components/owner": OWNER}
    assert [one.workspace for one in noted(world, {"pay": {**ENTRY, "adopt": False}})] == ["pay"]


def test_nothing_is_noted_of_what_is_deployed_or_not_adopted(world):
    exists(world, "pay")
    world.api.objects["/api/v1/namespaces/pay"]["metadata"]["annotations"] = {"ambient-components/owner": OWNER}
    assert noted(world, {"pay": ENTRY}, {"pay": ENTRY}) == ()
    plain = {**ENTRY, "adopt": False}
    assert noted(world, {"pay": ENTRY, "new": plain}, {"pay": ENTRY}) == ()
