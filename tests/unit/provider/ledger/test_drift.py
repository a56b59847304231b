"""What a plain preview says of declared access that others changed, compared whole. It only warns."""

import pytest

from ambient_components.platform import naming
from ambient_components.shards import CHECK_VARIABLE
from tests.support.access_objects import made
from tests.support.fake_plugin import LEDGER, RefusedError, plain, running

OWNER = "app/dev"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
CI = {"ci": {"role": "edit", "lifetimeSeconds": 86_400, "generation": 1}}
ENTRY = {"state": "active", "owners": ["user:alice"], "grants": {"group:devs": "edit"}, "keys": CI}
DEVS = f"{RBAC}/pay/rolebindings/ambient-permission-edit-devs-group"
ALICE = f"{RBAC}/pay/rolebindings/ambient-admin-alice"
ACCOUNT = naming.key_account("pay", "ci", 1)
ACCOUNT_PATH = f"/api/v1/namespaces/pay/serviceaccounts/{ACCOUNT}"
MALLORY = {"kind": "User", "name": "mallory"}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        deploy(all_of_it, "pay")
        yield all_of_it


def deploy(world, workspace):
    world.api.add("/api/v1/namespaces", workspace, annotations={"ambient-components/owner": OWNER})
    bindings, accounts = made({workspace: ENTRY})
    for collection, items in ((f"{RBAC}/{workspace}/rolebindings", bindings), (accounts_of(workspace), accounts)):
        for item in items:
            body = {field: value for field, value in item.items() if field != "metadata"}
            world.api.add(collection, item["metadata"]["name"], labels=item["metadata"]["labels"], **body)


def accounts_of(workspace):
    return f"/api/v1/namespaces/{workspace}/serviceaccounts"


def warnings(world, after=None, before=None):
    after = {"pay": ENTRY} if after is None else after
    olds = {"owner": OWNER, "workspaces": after if before is None else before}
    answer = world.plugin.check({"owner": OWNER, "workspaces": after}, olds, urn=LEDGER)
    assert not answer.failures
    assert world.writes() == []
    return world.engine.texts("warning")


def test_a_stranger_beside_the_declared_subject(world):
    world.api.objects[DEVS]["subjects"].append(MALLORY)
    (warning,) = warnings(world)
    assert warning == (
        "workspace 'pay': RoleBinding ambient-permission-edit-devs-group also names user:mallory: not as it was "
        "deployed; ambient up --refresh sets it right"
    )


@pytest.mark.parametrize(("path", "kind"), [(DEVS, "RoleBinding"), (ACCOUNT_PATH, "ServiceAccount")])
def test_an_object_without_its_label_is_there_and_compared(world, path, kind):
    world.api.objects[path]["metadata"]["labels"] = {"mine": "x"}
    if kind == "RoleBinding":
        world.api.objects[path]["subjects"].append(MALLORY)
    (warning,) = warnings(world)
    assert f"{kind} {path.rsplit('/', 1)[1]} lacks the label app=" in warning
    assert "not in the cluster" not in warning
    assert ("also names user:mallory" in warning) == (kind == "RoleBinding")


def test_what_is_being_deleted_is_told(world):
    world.api.objects[DEVS]["metadata"] |= {"finalizers": ["a/b"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert any("ambient-permission-edit-devs-group is being deleted" in text for text in warnings(world))


def test_what_this_run_ends_or_makes_is_not_compared(world):
    world.api.objects[DEVS]["subjects"].append(MALLORY)
    without = {**ENTRY, "grants": {}}
    for after, before in ((without, ENTRY), (ENTRY, without)):
        assert [text for text in warnings(world, {"pay": after}, {"pay": before}) if "also names" in text] == []


@pytest.mark.parametrize("code", [403, 410, 500])
def test_where_the_access_can_not_be_listed_the_run_goes_on(world, code):
    world.api.fail("GET", "/v1/rolebindings", code, "no such luck")
    (warning,) = warnings(world)
    assert warning.startswith("the access in the cluster can't be compared with what is declared: ")
    assert "no such luck" in warning


def test_where_one_workspaces_accounts_can_not_be_listed_the_others_are_looked_at(world):
    deploy(world, "zoo")
    for workspace in ("pay", "zoo"):
        world.api.add(accounts_of(workspace), "builder")
    world.api.fail("GET", "/namespaces/pay/serviceaccounts$", 500, "no such luck")
    without = {**ENTRY, "grants": {}}
    lines = warnings(world, {"pay": without, "zoo": without}, {"pay": ENTRY, "zoo": ENTRY})
    assert any("'pay': its accounts can't be listed" in text for text in lines)
    assert any("'zoo': edit of group:devs ends in this run" in text and "builder" in text for text in lines)


def acknowledged(world, acknowledged):
    """A check with these acknowledgements: the warnings, what it records, and why it fails."""
    news = {"owner": OWNER, "workspaces": {"pay": ENTRY}, "acknowledged": acknowledged}
    answer = world.plugin.check(news, {"owner": OWNER, "workspaces": {"pay": ENTRY}}, urn=LEDGER)
    return world.engine.texts("warning"), plain(answer.inputs), [failure.reason for failure in answer.failures]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({}, 1),
        ({"*": ["changedAccess"]}, 0),
        ({"pay": ["changedAccess"]}, 0),
        ({"zoo": ["changedAccess"]}, 1),
        ({"pay": ["undeclaredAccess"]}, 1),
    ],
)
def test_what_is_acknowledged_is_not_told_and_not_recorded(world, names, shown):
    world.api.objects[DEVS]["subjects"].append(MALLORY)
    found, recorded, failures = acknowledged(world, names)
    assert (len(found), failures) == (shown, [])
    assert recorded == {"owner": OWNER, "workspaces": {"pay": ENTRY}}


@pytest.mark.parametrize("wrong", ["changedAccess", ["changedAccess"], {"pay": "changedAccess"}])
def test_acknowledgements_of_another_form_are_refused(world, wrong):
    assert acknowledged(world, wrong)[2] == [
        "acknowledged: a mapping of names of workspaces to names of warnings is expected"
    ]


# `ambient up --refresh` of a shard without changes: the refresh includes this check.


def refreshed(world, monkeypatch):
    monkeypatch.setenv(CHECK_VARIABLE, "true")
    inputs = {"owner": OWNER, "workspaces": {"pay": ENTRY}}
    answer = world.plugin.read(inputs, inputs, urn=LEDGER, identity=OWNER)
    assert plain(answer.properties) == inputs
    assert world.writes() == []
    return world.engine.texts("warning")


def test_such_a_refresh_warns_as_a_run_does(world, monkeypatch):
    assert refreshed(world, monkeypatch) == []
    world.api.objects[DEVS]["subjects"].append(MALLORY)
    (warning,) = refreshed(world, monkeypatch)
    assert "also names user:mallory" in warning


def test_such_a_refresh_fails_where_a_run_would_be_refused(world, monkeypatch):
    world.api.objects["/api/v1/namespaces/pay"]["metadata"]["annotations"] = {"ambient-components/owner": "app/other"}
    with pytest.raises(RefusedError, match="belongs to the stack app/other"):
        refreshed(world, monkeypatch)


def test_an_ordinary_refresh_asks_nothing(world, monkeypatch):
    monkeypatch.delenv(CHECK_VARIABLE, raising=False)
    inputs = {"owner": OWNER, "workspaces": {"pay": ENTRY}}
    world.plugin.read(inputs, inputs, urn=LEDGER, identity=OWNER)
    assert world.api.log == []


def test_a_stranger_in_place_of_the_declared_subject_and_another_role(world):
    world.api.objects[ALICE] |= {"subjects": [MALLORY], "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}
    (warning,) = warnings(world)
    for text in (
        "ambient-admin-alice also names user:mallory",
        "ambient-admin-alice does not name user:alice",
        "ambient-admin-alice binds ClusterRole/cluster-admin and not ClusterRole/ambient-project-admin",
    ):
        assert text in warning


@pytest.mark.parametrize("path", [DEVS, ACCOUNT_PATH])
def test_finalizers_are_told(world, path):
    world.api.objects[path]["metadata"]["finalizers"] = ["example.com/mine"]
    (warning,) = warnings(world)
    assert warning.startswith("workspace 'pay': finalizers keep access after its deletion")
    assert f"{path.rsplit('/', 1)[1]} (example.com/mine)" in warning
