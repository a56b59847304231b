"""`ambient:index:S3Credentials`: keys that others switch off and on, that are not on record, or whose note failed."""

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import BusyError
from tests.support.credentials import DAY, USER, WANTED, by_hand, ids, made
from tests.support.store_world import OneResource, failing, move_clock

__all__ = ["made"]

NOTE = "ambient-components/keys"


def note(iam):
    return {each["Key"]: each["Value"] for each in iam.list_user_tags(UserName=USER)["Tags"]}.get(NOTE)


def switch(iam, key, status):
    iam.update_access_key(UserName=USER, AccessKeyId=key, Status=status)


def uids(token_secrets):
    return [each["uid"] for each in token_secrets]


# Switched off and on.


@pytest.mark.parametrize("refreshed", [True, False])
def test_a_key_that_is_activated_again_is_not_replaced(made, iam, refreshed):
    key = made.state["accessKey"]
    switch(iam, key, "Inactive")
    made.refresh()
    assert made.state["current"]["dead"] == "it was deactivated"
    switch(iam, key, "Active")
    if refreshed:
        made.refresh()
        assert made.state["current"]["dead"] is None
    assert made.up(WANTED) == ("nothing" if refreshed else "update")
    assert ids(iam) == {key}
    assert (made.state["accessKey"], made.state["current"]["dead"]) == (key, None)
    assert made.up(WANTED) == "nothing"


def test_a_retiring_key_that_is_activated_again_lives_on_through_its_overlap(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    world.uses(made.state["accessKey"])
    switch(iam, first, "Inactive")
    made.refresh()
    assert uids(made.state["pendingRevocations"]) == [first]
    switch(iam, first, "Active")
    made.refresh()
    assert uids(made.state["retiring"]) == [first]
    assert made.state["pendingRevocations"] == []
    assert made.up(WANTED) == "nothing"
    move_clock(monkeypatch, "85d")
    made.up(WANTED)
    assert ids(iam) == {made.state["accessKey"]}


def test_a_revocation_that_failed_is_not_taken_for_that(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    world.uses(made.state["accessKey"])
    move_clock(monkeypatch, "85d")
    with monkeypatch.context() as patch:
        failing(patch, "delete_access_key")
        made.up(WANTED)
    made.refresh()
    assert uids(made.state["pendingRevocations"]) == [first]


def test_a_pending_revocation_of_a_key_that_came_back_into_use_stays_on_record(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    second = made.state["accessKey"]
    world.uses(second)
    move_clock(monkeypatch, "85d")
    with monkeypatch.context() as patch:
        failing(patch, "delete_access_key")
        made.up(WANTED)
    world.uses(first)  # the Secret was put back from a backup
    move_clock(monkeypatch, "160d")
    assert made.up(WANTED) == "update"
    assert "two keys are the most" in world.received("warning")
    assert ids(iam) == {first, second}
    assert uids(made.state["pendingRevocations"]) == [first]
    world.uses(second)
    made.up(WANTED)
    assert first not in ids(iam)


# Minted, refused, and whose.


def test_a_key_that_somebody_makes_after_a_refused_mint_is_his(world, iam, monkeypatch):
    keys = OneResource(S3Credentials(), world)
    with monkeypatch.context() as patch:
        failing(patch, "create_access_key")
        with pytest.raises(StepError):
            keys.up(WANTED)
    other = by_hand(iam)
    keys.up(WANTED)
    assert ids(iam) == {other, keys.state["accessKey"]}
    assert keys.state["foreign"] == [other]


def test_a_key_that_was_made_behind_a_503_is_ended(world, iam, monkeypatch):
    keys, send = OneResource(S3Credentials(), world), Api._send

    def busy(api, name, given):
        answer = send(api, name, given)
        if name == "create_access_key":
            raise BusyError("a proxy is busy", 503, "")
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Api, "_send", busy)
        with pytest.raises(BusyError):
            keys.up(WANTED)
    assert ids(iam) == set()
    keys.up(WANTED)
    assert ids(iam) == {keys.state["accessKey"]}
    assert keys.state["foreign"] == []


def test_a_note_that_failed_is_written_by_the_next_update(world, iam, monkeypatch):
    keys = OneResource(S3Credentials(), world)
    with monkeypatch.context() as patch:
        failing(patch, "tag_user", status=409, code="ConcurrentModification", skip=1)
        keys.up(WANTED)
    key = keys.state["accessKey"]
    assert note(iam) == "+"
    other = by_hand(iam)
    keys.up({**WANTED, "overlapSeconds": 6 * DAY})
    assert note(iam) == f"{key} -{other}"
    # What was under way is not taken for what somebody made, whatever becomes of ours.
    iam.delete_access_key(UserName=USER, AccessKeyId=key)
    keys.refresh()
    assert keys.state["foreign"] == [other]
    assert keys.state["drift"] == {}
    keys.up(WANTED)
    assert ids(iam) == {other, keys.state["accessKey"]}


# Not on record.


def test_a_lost_state_between_two_rotations_says_who_loses_a_key(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    second = made.state["accessKey"]
    world.uses(second)
    world.engine.lines.clear()
    again = OneResource(S3Credentials(), world)
    again.up(WANTED)
    assert ids(iam) == {second, again.state["accessKey"]}
    received = [str(text) for _, text in world.engine.lines]
    assert any(
        f"access key {first} was in the store without a record, beside the one that is in use" in text
        and "sessions that started before the last rotation lose it" in text
        for text in received
    )
    why = "it is not on record: the run that minted it died, or its state was lost"
    assert f"revoked access key {first}: {why}" in received
