"""Tokens that are dead, as a refresh finds them, and tokens that end with their resource."""

from tests.support.fake_plugin import plain, refusal
from tests.support.tokens import ACCOUNT, MINTED, NAMESPACE, SECRETS, WANTED, due, leftover, received

# Read.


def read(world, state, inputs=WANTED):
    return plain(world.plugin.read(inputs, state).properties)


def test_a_revoked_token_is_dead_and_the_next_run_mints(world, made):
    del world.api.objects[f"{SECRETS}/{made['current']['handle']}"]
    state = read(world, made)
    assert state["current"]["dead"] == "it was revoked: its token Secret was deleted"
    assert state["token"] == made["token"]
    assert set(world.plugin.diff(WANTED, state, WANTED).detailedDiff) == MINTED
    after = world.plugin.update(state, WANTED)
    assert after["reason"] == "the token no longer works: it was revoked: its token Secret was deleted"
    assert (after["retiring"], after["pendingRevocations"]) == ([], [])


def test_a_handle_of_the_same_name_is_not_the_same_handle(world, made):
    name = made["current"]["handle"]
    del world.api.objects[f"{SECRETS}/{name}"]
    leftover(world, name)
    assert read(world, made)["current"]["dead"]


def test_a_token_of_a_replaced_account_is_dead(world, made):
    world.api.add(f"{NAMESPACE}/serviceaccounts", "ambient-key-ci-1", uid="uid-of-the-next")
    assert read(world, made)["current"]["dead"] == "its ServiceAccount was replaced"


def test_without_its_uid_an_account_is_not_compared(world, made):
    inputs = {name: value for name, value in WANTED.items() if name != "serviceAccountUid"}
    world.api.add(f"{NAMESPACE}/serviceaccounts", "ambient-key-ci-1", uid="uid-of-the-next")
    assert read(world, made, inputs)["current"]["dead"] is None


def test_what_is_dead_stays_dead_for_the_first_reason(world, made):
    state = {**made, "current": {**made["current"], "dead": "first reason"}}
    world.api.objects.clear()
    world.api.add("/api/v1/namespaces", "kube-system", uid="uid-of-the-cluster")
    world.api.add("/api/v1/namespaces", "pay")
    assert read(world, state)["current"]["dead"] == "first reason"


def test_retiring_and_pending_handles_that_are_gone_leave_the_record(world, made):
    gone = {**made["current"], "handle": "gone", "uid": "uid-gone"}
    state = read(world, {**made, "retiring": [gone], "pendingRevocations": [gone]})
    assert (state["retiring"], state["pendingRevocations"]) == ([], [])
    stays = {**made["current"], **{"handle": "stays", "uid": leftover(world, "stays")["uid"]}}
    assert read(world, {**made, "retiring": [stays]})["retiring"] == [stays]


def test_a_token_that_a_lost_run_minted_does_not_wait_for_a_rotation(world, made):
    leftover(world, "stray")
    state = read(world, made)
    assert [token_secret["handle"] for token_secret in state["pendingRevocations"]] == ["stray"]
    assert state["current"] == made["current"]
    after = world.plugin.update(state, WANTED)
    assert world.api.names(SECRETS) == [made["current"]["handle"]]
    assert (after["token"], after["pendingRevocations"]) == (made["token"], [])


def test_without_the_namespace_there_is_nothing(world, made):
    del world.api.objects[NAMESPACE]
    del world.api.objects[ACCOUNT]
    answer = world.plugin.read(WANTED, made)
    assert answer.id == ""
    assert not answer.properties.fields


# Delete.


def test_a_delete_revokes_every_token_on_record_or_not(world, made):
    due(world)
    state = world.plugin.update(made, WANTED)
    leftover(world, "unrecorded")
    world.plugin.delete(state)
    assert world.api.names(SECRETS) == []
    assert received(world, "info").count("the key is removed") == 2  # the recorded ones, then the other
    assert not world.engine.texts("warning")


def test_a_delete_leaves_what_has_taken_the_name_of_a_handle(world, made):
    name = made["current"]["handle"]
    world.api.add(SECRETS, name, uid="uid-of-somebody")
    world.plugin.delete(made)
    assert world.api.names(SECRETS) == [name]


def test_a_delete_that_cant_revoke_warns_and_leaves_it_to_the_account(world, made):
    world.api.fail("DELETE", "/secrets/", 500)
    world.plugin.delete(made)
    assert "could not revoke" in received(world, "warning")
    assert "the deletion of the key's ServiceAccount, which follows, ends these tokens too" in received(
        world, "warning"
    )


def test_a_delete_that_cant_look_around_still_revokes_what_is_recorded(world, made):
    leftover(world, "foreign", owner="other/stack")
    world.plugin.delete(made)
    assert world.api.names(SECRETS) == ["foreign"]
    assert "not this stack's, and are not touched" in received(world, "warning")


def test_a_delete_in_another_cluster_is_an_error(world, made):
    world.plugin.configure(kubeconfig=world.api.kubeconfig(), clusterUid="another")
    assert "this is another cluster than the stack's" in refusal(lambda: world.plugin.delete(made))
    assert len(world.api.names(SECRETS)) == 1


def test_a_message_that_nobody_can_read_fails_no_delete(world, made):
    world.engine.die()
    world.plugin.delete(made)
    assert world.api.names(SECRETS) == []
