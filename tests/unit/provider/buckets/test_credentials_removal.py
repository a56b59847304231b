"""Access keys that are let go or removed, also of a user that is not ours."""

import pytest

from ambient_components.provider.buckets.s3_credentials import S3Credentials
from tests.support.credentials import USER, WANTED, WIDE, by_hand, ids, made
from tests.support.store_world import OWNER, calls, move_clock, refusal

__all__ = ["made"]


# Let go, and removed.


def test_a_released_account_is_let_go_as_it_is(made, iam, monkeypatch):
    key = made.state["accessKey"]
    secret = made.state["secretKey"]
    assert made.up({**WANTED, "released": True}) == "update"
    tags = {each["Key"] for each in iam.list_user_tags(UserName=USER)["Tags"]}
    assert "ambient-components/owner" not in tags
    assert ids(iam) == {key}
    assert (made.state["accessKey"], made.state["secretKey"]) == (key, secret)
    move_clock(monkeypatch, "85d")
    with calls(monkeypatch) as counted:
        made.refresh()
        assert made.up({**WANTED, "released": True}) == "nothing"
    assert counted.names == []
    # Taken back, it is what it was, and what is due is done.
    assert made.up(WANTED) == "update"
    assert key in ids(iam)
    assert len(ids(iam)) == 2
    with calls(monkeypatch) as counted:
        S3Credentials().delete(made.world.context(), USER, {**made.state, "released": True})
    assert counted.names == []


def test_a_key_that_lies_in_the_sessions_secret_is_not_ended_with_its_resource(made, iam, world):
    received = refusal(made.destroy)
    assert f"access key {made.state['accessKey']} is still in use by Secret pay/" in received
    assert len(ids(iam)) == 1
    world.uses("AKIASOMETHINGELSE000")
    made.destroy()
    assert iam.list_users()["Users"] == []


def test_an_account_is_removed_with_keys_and_rights_that_others_gave_it(keys, iam):
    keys.up(WANTED)
    by_hand(iam)
    iam.put_user_policy(UserName=USER, PolicyName="more", PolicyDocument=WIDE)
    keys.destroy()
    assert iam.list_users()["Users"] == []


@pytest.mark.parametrize("mark", ["other/one", None])
def test_a_user_that_bears_our_mark_no_more_loses_our_keys_and_stays(keys, iam, world, mark):
    keys.up(WANTED)
    other = by_hand(iam)
    iam.untag_user(UserName=USER, TagKeys=["ambient-components/owner"])
    if mark:
        iam.tag_user(UserName=USER, Tags=[{"Key": "ambient-components/owner", "Value": mark}])
    keys.destroy()
    assert ids(iam) == {other}
    received = world.received("warning")
    assert "the keys on record are revoked, and the user is left alone" in received
    assert other in received


# Keys alone: pulumi-aws makes the user.


def test_of_a_user_of_pulumi_aws_only_keys_are_made_and_ended(keys, iam, world, monkeypatch):
    desired = {**WANTED, "keysOnly": True}
    assert "is not there, and is not made by this resource" in refusal(keys.up, desired)
    iam.create_user(UserName=USER, Tags=[{"Key": "ambient-components/owner", "Value": OWNER}])
    keys.up(desired)
    iam.put_user_policy(UserName=USER, PolicyName="storage", PolicyDocument=WIDE)
    keys.refresh()
    assert keys.state["drift"] == {}
    world.uses(keys.state["accessKey"])
    move_clock(monkeypatch, "77d")
    keys.up(desired)
    assert len(ids(iam)) == 2
    world.uses("AKIASOMETHINGELSE000")
    keys.destroy()
    assert ids(iam) == set()
    assert iam.list_user_policies(UserName=USER)["PolicyNames"] == ["storage"]
    assert len(iam.list_users()["Users"]) == 1
