"""Token Secrets that no state records: adopted, revoked, or left to others."""

from datetime import timedelta

import pytest

from tests.support.tokens import SECRETS, WANTED, due, leftover, received

ADOPTING = {**WANTED, "adopt": True}


def test_an_adopted_create_keeps_what_it_finds_through_the_overlap(world):
    for number in range(3):
        leftover(world, f"found-{number}", age=timedelta(days=9 - number))
    _, state = world.plugin.create(ADOPTING)
    assert [token_secret["handle"] for token_secret in state["retiring"]] == ["found-0", "found-1", "found-2"]
    assert state["retiring"][0]["expiresAt"] is None
    assert len(world.api.names(SECRETS)) == 4
    assert state["nextAction"]["what"] == "revoke"
    assert "key pay/ci: 3 tokens in the cluster without a record" in received(world, "warning")
    assert "valid for another 7d" in received(world, "warning")


def test_without_an_overlap_an_adopted_create_revokes_what_it_finds_after_minting(world):
    leftover(world, "found")
    _, state = world.plugin.create({**ADOPTING, "overlapSeconds": 0})
    assert world.api.names(SECRETS) == [state["current"]["handle"]]
    # The patch is our ownership annotation: for a moment it is on record in the cluster alone.
    assert [write.split()[0] for write in world.writes()] == ["PATCH", "POST", "POST", "DELETE"]
    assert state["retiring"] == []


@pytest.mark.parametrize("owner", ["other/stack", ""])
def test_what_another_stack_owns_is_told_and_stays(world, made, owner):
    leftover(world, "foreign", owner=owner)
    due(world)
    state = world.plugin.update(made, WANTED)
    assert state["token"] != made["token"]
    assert "foreign" in world.api.names(SECRETS)
    assert f"not this stack's, and are not touched: foreign (of {owner})" in received(world, "warning")


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
    assert "revoked undelivered: no state has it: the run that minted it died" in received(world, "info")


@pytest.mark.parametrize("name", ["issued-at", "generation"])
def test_a_handle_with_broken_notes_stops_no_rotation(world, made, name):
    leftover(world, "broken", **{f"ambient-components/{name}": "x"})
    due(world)
    world.plugin.update(made, WANTED)
