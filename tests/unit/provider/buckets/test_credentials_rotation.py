"""Access keys over rotations: the next beside the one before, and what ends when."""

from ambient_components.provider.buckets.access_keys import Observed
from tests.support.credentials import WANTED, ids, made
from tests.support.store_world import failing, move_clock, refusal

__all__ = ["made"]


def test_the_key_that_sessions_use_outlives_its_overlap_until_another_lies_there(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    # The Secret's own update failed, in this run and in the next ones.
    move_clock(monkeypatch, "85d")
    assert made.up(WANTED) == "update"
    assert first in ids(iam)
    assert f"access key {first} lies in Secret pay/ambient-non-vertex-integrations still" in world.received("warning")
    assert [each["uid"] for each in made.state["retiring"]] == [first]
    # Even when the next rotation is due: what sessions use is not what goes.
    move_clock(monkeypatch, "160d")
    assert made.up(WANTED) == "update"
    assert "two keys are the most: a new one is minted once that Secret holds the one after it" in world.received(
        "warning"
    )
    second = made.state["accessKey"]
    assert ids(iam) == {first, second}
    world.uses(second)
    assert made.up(WANTED) == "update"
    assert first not in ids(iam)
    assert second in ids(iam)
    assert len(ids(iam)) == 2


def test_a_missed_window_is_told_and_the_key_has_worked_on(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "100d")
    assert made.refresh()
    assert made.state["current"]["dead"] is None
    assert made.up(WANTED) == "update"
    received = world.received("warning")
    assert f"no run came in time to replace access key {first} before" in received
    assert "it has worked on, as this store ends no key by itself" in received
    # Sessions have it still.
    assert ids(iam) == {first, made.state["accessKey"]}
    world.uses(made.state["accessKey"])
    move_clock(monkeypatch, "108d")
    made.up(WANTED)
    assert ids(iam) == {made.state["accessKey"]}


def test_a_key_after_its_end_makes_room_where_two_are_there(made, iam, world, monkeypatch):
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    second = made.state["accessKey"]
    # Nobody came for a long time; sessions use the second one, the first one is long over.
    world.uses(second)
    move_clock(monkeypatch, "300d")
    assert made.up(WANTED) == "update"
    assert ids(iam) == {second, made.state["accessKey"]}


def test_a_mint_that_fails_takes_nothing(made, iam, monkeypatch):
    before = dict(made.state)
    move_clock(monkeypatch, "77d")
    with monkeypatch.context() as patch:
        failing(patch, "create_access_key")
        assert "says no" in refusal(made.up, WANTED)
    assert ids(iam) == {before["accessKey"]}
    assert made.up(WANTED) == "update"
    assert len(ids(iam)) == 2


def test_a_revocation_that_fails_fails_no_step_and_is_tried_again(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    world.uses(made.state["accessKey"])
    move_clock(monkeypatch, "85d")
    with monkeypatch.context() as patch:
        failing(patch, "delete_access_key")
        assert made.up(WANTED) == "update"
    assert f"could not revoke access key {first} (its overlap ended" in world.received("warning")
    assert [each["uid"] for each in made.state["pendingRevocations"]] == [first]
    assert made.up(WANTED) == "update"
    assert ids(iam) == {made.state["accessKey"]}
    assert made.up(WANTED) == "nothing"


def test_a_revocation_that_failed_is_tried_again_while_a_rotation_waits(made, iam, world, monkeypatch):
    """Sessions have the key before the current one still, and an older state has a revocation on record."""
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    gone = {**made.state["current"], "handle": "AKIAGONE000000000000", "uid": "AKIAGONE000000000000"}
    made.state["pendingRevocations"] = [gone]
    move_clock(monkeypatch, "160d")
    monkeypatch.setattr(
        "ambient_components.provider.buckets.s3_credentials.observe",
        lambda context, values, known: Observed(known, drift={}),
    )
    assert made.up(WANTED) == "update"
    assert made.state["pendingRevocations"] == []
    assert [each["uid"] for each in made.state["retiring"]] == [first]
    assert "two keys are the most" in world.received("warning")
    assert len(ids(iam)) == 2
