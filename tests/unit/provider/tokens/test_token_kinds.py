"""Tokens that do not expire, that lie in a Secret, that nobody renews, and whose identity another has followed."""

import base64

import pytest

from ambient_components.rules.lifetimes import NEVER
from tests.support.fake_api import Answer
from tests.support.fake_plugin import plain, refusal, secret
from tests.support.tokens import ACCOUNT, DAY, NONE, SECRETS, SOME, WANTED, due, leftover, received

ENDLESS = {name: value for name, value in WANTED.items() if not name.endswith("Seconds")} | {"never": True}
MANUAL = {**WANTED, "manual": True}


# Without an end.


def test_a_token_without_an_end_is_asked_for_with_the_longest_life(world):
    assert not world.plugin.check(ENDLESS).failures
    _, state = world.plugin.create(ENDLESS)
    (request,) = [one.body for one in world.api.seen("POST") if one.path.endswith("/token")]
    assert request["spec"]["expirationSeconds"] == NEVER
    assert state["current"]["expiresAt"].startswith("216")
    assert state["nextAction"] is None
    world.later(300 * 365 * DAY // 10)
    assert world.plugin.diff(ENDLESS, state, ENDLESS).changes == NONE


def test_a_cluster_that_caps_has_no_token_without_an_end(world):
    world.api.cap = 365 * DAY
    text = refusal(lambda: world.plugin.create(ENDLESS))
    assert "it granted 1y where one without an end was asked. Write a lifetime up to 1y" in text
    assert world.api.names(SECRETS) == []


# Static.

STATIC = {**ENDLESS, "static": True}


@pytest.fixture
def controller(world):
    """The token controller, which puts a token into every Secret of its type; it takes a moment."""
    looks = []

    def fill(request):
        secret = world.api.objects.get(request.path)
        looks.append(request.path)
        if secret and secret.get("type") == "kubernetes.io/service-account-token" and len(looks) > 2:
            secret["data"] = {"token": base64.b64encode(b"a-static-token").decode()}

    world.api.rule("GET", f"{SECRETS}/", fill)
    return looks


def test_a_static_token_lies_in_its_handle(world, controller):
    _, state = world.plugin.create(STATIC)
    (name,) = world.api.names(SECRETS)
    token_secret = world.api.objects[f"{SECRETS}/{name}"]
    assert token_secret["type"] == "kubernetes.io/service-account-token"
    assert token_secret["metadata"]["annotations"]["kubernetes.io/service-account.name"] == "ambient-key-ci-1"
    assert state["token"] == secret("a-static-token")
    assert (state["current"]["expiresAt"], state["grantedSeconds"]) == (None, None)
    assert not [request for request in world.api.seen("POST") if request.path.endswith("/token")]
    assert world.plugin.diff(STATIC, state, STATIC).changes == NONE
    world.plugin.delete(state)
    assert world.api.names(SECRETS) == []


def test_without_a_token_controller_nothing_is_left(world, monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: next(ticks))
    assert "check whether the cluster's token controller runs" in refusal(lambda: world.plugin.create(STATIC))
    assert world.api.names(SECRETS) == []


# By hand.


def test_a_manual_key_is_never_minted_again(world):
    _, state = world.plugin.create(MANUAL)
    for days in (80, 91):
        world.later(days * DAY)
        assert world.plugin.diff(MANUAL, state, MANUAL).changes == NONE
    assert state["nextAction"]["what"] == "expire"
    world.api.objects.pop(f"{SECRETS}/{state['current']['handle']}")
    properties = plain(world.plugin.read(MANUAL, state).properties)
    assert properties["current"]["dead"] == "it was revoked: its token Secret was deleted"
    assert world.plugin.diff(MANUAL, properties, MANUAL).changes == NONE


@pytest.mark.parametrize(
    ("days", "ahead", "reported"),
    [
        pytest.param(75, None, "", id="not yet"),
        pytest.param(76, None, "expires", id="14 days before"),
        pytest.param(59, 30, "", id="not yet, as the key says"),
        pytest.param(60, 30, "expires", id="as the key says"),
        pytest.param(91, None, "expired", id="too late"),
    ],
)
def test_the_end_of_a_manual_key_is_announced(world, days, ahead, reported):
    news = MANUAL if ahead is None else {**MANUAL, "warnAheadSeconds": float(ahead * DAY)}
    assert not world.plugin.check(news).failures
    _, state = world.plugin.create(news)
    world.engine.lines.clear()
    world.later(days * DAY)
    assert world.plugin.diff(news, state, news).changes == NONE
    text = f"the token {reported} on {state['current']['expiresAt']}, and is not renewed (rotate: manual)"
    assert received(world, "warning").partition(": another generation")[0] == (text if reported else "")


@pytest.mark.parametrize("more", [{"manual": False}, {"former": True}, {"released": True}])
def test_no_end_is_announced_of_what_somebody_renews_or_lets_go(world, more):
    _, state = world.plugin.create(MANUAL)
    world.engine.lines.clear()
    world.later(85 * DAY)
    world.plugin.diff({**MANUAL, **more}, state, {**MANUAL, **more})
    assert "not renewed automatically" not in received(world, "warning")


def test_a_manual_key_whose_account_is_replaced_is_dead_and_its_handle_goes(world):
    _, state = world.plugin.create(MANUAL)
    news = {**MANUAL, "serviceAccountUid": "another"}
    after = world.plugin.update(state, news)
    assert after["current"]["dead"] == "its ServiceAccount is replaced"
    assert world.api.names(SECRETS) == []
    assert world.plugin.diff(news, after, news).changes == NONE


# Runs that are promised.


@pytest.mark.parametrize(
    ("every", "allowed"),
    [
        (DAY, None),
        (7 * DAY, None),
        (8 * DAY, "rotateBefore from 15d, or overlap up to 6d"),
        (14 * DAY, "rotateBefore over 14d and a life longer than that, or rotate: manual"),
    ],
)
def test_a_notice_in_which_no_promised_run_might_come_is_refused(world, every, allowed):
    failures = world.plugin.check({**WANTED, "runEverySeconds": float(every)}).failures
    assert [failure.reason.split("allowed: ")[1] for failure in failures] == ([allowed] if allowed else [])


# Former: another generation has followed.

FORMER = {**WANTED, "former": True}


def test_a_former_identity_never_mints(world, made):
    after = world.plugin.update(made, FORMER)
    assert (after["current"], after["token"]) == (made["current"], made["token"])
    assert after["nextAction"]["what"] == "expire"
    due(world)
    assert world.plugin.diff(FORMER, after, FORMER).changes == NONE
    world.api.objects.pop(f"{SECRETS}/{made['current']['handle']}")
    properties = plain(world.plugin.read(FORMER, after).properties)
    assert properties["current"]["dead"]
    assert world.plugin.diff(FORMER, properties, FORMER).changes == NONE
    assert not [request for request in world.api.seen("POST") if request.path.endswith("/token")]


@pytest.mark.parametrize(
    ("mark", "ends"),
    [("2026-03-01T08:00:00Z", True), ("2026-03-01T08:00:01Z", False), ("2026-03-04T00:00:00Z", False), (None, False)],
)
def test_the_step_that_ends_a_former_identity_reads_its_last_use_again(world, made, mark, ends):
    news = {**FORMER, "successorUsed": "2026-03-03T08:00:00Z"}
    assert world.plugin.diff(WANTED, made, news).changes == SOME
    if mark:
        world.api.change(ACCOUNT, {"metadata": {"annotations": {"ambient-code.io/last-used-at": mark}}})
    after = world.plugin.update(made, news)
    assert (after["current"]["dead"] is not None, world.api.names(SECRETS) == []) == (ends, ends)
    assert ("the tokens of pay/ambient-key-ci-1 stay: " in received(world, "info")) is not ends
    assert world.plugin.diff(news, after, news).changes == NONE


def test_after_a_lost_state_a_former_identity_keeps_what_is_there(world):
    leftover(world, "old")
    _, state = world.plugin.create({**FORMER, "adopt": True})
    assert [token_secret["handle"] for token_secret in state["retiring"]] == ["old"]
    assert (state["current"], state["token"]) == (None, None)
    assert not [request for request in world.api.seen("POST") if request.path.endswith("/token")]
    assert world.plugin.diff(FORMER, state, FORMER).changes == NONE
    assert received(world, "warning") == ""


def test_a_former_identity_whose_account_is_replaced_loses_its_tokens(world, made):
    news = {**FORMER, "serviceAccountUid": "another"}
    after = world.plugin.update(made, news)
    assert after["current"]["dead"] == "its ServiceAccount is replaced"
    assert world.api.names(SECRETS) == []


def test_a_token_whose_identity_could_not_be_made_fails_and_changes_nothing(world, made):
    text = "its ServiceAccount or its RoleBinding could not be made"
    news = {**WANTED, "incomplete": True}
    assert text in refusal(lambda: world.plugin.create(news))
    due(world)
    assert text in refusal(lambda: world.plugin.update(made, news))
    assert world.api.names(SECRETS) == [made["current"]["handle"]]


def test_a_wrong_flag_is_named(world):
    (failure,) = world.plugin.check({**WANTED, "former": "yes"}).failures
    assert failure.reason == "former: true or false is expected"


def test_the_account_is_asked_for_by_path(world):
    world.api.rule("GET", f"{ACCOUNT}$", Answer(200, {"metadata": {"uid": "another"}}))
    _, state = world.plugin.create(MANUAL)
    properties = plain(world.plugin.read(MANUAL, state).properties)
    assert properties["current"]["dead"] == "its ServiceAccount was replaced"
