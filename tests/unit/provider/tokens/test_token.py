"""`ambient:index:AccessToken` over real gRPC, with a real HTTP server for a cluster."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pulumi.runtime import proto

from ambient_components import clock
from ambient_components.platform.contract import BOUND_OBJECT, BOUND_OBJECT_LABEL, KEY_LABEL, OWNER_ANNOTATION
from ambient_components.rotation.state import parse_time
from tests.support.fake_api import Answer
from tests.support.fake_plugin import UNKNOWN, RefusedError, plain, running, secret

DAY = 86_400
NAMESPACE = "/api/v1/namespaces/pay"
SECRETS = f"{NAMESPACE}/secrets"
ACCOUNT = f"{NAMESPACE}/serviceaccounts/ambient-key-ci-1"
KIND = proto.PropertyDiff
SOME, NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE
MINTED = {"token", "current", "grantedSeconds", "retiring", "nextAction", "reason"}
WANTED = {
    "namespace": "pay",
    "serviceAccount": "ambient-key-ci-1",
    "serviceAccountUid": "uid-of-the-account",
    "key": "ci",
    "owner": "app/dev",
    "generation": 1.0,
    "lifetimeSeconds": 90.0 * DAY,
    "rotateBeforeSeconds": 14.0 * DAY,
    "overlapSeconds": 7.0 * DAY,
}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay")
        all_of_it.api.add(f"{NAMESPACE}/serviceaccounts", "ambient-key-ci-1", uid="uid-of-the-account")
        yield all_of_it


@pytest.fixture
def made(world):
    """The state after the first run."""
    _, state = world.plugin.create(WANTED)
    world.api.log.clear()
    world.engine.lines.clear()
    return state


def refusal(action):
    """The text that a user reads of a call that fails."""
    with pytest.raises(RefusedError) as raised:
        action()
    text = str(raised.value)
    assert "Traceback" not in text
    assert "Unexpected <class" not in text
    assert "a bug in the ambient provider" not in text
    return text


def leftover(world, name, age=timedelta(), owner="app/dev", account="ambient-key-ci-1", **notes):
    """A handle that no state records."""
    annotations = {
        OWNER_ANNOTATION: owner,
        "ambient-components/service-account": account,
        "ambient-components/generation": "1",
        "ambient-components/issued-at": (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **notes,
    }
    return world.api.add(SECRETS, name, None, {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}, annotations)


def notes(world, token_secret):
    """The annotations of a handle."""
    return world.api.objects[f"{SECRETS}/{token_secret}"]["metadata"]["annotations"]


def told(world, severity):
    return " / ".join(world.engine.texts(severity))


def due(world):
    """Moves the clock into the window in which a token is renewed."""
    world.later(80 * DAY)


# Check.


def test_defaults_are_added_to_what_is_given(world):
    news = {key: WANTED[key] for key in ("namespace", "serviceAccount", "key", "owner", "lifetimeSeconds")}
    answer = world.plugin.check(news)
    assert not answer.failures
    assert plain(answer.inputs) == {
        **news,
        "generation": 1.0,
        "rotateBeforeSeconds": 14.0 * DAY,
        "overlapSeconds": 7.0 * DAY,
    }


def test_what_is_given_is_kept_with_its_marks(world):
    news = {**WANTED, "owner": secret("app/dev"), "overlapSeconds": 0.0}
    assert plain(world.plugin.check(news).inputs) == news


def test_all_that_is_missing_is_told_at_once(world):
    told = {failure.reason for failure in world.plugin.check({}).failures}
    names = ("namespace", "serviceAccount", "key", "owner", "lifetimeSeconds")
    assert told == {f"{name} is missing" for name in names}


@pytest.mark.parametrize("life", [0, 599, 31_536_001, -1, 3600.5, "90d", True])
def test_a_life_that_cant_be_granted_is_refused(world, life):
    (failure,) = world.plugin.check({**WANTED, "lifetimeSeconds": life}).failures
    assert failure.reason.startswith("lifetimeSeconds: ")


@pytest.mark.parametrize("life", [600, 31_536_000])
def test_the_ends_of_the_range_are_allowed(world, life):
    news = {**WANTED, "lifetimeSeconds": life, "rotateBeforeSeconds": None, "overlapSeconds": None}
    assert not world.plugin.check(news).failures


@pytest.mark.parametrize(
    ("before", "overlap", "allowed"),
    [
        (90 * DAY, 0, "rotateBefore under 90d"),
        (91 * DAY, DAY, "rotateBefore under 90d"),
        (DAY, 2 * DAY, "overlap up to 1d"),
        (0, 1, "overlap up to 0"),
        (60 * DAY, 40 * DAY, "overlap up to 30d"),
    ],
)
def test_windows_that_dont_fit_the_life_are_refused(world, before, overlap, allowed):
    news = {**WANTED, "rotateBeforeSeconds": before, "overlapSeconds": overlap}
    (failure,) = world.plugin.check(news).failures
    assert failure.reason.endswith(f"allowed: {allowed}")


def test_a_life_that_is_not_known_yet_is_no_failure(world):
    news = {**WANTED, "lifetimeSeconds": UNKNOWN, "serviceAccountUid": UNKNOWN}
    answer = world.plugin.check(news)
    assert not answer.failures
    assert plain(answer.inputs) == news


@pytest.mark.parametrize("name", ["rotateBeforeSeconds", "overlapSeconds"])
def test_a_window_that_is_not_known_yet_is_no_failure(world, name):
    assert not world.plugin.check({**WANTED, "overlapSeconds": None, name: UNKNOWN}).failures


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotateBeforeSeconds": "14d"},
        {"overlapSeconds": "7d"},
        {"generation": "two"},
        {"generation": 0},
        {"key": 3},
        {"overlapSeconds": -1},
    ],
    ids=str,
)
def test_a_wrong_type_is_a_failure_with_the_name(world, wrong):
    (failure,) = world.plugin.check({**WANTED, **wrong}).failures
    assert next(iter(wrong)) in failure.reason


# Create.


def test_the_first_token_is_minted_and_recorded(world):
    identity, state = world.plugin.create(WANTED)
    assert identity == "pay/ambient-key-ci-1"
    (token_secret,) = world.api.names(SECRETS)
    assert state["token"] == secret(f"token-of-{token_secret}")
    assert state["current"]["handle"] == token_secret
    assert state["current"]["uid"] == world.api.objects[f"{SECRETS}/{token_secret}"]["metadata"]["uid"]
    assert state["current"]["generation"] == 1
    assert state["current"]["dead"] is None
    assert abs(state["grantedSeconds"] - 90 * DAY) < 5
    assert state["reason"] == "no token yet"
    assert state["schemaVersion"] == 1
    assert (state["retiring"], state["pendingRevocations"]) == ([], [])
    assert state["nextAction"]["what"] == "rotate"
    assert {name: state[name] for name in WANTED} == WANTED
    assert not world.engine.texts("warning")


def test_the_token_is_bound_to_an_empty_secret_that_says_whose_it_is(world):
    world.plugin.create(WANTED)
    token_secret, request = (one.body for one in world.api.seen("POST"))
    assert token_secret["type"] == "Opaque"
    assert "data" not in token_secret
    assert "stringData" not in token_secret
    assert token_secret["metadata"]["labels"] == {"ambient-components/handle": "true", "ambient-components/key": "ci"}
    notes = token_secret["metadata"]["annotations"]
    assert notes["ambient-components/owner"] == "app/dev"
    assert notes["ambient-components/service-account"] == "ambient-key-ci-1"
    assert notes["ambient-components/generation"] == "1"
    assert request["spec"] == {
        "expirationSeconds": 90 * DAY,
        "boundObjectRef": {
            "apiVersion": "v1",
            "kind": "Secret",
            "name": token_secret["metadata"]["name"],
            "uid": world.api.objects[f"{SECRETS}/{token_secret['metadata']['name']}"]["metadata"]["uid"],
        },
    }


def test_no_message_holds_a_token(world, made):
    due(world)
    world.plugin.update(made, WANTED)
    assert world.engine.lines
    assert "token-of-" not in " ".join(line.text for line in world.engine.lines)
    assert "token-of-" not in json.dumps([one.body for one in world.api.log])


def test_a_preview_of_a_create_makes_nothing_and_knows_nothing(world):
    _, state = world.plugin.create({**WANTED, "serviceAccountUid": UNKNOWN}, preview=True)
    assert world.api.log == []
    assert state["token"] == secret(UNKNOWN)
    assert {name for name, value in state.items() if value == UNKNOWN} == {
        "current", "grantedSeconds", "retiring", "nextAction", "serviceAccountUid",
    }  # fmt: skip
    assert state["reason"] == "no token yet"


def test_a_preview_of_a_create_copes_with_names_that_are_not_known_yet(world):
    unknown = {**WANTED, "namespace": UNKNOWN, "serviceAccount": UNKNOWN, "lifetimeSeconds": UNKNOWN}
    _, state = world.plugin.create(unknown, preview=True)
    assert state["token"] == secret(UNKNOWN)
    assert world.api.log == []


def test_a_cap_of_the_cluster_is_told(world):
    world.api.cap = 30 * DAY
    _, state = world.plugin.create(WANTED)
    assert abs(state["grantedSeconds"] - 30 * DAY) < 5
    assert "granted 29d23h" in told(world, "warning") or "granted 30d" in told(world, "warning")
    assert "where 90d were asked" in told(world, "warning")


def test_a_cap_that_leaves_no_room_for_the_notice_is_an_error_and_leaves_nothing(world):
    world.api.cap = DAY
    text = refusal(lambda: world.plugin.create(WANTED))
    assert "it granted 1d where 90d were asked, too short for the notice of 14d" in text
    assert "Write lifetime: 1d or less" in text
    assert "maxTokenLifetime: 1d in the stack's config" in text
    assert world.api.names(SECRETS) == []


def test_a_renewal_under_a_new_cap_leaves_the_token_before_alone(world, made):
    due(world)
    world.api.cap = DAY
    refusal(lambda: world.plugin.update(made, WANTED))
    assert world.api.names(SECRETS) == [made["current"]["handle"]]


def test_the_granted_life_is_what_the_server_granted_however_late_in_the_run(world, monkeypatch):
    start = clock.now() - timedelta(hours=2)
    world.api.cap = 89 * DAY + 84_000
    with monkeypatch.context() as patch:
        patch.setattr("ambient_components.clock.now", lambda: start)
        _, state = world.plugin.create(WANTED)
    assert state["grantedSeconds"] == world.api.cap


@pytest.mark.parametrize(
    ("pattern", "code", "said", "text"),
    [
        ("/token$", 403, "u cannot create resource", "no right to mint a token in pay"),
        ("/token$", 403, "exceeded quota", "can't mint a token for pay/ambient-key-ci-1"),
        ("/token$", 404, "not found", "can't mint a token: pay/ambient-key-ci-1 is not there"),
        ("/token$", 500, "etcd is away", "can't mint a token for pay/ambient-key-ci-1"),
        ("/secrets$", 403, "u cannot create resource", "no right to create the token Secret in pay"),
        ("/secrets$", 422, "invalid", "can't create the token Secret for pay/ambient-key-ci-1"),
    ],
)
def test_a_mint_that_fails_is_told_and_leaves_no_handle(world, pattern, code, said, text):
    world.api.fail("POST", pattern, code, said)
    told = refusal(lambda: world.plugin.create(WANTED))
    assert text in told
    assert said in told
    assert world.api.names(SECRETS) == []


def test_a_handle_that_cant_be_taken_back_is_told(world):
    world.api.fail("POST", "/token$", 500)
    world.api.fail("DELETE", "/secrets/", 500)
    refusal(lambda: world.plugin.create(WANTED))
    assert "could not revoke ambient-key-ci-1-" in told(world, "warning")
    assert len(world.api.names(SECRETS)) == 1


@pytest.mark.parametrize("answer", [{}, {"status": {"token": "t"}}, "<html>"], ids=str)
def test_an_answer_without_a_token_leaves_no_handle(world, answer):
    world.api.rule("POST", "/token$", Answer(201, answer))
    with pytest.raises(RefusedError):
        world.plugin.create(WANTED)
    assert world.api.names(SECRETS) == []


def test_after_a_cancel_nothing_is_minted(world):
    world.plugin.cancel()
    assert "the run is being cancelled, so nothing is minted" in refusal(lambda: world.plugin.create(WANTED))
    assert world.writes() == []


def test_without_an_engine_nothing_is_minted(world):
    world.engine.die()
    assert "the engine is gone, so nothing is minted" in refusal(lambda: world.plugin.create(WANTED))
    assert world.writes() == []


# Token Secrets that no state records.


ADOPTING = {**WANTED, "adopt": True}


def test_an_adopted_create_keeps_what_it_finds_through_the_overlap(world):
    for number in range(3):
        leftover(world, f"found-{number}", age=timedelta(days=9 - number))
    _, state = world.plugin.create(ADOPTING)
    assert [one["handle"] for one in state["retiring"]] == ["found-0", "found-1", "found-2"]
    assert state["retiring"][0]["expiresAt"] is None
    assert len(world.api.names(SECRETS)) == 4
    assert state["nextAction"]["what"] == "revoke"
    assert "3 token(s) of this key were in the cluster without a record" in told(world, "warning")
    assert "they stay valid for 7d" in told(world, "warning")


def test_a_create_revokes_what_no_state_knows(world):
    leftover(world, "found")
    _, state = world.plugin.create(WANTED)
    assert world.api.names(SECRETS) == [state["current"]["handle"]]
    assert state["retiring"] == []


def test_without_an_overlap_an_adopted_create_revokes_what_it_finds_after_minting(world):
    leftover(world, "found")
    _, state = world.plugin.create({**ADOPTING, "overlapSeconds": 0})
    assert world.api.names(SECRETS) == [state["current"]["handle"]]
    # The patch is our ownership annotation: for a moment it is on record in the cluster alone.
    assert [one.split()[0] for one in world.writes()] == ["PATCH", "POST", "POST", "DELETE"]
    assert state["retiring"] == []


@pytest.mark.parametrize("owner", ["other/stack", ""])
def test_what_another_stack_owns_is_told_and_stays(world, made, owner):
    leftover(world, "foreign", owner=owner)
    due(world)
    state = world.plugin.update(made, WANTED)
    assert state["token"] != made["token"]
    assert "foreign" in world.api.names(SECRETS)
    assert f"not this stack's, and are not touched: foreign (of {owner})" in told(world, "warning")


@pytest.mark.parametrize(
    "forged",
    [
        {"ambient-components/generation": "9" * 5000},
        {"ambient-components/issued-at": "0001-01-01T00:00:00+23:59"},
        {"ambient-components/issued-at": "\x1b[2J"},
    ],
)
def test_a_forged_handle_stops_nothing(world, made, forged):
    leftover(world, "forged", **forged)
    due(world)
    assert world.plugin.read(WANTED, made).id
    world.plugin.delete(made)
    assert world.api.names(SECRETS) == []


def test_a_handle_without_an_owner_was_released_and_is_adopted(world):
    del leftover(world, "released")["annotations"][OWNER_ANNOTATION]
    _, state = world.plugin.create(ADOPTING)
    assert [one["handle"] for one in state["retiring"]] == ["released"]
    assert notes(world, "released")[OWNER_ANNOTATION] == "app/dev"
    assert "1 token(s) of this key were in the cluster without a record" in told(world, "warning")


def test_handles_of_another_identity_of_the_key_are_left_alone(world):
    leftover(world, "other-generation", account="ambient-key-ci-2", owner="other/stack")
    _, state = world.plugin.create(WANTED)
    assert state["retiring"] == []
    assert "other-generation" in world.api.names(SECRETS)


def test_an_update_first_revokes_what_a_dead_run_minted(world, made):
    leftover(world, "undelivered")
    due(world)
    state = world.plugin.update(made, WANTED)
    assert world.writes()[0] == f"DELETE {SECRETS}/undelivered"
    assert world.api.names(SECRETS) == sorted([made["current"]["handle"], state["current"]["handle"]])
    assert "revoked undelivered: no state has it: the run that minted it died" in told(world, "info")


@pytest.mark.parametrize("name", ["issued-at", "generation"])
def test_a_handle_with_broken_notes_stops_no_rotation(world, made, name):
    leftover(world, "broken", **{f"ambient-components/{name}": "x"})
    due(world)
    world.plugin.update(made, WANTED)


# Diff.


def test_the_same_again_is_no_change_and_asks_nobody(world, made):
    answer = world.plugin.diff(WANTED, made, WANTED)
    assert answer.changes == NONE
    assert not answer.detailedDiff
    assert world.api.log == []
    assert world.engine.lines == []


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"lifetimeSeconds": 60 * DAY}, {"lifetimeSeconds": KIND.UPDATE}),
        ({"overlapSeconds": None}, {"overlapSeconds": KIND.DELETE}),
        ({"extra": "x"}, {"extra": KIND.ADD}),
        ({"owner": "app/new"}, {"owner": KIND.UPDATE}),
    ],
    ids=str,
)
def test_changed_inputs_are_told_with_their_kind_and_mint_nothing(world, made, change, kinds):
    news = {name: value for name, value in {**WANTED, **change}.items() if value is not None}
    answer = world.plugin.diff(WANTED, made, news)
    assert {path: one.kind for path, one in answer.detailedDiff.items()} == kinds
    assert all(one.inputDiff for one in answer.detailedDiff.values())
    assert list(answer.diffs) == list(kinds)
    assert not answer.replaces


@pytest.mark.parametrize("name", ["namespace", "serviceAccount"])
@pytest.mark.parametrize("value", ["other", UNKNOWN])
def test_another_account_is_another_resource(world, made, name, value):
    answer = world.plugin.diff(WANTED, made, {**WANTED, name: value})
    assert {path: one.kind for path, one in answer.detailedDiff.items()} == {name: KIND.UPDATE_REPLACE}
    assert list(answer.replaces) == [name]
    assert not answer.deleteBeforeReplace


@pytest.mark.parametrize(("day", "changed"), [(70, False), (80, True), (100, True)])
def test_a_rotation_that_is_due_is_a_change_of_outputs(world, made, day, changed):
    world.later(day * DAY)
    answer = world.plugin.diff(WANTED, made, WANTED)
    assert set(answer.detailedDiff) == (MINTED if changed else set())
    assert {(one.kind, one.inputDiff) for one in answer.detailedDiff.values()} <= {(KIND.UPDATE, False)}
    assert not answer.replaces


@pytest.mark.parametrize("uid", ["uid-of-the-next", UNKNOWN])
def test_a_replaced_account_is_a_reason_to_mint(world, made, uid):
    answer = world.plugin.diff(WANTED, made, {**WANTED, "serviceAccountUid": uid})
    assert set(answer.detailedDiff) == MINTED | {"serviceAccountUid"}
    assert not answer.replaces


def test_giving_no_uid_any_more_mints_nothing(world, made):
    news = {name: value for name, value in WANTED.items() if name != "serviceAccountUid"}
    assert set(world.plugin.diff(WANTED, made, news).detailedDiff) == {"serviceAccountUid"}


def test_a_revocation_that_is_due_is_a_change(world, made):
    due(world)
    rotated = world.plugin.update(made, WANTED)
    world.later(87 * DAY + 5)
    answer = world.plugin.diff(WANTED, rotated, WANTED)
    assert set(answer.detailedDiff) == {"retiring", "pendingRevocations", "nextAction"}


def test_a_life_that_is_not_known_yet_is_a_change_and_mints_nothing(world, made):
    answer = world.plugin.diff(WANTED, made, {**WANTED, "lifetimeSeconds": UNKNOWN})
    assert set(answer.detailedDiff) == {"lifetimeSeconds"}


def test_a_state_of_a_later_version_is_told(world, made):
    text = refusal(lambda: world.plugin.diff(WANTED, {**made, "schemaVersion": 2}, WANTED))
    assert "written by a later version of ambient-components" in text


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
    assert "its overlap ended on" in told(world, "info")
    assert world.plugin.diff(WANTED, state, WANTED).changes == NONE


def test_without_an_overlap_the_token_before_ends_at_once_but_after_the_mint(world, made):
    due(world)
    state = world.plugin.update(made, {**WANTED, "overlapSeconds": 0})
    assert world.api.names(SECRETS) == [state["current"]["handle"]]
    assert [one.split()[0] for one in world.writes()] == ["POST", "POST", "DELETE"]


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
    assert "no run came in the 1209600 s before the token expired" in told(world, "warning")


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
    assert f"could not revoke {made['current']['handle']}" in told(world, "warning")
    assert "etcd is away; the next pulumi up tries again" in told(world, "warning")
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


def test_no_answer_to_a_revocation_loses_the_new_token(world, made):
    due(world)
    world.api.rule("DELETE", "/secrets/", Answer(502, "<html>Bad Gateway</html>"))
    state = world.plugin.update(made, {**WANTED, "overlapSeconds": 0})
    assert state["pendingRevocations"] == [made["current"]]


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
        "current", "grantedSeconds", "retiring", "nextAction",
    }  # fmt: skip
    assert state["reason"].startswith("the token expires on ")


def test_a_preview_of_a_changed_policy_tells_the_recorded_outputs(world, made):
    state = world.plugin.update(made, {**WANTED, "lifetimeSeconds": 60.0 * DAY}, preview=True)
    assert world.api.log == []
    assert state["current"] == made["current"]
    assert "token-of-" in json.dumps(state["token"])


def test_a_preview_of_a_changed_policy_keeps_the_token_a_secret(world, made):
    state = world.plugin.update(made, {**WANTED, "lifetimeSeconds": 60.0 * DAY}, preview=True)
    assert state["token"] == made["token"]


def test_a_cancel_stops_a_rotation_before_anything_is_revoked(world, made):
    due(world)
    world.plugin.cancel()
    refusal(lambda: world.plugin.update(made, {**WANTED, "overlapSeconds": 0}))
    assert world.writes() == []


# Read.


def read(world, state, inputs=WANTED):
    return plain(world.plugin.read(inputs, state).properties)


def test_a_living_token_is_read_as_it_is_recorded(world, made):
    answer = world.plugin.read(WANTED, made, identity="pay/ambient-key-ci-1")
    assert answer.id == "pay/ambient-key-ci-1"
    assert plain(answer.properties) == made
    assert plain(answer.inputs) == WANTED
    assert world.writes() == []


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


def test_an_expired_token_is_dead(world, made):
    world.later(91 * DAY)
    assert read(world, made)["current"]["dead"].startswith("it expired on ")


def test_a_token_of_a_deleted_account_is_dead(world, made):
    del world.api.objects[ACCOUNT]
    assert read(world, made)["current"]["dead"] == "its ServiceAccount was deleted"


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
    assert [one["handle"] for one in state["pendingRevocations"]] == ["stray"]
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


def test_the_next_action_of_a_dead_token_is_due_now(world, made):
    del world.api.objects[f"{SECRETS}/{made['current']['handle']}"]
    state = read(world, made)
    assert parse_time(state["nextAction"]["at"]) <= datetime.now(UTC)


def test_a_token_cant_be_imported(world):
    text = refusal(lambda: world.plugin.read({}, {}, identity="pay/ambient-key-ci-1"))
    assert "pay/ambient-key-ci-1 can't be imported: a token can't be read back from a cluster" in text


# Delete.


def test_a_delete_revokes_every_token_on_record_or_not(world, made):
    due(world)
    state = world.plugin.update(made, WANTED)
    leftover(world, "unrecorded")
    world.plugin.delete(state)
    assert world.api.names(SECRETS) == []
    assert told(world, "info").count("the key is removed") == 3
    assert not world.engine.texts("warning")


def test_a_delete_of_what_is_gone_is_none(world, made):
    world.api.objects.clear()
    world.api.add("/api/v1/namespaces", "kube-system", uid="uid-of-the-cluster")
    world.plugin.delete(made)
    assert not world.engine.texts("warning")


def test_a_delete_leaves_what_has_taken_the_name_of_a_handle(world, made):
    name = made["current"]["handle"]
    world.api.add(SECRETS, name, uid="uid-of-somebody")
    world.plugin.delete(made)
    assert world.api.names(SECRETS) == [name]


def test_a_delete_that_cant_revoke_warns_and_leaves_it_to_the_account(world, made):
    world.api.fail("DELETE", "/secrets/", 500)
    world.plugin.delete(made)
    assert "could not revoke" in told(world, "warning")
    assert "the deletion of the key's ServiceAccount, which follows, ends these tokens too" in told(world, "warning")


def test_a_delete_that_cant_look_around_still_revokes_what_is_recorded(world, made):
    leftover(world, "foreign", owner="other/stack")
    world.plugin.delete(made)
    assert world.api.names(SECRETS) == ["foreign"]
    assert "not this stack's, and are not touched" in told(world, "warning")


def test_a_delete_in_another_cluster_is_an_error(world, made):
    world.plugin.configure(kubeconfig=world.api.kubeconfig(), clusterUid="another")
    assert "this is another cluster than the stack's" in refusal(lambda: world.plugin.delete(made))
    assert len(world.api.names(SECRETS)) == 1


def test_a_message_that_nobody_can_read_fails_no_delete(world, made):
    world.engine.die()
    world.plugin.delete(made)
    assert world.api.names(SECRETS) == []


def test_every_message_stands_beside_its_resource(world, made):
    world.plugin.delete(made)
    assert {line.urn.rsplit("::", 1)[1] for line in world.engine.lines} == {"payments/key/ci/g1"}


# What people are told.


def test_a_preview_says_why_and_until_when_and_mints_nothing(world, made):
    due(world)
    world.plugin.update(made, WANTED, preview=True)
    (said,) = world.engine.texts("info")
    assert said.startswith(f"a new token would be minted: the token expires on {made['current']['expiresAt']}; ")
    assert "works on until" in said
    assert world.writes() == []


def test_a_preview_names_what_would_be_revoked(world, made):
    due(world)
    rotated = world.plugin.update(made, WANTED)
    world.later(88 * DAY)
    world.engine.lines.clear()
    world.plugin.update(rotated, WANTED, preview=True)
    (said,) = world.engine.texts("info")
    assert said.startswith(f"{made['current']['handle']} would be revoked: its overlap ended on ")


def test_an_update_says_what_was_minted_and_until_when(world, made):
    due(world)
    rotated = world.plugin.update(made, WANTED)
    said = world.engine.texts("info")
    assert f"minted {rotated['current']['handle']}: the token expires on" in said[0]
    assert said[0].endswith(f"valid until {rotated['current']['expiresAt']}")
    assert all("token-of" not in line for line in said)
