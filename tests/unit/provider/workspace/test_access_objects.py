"""RoleBindings and ServiceAccounts of the plugin: made strictly, repaired whole, ended whatever keeps them."""

import pytest
from pulumi.runtime import proto

from tests.support.fake_api import Answer, status
from tests.support.fake_plugin import RefusedError, plain

BINDING = "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:RoleBinding::pay/grant/user:bob"
ACCOUNT = (
    "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:ApiKey$ambient:index:ServiceAccount::pay/key/ci/g1"
)
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"
ACCOUNTS = "/api/v1/namespaces/pay/serviceaccounts"
GROUP = "rbac.authorization.k8s.io"
EDIT = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "ambient-project-edit"}
VIEW = {**EDIT, "name": "ambient-project-view"}
BOB, MALLORY = ({"kind": "User", "apiGroup": GROUP, "name": name} for name in ("bob", "mallory"))
GRANT = {
    "metadata": {
        "name": "grant",
        "namespace": "pay",
        "labels": {"app": "ambient-permission"},
        "annotations": {"a": "b"},
    },
    "roleRef": EDIT,
    "subjects": [BOB],
}
KEY = {
    "metadata": {"name": "key", "namespace": "pay", "labels": {"app": "ambient-access-key"}, "annotations": {"a": "b"}}
}
CREATED_AT, LAST_USED_AT = "ambient-code.io/created-at", "ambient-code.io/last-used-at"


def binding(world):
    return world.api.objects[f"{BINDINGS}/grant"]


def squat(world, role=EDIT, **metadata):
    """An object under the name of the grant that is not ours."""
    world.api.add(BINDINGS, "grant", uid="squatted", roleRef=role, subjects=[MALLORY])
    world.api.change(f"{BINDINGS}/grant", {"metadata": metadata})


def test_a_binding_of_our_name_and_role_becomes_ours_whole(world):
    squat(world, finalizers=["example.com/stay"], ownerReferences=[{"uid": "x"}])
    _, state = world.plugin.create(GRANT, BINDING)
    assert state["uid"] == "squatted"
    assert binding(world)["subjects"] == [BOB]
    assert not {"finalizers", "ownerReferences"} & binding(world)["metadata"].keys()
    assert binding(world)["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    "change",
    [
        {"subjects": [BOB, MALLORY]},
        {"subjects": [MALLORY]},
        {"subjects": None},
        {"metadata": {"finalizers": ["example.com/stay"]}},
        {"metadata": {"ownerReferences": [{"uid": "x"}]}},
        {"metadata": {"labels": {"app": "other"}}},
        {"roleRef": VIEW},
    ],
    ids=["stranger", "replaced", "emptied", "finalizer", "owner", "label", "role"],
)
def test_what_others_wrote_into_a_binding_is_drift_and_is_repaired(world, change):
    _, state = world.plugin.create(GRANT, BINDING)
    world.api.change(f"{BINDINGS}/grant", change)
    answer = world.plugin.read(GRANT, state, BINDING)
    drifted = plain(answer.inputs)
    assert drifted != GRANT
    assert world.plugin.diff(drifted, state, GRANT, BINDING).changes == proto.DiffResponse.DIFF_SOME
    state = world.plugin.update(plain(answer.properties), GRANT, BINDING)
    assert plain(world.plugin.read(GRANT, state, BINDING).inputs) == GRANT


ACTS_FOR = "ambient-code.io/created-by-user-id"


def acts_for(world):
    return world.api.objects[f"{ACCOUNTS}/key"]["metadata"]["annotations"].get(ACTS_FOR)


def test_a_user_that_others_name_on_a_key_is_drift_and_is_removed(world):
    _, state = world.plugin.create(KEY, ACCOUNT)
    world.api.change(f"{ACCOUNTS}/key", {"metadata": {"annotations": {ACTS_FOR: "mallory\n"}}})
    answer = world.plugin.read(KEY, state, ACCOUNT)
    drifted = plain(answer.inputs)
    assert drifted["metadata"]["annotations"] == {"a": "b", ACTS_FOR: "mallory\\n"}
    assert world.plugin.diff(drifted, state, KEY, ACCOUNT).changes == proto.DiffResponse.DIFF_SOME
    state = world.plugin.update(plain(answer.properties), KEY, ACCOUNT)
    assert acts_for(world) is None
    assert plain(world.plugin.read(KEY, state, ACCOUNT).inputs) == KEY


def test_a_key_that_the_platform_made_keeps_its_user(world):
    world.api.add(ACCOUNTS, "key")
    there = {"labels": KEY["metadata"]["labels"], "annotations": {ACTS_FOR: "Alice"}}
    world.api.change(f"{ACCOUNTS}/key", {"metadata": there})
    adopted = {**KEY, "ofPlatform": True}
    _, state = world.plugin.create(adopted, ACCOUNT)
    assert plain(world.plugin.read(adopted, state, ACCOUNT).inputs) == adopted
    world.plugin.update(state, adopted, ACCOUNT)
    assert acts_for(world) == "Alice"


def test_thousands_of_strangers_are_shown_in_short(world):
    _, state = world.plugin.create(GRANT, BINDING)
    world.api.change(f"{BINDINGS}/grant", {"subjects": [{**MALLORY, "name": f"m{number}"} for number in range(5000)]})
    subjects = plain(world.plugin.read(GRANT, state, BINDING).inputs)["subjects"]
    assert subjects[-1] == {"name": "and 4980 more"}


@pytest.mark.parametrize(("news", "urn", "path"), [(GRANT, BINDING, BINDINGS), (KEY, ACCOUNT, ACCOUNTS)])
def test_a_deletion_ends_whatever_has_the_name(world, news, urn, path):
    _, state = world.plugin.create(news, urn)
    name = news["metadata"]["name"]
    world.api.add(path, name, uid="made-since", roleRef=EDIT, subjects=[MALLORY])
    world.plugin.delete(state, urn)
    assert world.api.names(path) == []
    world.plugin.delete(state, urn)


def test_a_binding_loses_its_subjects_before_it_is_deleted(world):
    _, state = world.plugin.create(GRANT, BINDING)
    world.plugin.delete(state, BINDING)
    emptied, deleted = [request for request in world.api.log if request.method in ("PATCH", "DELETE")]
    assert emptied.body["subjects"] == []
    assert emptied.body["metadata"]["finalizers"] is None
    assert deleted.body["preconditions"]["uid"] == state["uid"]


def test_what_is_still_there_fails_the_deletion(world):
    _, state = world.plugin.create(GRANT, BINDING)
    world.api.rule("DELETE", "/rolebindings/", Answer(200, status(200, "deleted")))
    with pytest.raises(RefusedError, match="RoleBinding pay/grant is still there"):
        world.plugin.delete(state, BINDING)


def test_an_account_is_made_with_the_time(world):
    _, state = world.plugin.create(KEY, ACCOUNT)
    notes = world.api.objects[f"{ACCOUNTS}/key"]["metadata"]["annotations"]
    assert state["createdAt"] == notes[CREATED_AT]
    assert world.plugin.update(state, {**KEY, "metadata": {**KEY["metadata"], "annotations": {"a": "c"}}}, ACCOUNT)
    after = world.api.objects[f"{ACCOUNTS}/key"]["metadata"]["annotations"]
    assert after == {"a": "c", CREATED_AT: notes[CREATED_AT]}


def test_an_adopted_account_stays(world):
    world.api.add(ACCOUNTS, "key", uid="mine", annotations={CREATED_AT: "2026-01-01T00:00:00Z"})
    _, state = world.plugin.create({**KEY, "adopt": True}, ACCOUNT)
    assert (state["uid"], state["createdAt"]) == ("mine", "2026-01-01T00:00:00Z")
    assert world.engine.texts("warning") == []


def test_an_account_that_was_made_again_by_others_is_not_ours(world):
    _, state = world.plugin.create(KEY, ACCOUNT)
    world.api.add(ACCOUNTS, "key", uid="prepared")
    assert world.plugin.read(KEY, state, ACCOUNT).id == ""
    # Nor is it where no refresh has seen it.
    after = world.plugin.update(state, {**KEY, "metadata": {**KEY["metadata"], "labels": {}}}, ACCOUNT)
    assert after["uid"] not in ("prepared", state["uid"])


def test_a_refresh_reads_when_a_key_was_used(world):
    _, state = world.plugin.create(KEY, ACCOUNT)
    world.api.change(f"{ACCOUNTS}/key", {"metadata": {"annotations": {LAST_USED_AT: "yesterday"}}})
    answer = world.plugin.read(KEY, state, ACCOUNT)
    assert plain(answer.properties)["lastUsedAt"] == "yesterday"
    assert plain(answer.inputs) == KEY


@pytest.mark.parametrize(("news", "urn", "path"), [(GRANT, BINDING, BINDINGS), (KEY, ACCOUNT, ACCOUNTS)])
def test_in_a_released_workspace_nothing_is_drift_and_nothing_is_written(world, news, urn, path):
    _, state = world.plugin.create(news, urn)
    released = {**news, "released": True}
    del world.api.objects[f"{path}/{news['metadata']['name']}"]
    before = world.writes()
    state = world.plugin.update(state, released, urn)
    answer = world.plugin.read(released, state, urn)
    assert (plain(answer.inputs), plain(answer.properties)) == (released, state)
    assert world.plugin.diff(released, state, released, urn).changes == proto.DiffResponse.DIFF_NONE
    assert world.writes() == before
    del world.api.objects["/api/v1/namespaces/pay"]
    assert world.plugin.read(released, state, urn).id == ""


def test_others_who_write_without_a_pause_fail_the_step(world):
    world.api.fail("POST", "/serviceaccounts", 409, "already exists")
    with pytest.raises(RefusedError, match="written by others without a pause"):
        world.plugin.create(KEY, ACCOUNT)


@pytest.mark.parametrize("news", [{}, {"metadata": {"name": "x"}}, {"metadata": {"name": "", "namespace": "pay"}}])
def test_what_is_no_object_is_refused(world, news):
    for urn in (BINDING, ACCOUNT):
        assert world.plugin.check(news, urn=urn).failures


OF_PLATFORM = {**KEY, "ofPlatform": True}
NOTES = {"a": "b", CREATED_AT: "2026-01-01T00:00:00Z", LAST_USED_AT: "2026-11-01T00:00:00Z", "others": "x"}


def of_platform(world, **more):
    """An account that the platform made, and its adoption."""
    world.api.add(ACCOUNTS, "key", uid="theirs", labels={"app": "ambient-access-key"}, annotations=NOTES, **more)
    return world.plugin.create(OF_PLATFORM, ACCOUNT)[1]


def test_an_account_of_the_platform_is_never_made(world):
    with pytest.raises(RefusedError, match="is gone, and its tokens with it: it is not made again"):
        world.plugin.create(OF_PLATFORM, ACCOUNT)
    assert world.writes() == []


@pytest.mark.parametrize("metadata", [{"labels": None}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}])
def test_an_account_that_the_platform_did_not_make_or_that_ends_is_not_adopted(world, metadata):
    world.api.add(ACCOUNTS, "key", uid="theirs", labels={"app": "ambient-access-key"})
    world.api.change(f"{ACCOUNTS}/key", {"metadata": metadata})
    with pytest.raises(RefusedError, match="ServiceAccount pay/key"):
        world.plugin.create(OF_PLATFORM, ACCOUNT)
    assert world.api.objects[f"{ACCOUNTS}/key"]["metadata"]["uid"] == "theirs"


@pytest.mark.parametrize("replaced", [False, True])
def test_an_account_of_the_platform_that_is_gone_stays_in_the_state_and_fails(world, replaced):
    state = of_platform(world)
    del world.api.objects[f"{ACCOUNTS}/key"]
    if replaced:
        world.api.add(ACCOUNTS, "key", uid="prepared", labels={"app": "ambient-access-key"})
    answer = world.plugin.read(OF_PLATFORM, state, ACCOUNT)
    assert plain(answer.properties)["uid"] == "theirs"
    drifted = plain(answer.inputs)
    assert world.plugin.diff(drifted, state, OF_PLATFORM, ACCOUNT).changes == proto.DiffResponse.DIFF_SOME
    with pytest.raises(RefusedError, match="write the key's next generation"):
        world.plugin.update(plain(answer.properties), OF_PLATFORM, ACCOUNT)
    assert world.api.names(ACCOUNTS) == []
    assert bool(world.engine.texts("warning")) is replaced
    world.plugin.delete(state, ACCOUNT)
    del world.api.objects["/api/v1/namespaces/pay"]
    assert world.plugin.read(OF_PLATFORM, state, ACCOUNT).id == ""
