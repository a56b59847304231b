"""More forged token Secrets than one run handles: its time, its memory and its lines stay bounded, and it says so."""

from datetime import timedelta

import pytest

from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.provider.tokens.token_secrets import MOST
from tests.support.fake_plugin import plain
from tests.support.tokens import SECRETS, WANTED, due, leftover, notes, received

MANY = 2 * MOST + 50
FIRST = "a-first"


@pytest.fixture
def flooded(world, made):
    """The state after the first run; a user has forged many token Secrets since, with times as they like."""
    forge(world)
    return made


def forge(world, count=MANY):
    for number in range(count):
        # The oldest by their own account are the youngest by the API server's.
        metadata = leftover(world, f"forged-{number:04}", age=timedelta(days=number))
        metadata["creationTimestamp"] = f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z"


def forged(world):
    return [name for name in world.api.names(SECRETS) if name.startswith("forged-")]


def refreshed(world, state):
    return plain(world.plugin.read(WANTED, state).properties)


def lines(world):
    return [*world.engine.texts("info"), *world.engine.texts("warning")]


def test_a_refresh_and_a_run_end_a_hundred_and_say_how_many_are_left(world, flooded):
    state = refreshed(world, flooded)
    assert len(state["pendingRevocations"]) == MOST
    assert f"no state has {MANY - MOST} more Secrets that look like tokens of this key" in received(world, "warning")
    state = world.plugin.update(state, WANTED)
    # Those that the API server made first: nobody can put others in front of them.
    assert forged(world) == [f"forged-{number:04}" for number in range(MOST, MANY)]
    assert state["pendingRevocations"] == []
    assert state["token"] == flooded["token"]
    assert len(lines(world)) <= 4
    assert max(map(len, lines(world))) < 3_000


def test_every_forged_secret_has_its_turn(world, made):
    forge(world, MOST + 1)
    # An interrupted run left this one before the user made theirs.
    leftover(world, FIRST, age=timedelta(days=-1))["creationTimestamp"] = "2025-12-31T00:00:00Z"
    state = made
    for _ in range(2):
        state = world.plugin.update(refreshed(world, state), WANTED)
        assert FIRST not in world.api.names(SECRETS)
    assert forged(world) == []
    assert state["current"] == made["current"]
    world.engine.lines.clear()
    world.plugin.read(WANTED, state)
    assert lines(world) == []


def test_a_rotation_is_not_kept_from_minting(world, flooded):
    due(world)
    state = world.plugin.update(flooded, WANTED)
    assert state["token"] != flooded["token"]
    assert len(forged(world)) == MANY - MOST
    assert "no state has" in received(world, "warning")


def test_recorded_tokens_end_before_forged_ones(world, flooded):
    world.plugin.delete(flooded)
    first = next(line for line in world.writes() if line.startswith("DELETE"))
    assert flooded["current"]["handle"] in first
    assert len(forged(world)) == MANY - MOST
    assert f"{MANY - MOST} more Secrets that look like tokens of this key stay" in received(world, "warning")
    assert "the deletion of the key's ServiceAccount, which follows, ends these tokens too" in received(
        world, "warning"
    )
    assert len(lines(world)) <= 4


def test_what_cant_be_revoked_does_not_grow_with_each_run(world, flooded):
    world.api.fail("DELETE", "forged-", 403, "a policy says no")
    state = flooded
    for _ in range(3):
        state = world.plugin.update(refreshed(world, state), WANTED)
        assert len(state["pendingRevocations"]) == MOST
    assert state["current"] == flooded["current"]
    assert len(lines(world)) <= 12


def test_no_body_of_a_secret_is_read(world, flooded):
    world.api.log.clear()
    world.plugin.update(refreshed(world, flooded), WANTED)
    requests = [one for one in world.api.log if one.path.startswith(SECRETS)]
    assert {request.method for request in requests} == {"GET", "DELETE"}
    assert all("as=PartialObjectMetadata" in request.headers["Accept"] for request in requests)


def test_foreign_ones_are_one_warning(world, made):
    for number in range(MANY):
        leftover(world, f"forged-{number:04}", owner="x" * 10_000)
    world.plugin.read(WANTED, made)
    (warning,) = world.engine.texts("warning")
    assert f"and {MANY - 10} more" in warning
    assert len(warning) < 6_000


def test_of_adopted_ones_a_hundred_are_recorded(world):
    forge(world)
    _, state = world.plugin.create({**WANTED, "adopt": True})
    assert len(state["retiring"]) == MOST
    assert f"no state has {MANY - MOST} more" in received(world, "warning")


def test_a_preview_is_one_line(world, flooded):
    state = refreshed(world, flooded)
    world.engine.lines.clear()
    world.plugin.update(state, WANTED, preview=True)
    (line,) = lines(world)
    assert f"and {MOST - 10} more would be revoked" in line


def test_a_release_touches_the_recorded_ones_and_a_hundred_more(world, flooded):
    world.plugin.update(flooded, {**WANTED, "released": True})
    assert OWNER_ANNOTATION not in notes(world, flooded["current"]["handle"])
    assert len([name for name in forged(world) if OWNER_ANNOTATION not in notes(world, name)]) == MOST
    assert "no state has" in received(world, "warning")


def test_a_secret_of_a_recorded_name_and_another_uid_is_not_the_recorded_one(world, made):
    handle = made["current"]["handle"]
    del world.api.objects[f"{SECRETS}/{handle}"]
    leftover(world, handle)
    state = refreshed(world, made)
    assert state["current"]["dead"].startswith("it was revoked")
    assert [token_secret["handle"] for token_secret in state["pendingRevocations"]] == [handle]
