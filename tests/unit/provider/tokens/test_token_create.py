"""The first token: minted over real gRPC, with a real HTTP server for a cluster, or not, and what is told."""

import json

import pytest

from tests.support.fake_api import Answer
from tests.support.fake_plugin import UNKNOWN, RefusedError, refusal, secret
from tests.support.tokens import DAY, SECRETS, WANTED, due, received


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
    assert state["reason"] == "first token"
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
    assert "token-of-" not in json.dumps([request.body for request in world.api.log])


def test_a_preview_of_a_create_copes_with_names_that_are_not_known_yet(world):
    unknown = {**WANTED, "namespace": UNKNOWN, "serviceAccount": UNKNOWN, "lifetimeSeconds": UNKNOWN}
    _, state = world.plugin.create(unknown, preview=True)
    assert state["token"] == secret(UNKNOWN)
    assert world.api.log == []


def test_a_cap_of_the_cluster_is_told(world):
    world.api.cap = 30 * DAY
    _, state = world.plugin.create(WANTED)
    assert abs(state["grantedSeconds"] - 30 * DAY) < 5
    assert "granted 29d23h" in received(world, "warning") or "granted 30d" in received(world, "warning")
    assert "where 90d were asked" in received(world, "warning")


def test_a_cap_that_leaves_no_room_for_the_notice_is_an_error_and_leaves_nothing(world):
    world.api.cap = DAY
    text = refusal(lambda: world.plugin.create(WANTED))
    assert "it granted 1d where 90d were asked, too short for the renewal window of 14d" in text
    assert "Write lifetime: 1d or less" in text
    assert "maxTokenLifetime: 1d in the stack's config" in text
    assert world.api.names(SECRETS) == []


def test_a_renewal_under_a_new_cap_leaves_the_token_before_alone(world, made):
    due(world)
    world.api.cap = DAY
    refusal(lambda: world.plugin.update(made, WANTED))
    assert world.api.names(SECRETS) == [made["current"]["handle"]]


@pytest.mark.parametrize(
    ("pattern", "code", "reported", "text"),
    [
        ("/token$", 403, "u cannot create resource", "no right to mint a token in pay"),
        ("/token$", 403, "exceeded quota", "can't mint a token for pay/ambient-key-ci-1"),
        ("/token$", 404, "not found", "can't mint a token: pay/ambient-key-ci-1 is not there"),
        ("/token$", 500, "etcd is away", "can't mint a token for pay/ambient-key-ci-1"),
        ("/secrets$", 403, "u cannot create resource", "no right to create the token Secret in pay"),
        ("/secrets$", 422, "invalid", "can't create the token Secret for pay/ambient-key-ci-1"),
    ],
)
def test_a_mint_that_fails_is_told_and_leaves_no_handle(world, pattern, code, reported, text):
    world.api.fail("POST", pattern, code, reported)
    received = refusal(lambda: world.plugin.create(WANTED))
    assert text in received
    assert reported in received
    assert world.api.names(SECRETS) == []


def test_a_handle_that_cant_be_taken_back_is_told(world):
    world.api.fail("POST", "/token$", 500)
    world.api.fail("DELETE", "/secrets/", 500)
    refusal(lambda: world.plugin.create(WANTED))
    assert "could not revoke ambient-key-ci-1-" in received(world, "warning")
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
