"""Access keys after others changed them, and after the state was lost."""

import pytest

from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.rules.buckets import access_policy, same_policy
from tests.support.credentials import USER, WANTED, WIDE, by_hand, diff, ids, made
from tests.support.store_world import OneResource, move_clock, refusal

__all__ = ["made"]


# Drift.


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        (
            lambda iam: iam.put_user_policy(UserName=USER, PolicyName="ambient-components", PolicyDocument=WIDE),
            {"policy": "changed"},
        ),
        (
            lambda iam: iam.delete_user_policy(UserName=USER, PolicyName="ambient-components"),
            {"policy": "removed"},
        ),
        (
            lambda iam: iam.put_user_policy(UserName=USER, PolicyName="more", PolicyDocument=WIDE),
            {"policies": "added: policy more"},
        ),
        (
            lambda iam: iam.untag_user(UserName=USER, TagKeys=["ambient-components/owner"]),
            {"owner": "removed"},
        ),
    ],
    ids=["widened", "removed", "further", "mark"],
)
def test_what_others_changed_of_the_user_is_seen_and_put_back(made, iam, world, change, drift):
    key = made.state["accessKey"]
    change(iam)
    assert made.refresh()
    assert made.state["drift"] == drift
    (what,) = drift
    assert f"the object store's user {USER} is not as declared: {what} {drift[what]}" in world.received("warning")
    assert diff(made, WANTED).computed == {"drift"}
    made.up(WANTED, preview=True)
    assert f"would be put right: {what} {drift[what]}" in world.received("info")
    assert made.up(WANTED) == "update"
    assert made.state["drift"] == {}
    assert made.state["accessKey"] == key
    assert made.refresh()
    assert made.up(WANTED) == "nothing"
    document = iam.get_user_policy(UserName=USER, PolicyName="ambient-components")["PolicyDocument"]
    assert same_policy(document, access_policy("pay-sessions"))
    assert iam.list_user_policies(UserName=USER)["PolicyNames"] == ["ambient-components"]


def test_a_retiring_key_that_was_deactivated_is_ended(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    world.uses(made.state["accessKey"])
    iam.update_access_key(UserName=USER, AccessKeyId=first, Status="Inactive")
    made.refresh()
    assert made.state["retiring"] == []
    assert made.up(WANTED) == "update"
    assert ids(iam) == {made.state["accessKey"]}


def test_a_foreign_key_in_the_way_of_a_rotation_is_named(made, iam, monkeypatch):
    other = by_hand(iam)
    move_clock(monkeypatch, "77d")
    received = refusal(made.up, WANTED)
    assert "has 2 access keys, and can't have more" in received
    assert other in received
    iam.delete_access_key(UserName=USER, AccessKeyId=other)
    assert made.up(WANTED) == "update"


# A lost state.


@pytest.mark.parametrize("rotated", [False, True])
def test_with_a_lost_state_the_key_that_sessions_use_lives_on_through_the_overlap(
    made, iam, world, monkeypatch, rotated
):
    first = made.state["accessKey"]
    if rotated:
        move_clock(monkeypatch, "77d")
        made.up(WANTED)
    again = OneResource(S3Credentials(), world)
    assert again.up(WANTED) == "create"
    second = again.state["accessKey"]
    assert ids(iam) == {first, second}
    assert [each["uid"] for each in again.state["retiring"]] == [first]
    assert f"access key {first} was in the store without a record" in world.received("warning")
    world.uses(second)
    move_clock(monkeypatch, "85d" if rotated else "8d")
    again.up(WANTED)
    assert ids(iam) == {second}


def test_with_a_lost_state_and_no_secret_to_look_at_the_newest_key_lives_on(keys, iam, world, monkeypatch):
    desired = {name: value for name, value in WANTED.items() if name != "usedIn"}
    keys.up(desired)
    first = keys.state["accessKey"]
    again = OneResource(S3Credentials(), world)
    again.up(desired)
    assert ids(iam) == {first, again.state["accessKey"]}


def test_with_a_lost_state_a_key_of_somebodys_is_left_alone(made, iam, world):
    world.uses("AKIASOMETHINGELSE000")
    other = by_hand(iam)
    again = OneResource(S3Credentials(), world)
    again.up(WANTED)
    assert ids(iam) == {other, again.state["accessKey"]}
    assert again.state["foreign"] == [other]


def test_with_an_older_state_the_key_that_sessions_use_lives_on(made, iam, world, monkeypatch):
    """Somebody put back a state from before the last rotation: its current key is gone, and another one is in use."""
    older = (dict(made.inputs), dict(made.state))
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    second = made.state["accessKey"]
    world.uses(second)
    move_clock(monkeypatch, "85d")
    made.up(WANTED)
    made.inputs, made.state = older
    assert made.up(WANTED) == "update"
    third = made.state["accessKey"]
    assert ids(iam) == {second, third}
    assert [each["uid"] for each in made.state["retiring"]] == [second]
