"""Rotations: the next token beside the one before, and what people are told of it."""

from tests.support.fake_plugin import UNKNOWN, refusal, secret
from tests.support.tokens import DAY, NONE, SECRETS, SOME, WANTED, due, received

# Update.


def test_a_rotation_mints_and_keeps_the_token_before(world, made):
    due(world)
    state = world.plugin.update(made, WANTED)
    assert state["token"] != made["token"]
    assert state["token"] == secret(f"token-of-{state['current']['handle']}")
    assert state["retiring"] == [made["current"]]
    assert state["reason"].startswith("the token expires on ")
    assert abs(state["grantedSeconds"] - 90 * DAY) < 5
    assert len(world.api.names(SECRETS)) == 2
    assert [one.split()[0] for one in world.writes()] == ["POST", "POST"]
    assert world.plugin.diff(WANTED, state, WANTED).changes == NONE


def test_the_token_before_ends_with_its_overlap(world, made):
    due(world)
    rotated = world.plugin.update(made, WANTED)
    world.later(87 * DAY + 5)
    state = world.plugin.update(rotated, WANTED)
    assert world.api.names(SECRETS) == [rotated["current"]["handle"]]
    assert (state["retiring"], state["token"]) == ([], rotated["token"])
    assert state["current"] == rotated["current"]
    assert state["grantedSeconds"] == rotated["grantedSeconds"]
    assert state["reason"] == rotated["reason"]
    assert "its overlap ended on" in received(world, "info")
    assert world.plugin.diff(WANTED, state, WANTED).changes == NONE


def test_with_its_service_account_all_tokens_of_a_key_are_dead(world, made):
    due(world)
    second = world.plugin.update(made, WANTED)
    third = world.plugin.update(second, {**WANTED, "serviceAccountUid": "uid-of-the-next"})
    assert third["retiring"] == []
    assert world.api.names(SECRETS) == [third["current"]["handle"]]
    assert third["reason"] == "its ServiceAccount is replaced"


def test_an_expired_token_is_replaced_with_a_warning(world, made):
    world.later(91 * DAY)
    state = world.plugin.update(made, WANTED)
    assert world.api.names(SECRETS) == [state["current"]["handle"]]
    assert "no run came in the 1209600 s before the token expired" in received(world, "warning")


def test_a_mint_that_fails_takes_nothing_away(world, made):
    due(world)
    world.api.fail("POST", "/token$", 500)
    refusal(lambda: world.plugin.update(made, {**WANTED, "overlapSeconds": 0}))
    assert world.api.names(SECRETS) == [made["current"]["handle"]]


def test_a_revocation_that_fails_is_a_success_a_warning_and_a_pending_one(world, made):
    due(world)
    world.api.fail("DELETE", "/secrets/", 500, "etcd is away")
    state = world.plugin.update(made, {**WANTED, "overlapSeconds": 0})
    assert state["token"] == secret(f"token-of-{state['current']['handle']}")
    assert state["pendingRevocations"] == [made["current"]]
    assert f"could not revoke {made['current']['handle']}" in received(world, "warning")
    assert "etcd is away; deploy again" in received(world, "warning")
    assert len(world.api.seen("DELETE")) == 3
    assert world.waits


def test_a_pending_revocation_is_a_change_until_it_is_done(world, made):
    due(world)
    world.api.fail("DELETE", "/secrets/", 500, times=3)
    news = {**WANTED, "overlapSeconds": 0}
    pending = world.plugin.update(made, news)
    assert world.plugin.diff(news, pending, news).changes == SOME
    state = world.plugin.update(pending, news)
    assert state["pendingRevocations"] == []
    assert state["token"] == pending["token"]
    assert world.api.names(SECRETS) == [state["current"]["handle"]]
    assert world.plugin.diff(news, state, news).changes == NONE


def test_a_changed_policy_mints_nothing(world, made):
    news = {**WANTED, "lifetimeSeconds": 60.0 * DAY}
    state = world.plugin.update(made, news)
    assert world.api.log == []
    assert state["token"] == made["token"]
    assert {**state, "lifetimeSeconds": None} == {**made, "lifetimeSeconds": None}


def test_a_preview_of_a_rotation_makes_nothing_and_knows_only_why(world, made):
    due(world)
    state = world.plugin.update(made, WANTED, preview=True)
    assert world.api.log == []
    assert state["token"] == secret(UNKNOWN)
    assert {name for name, value in state.items() if value == UNKNOWN} == {
        "current", "grantedSeconds", "retiring", "nextAction", "deliveredAt",
    }  # fmt: skip
    assert state["reason"].startswith("the token expires on ")


def test_a_preview_of_a_changed_policy_keeps_the_token_a_secret(world, made):
    state = world.plugin.update(made, {**WANTED, "lifetimeSeconds": 60.0 * DAY}, preview=True)
    assert state["token"] == made["token"]


def test_a_cancel_stops_a_rotation_before_anything_is_revoked(world, made):
    due(world)
    world.plugin.cancel()
    refusal(lambda: world.plugin.update(made, {**WANTED, "overlapSeconds": 0}))
    assert world.writes() == []


# What people are told.


def test_a_preview_says_why_and_until_when_and_mints_nothing(world, made):
    due(world)
    world.plugin.update(made, WANTED, preview=True)
    (reported,) = world.engine.texts("info")
    assert reported.startswith(f"a new token would be minted: the token expires on {made['current']['expiresAt']}; ")
    assert "works on until" in reported
    assert world.writes() == []


def test_a_preview_names_what_would_be_revoked(world, made):
    due(world)
    rotated = world.plugin.update(made, WANTED)
    world.later(88 * DAY)
    world.engine.lines.clear()
    world.plugin.update(rotated, WANTED, preview=True)
    (reported,) = world.engine.texts("info")
    assert reported.startswith(f"{made['current']['handle']} would be revoked: its overlap ended on ")
