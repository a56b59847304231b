"""Buckets that are changed, by the declaration and by others."""

import pytest

from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.rules.buckets import EXPIRY_RULE
from tests.support.s3_bucket import MARK, MARKS, OTHERS, WANTED, made, rules, tags
from tests.support.store_world import OWNER, refusal

__all__ = ["made"]


# Changed.


def test_what_leaves_the_declaration_goes_or_stays_as_it_is(made, s3):
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK, {"Key": "theirs", "Value": "1"}]})
    assert made.up({**WANTED, "tags": {"team": "new"}}) == "update"
    assert tags(s3) == {**MARKS, "team": "new", "theirs": "1"}
    # An age is a promise to delete, which ends; versioning and encryption are left as they are.
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        rules(s3)
    assert s3.get_bucket_versioning(Bucket="pay-sessions")["Status"] == "Enabled"


def test_the_rules_of_others_stay(made, s3):
    theirs = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket="pay-sessions", LifecycleConfiguration={"Rules": [*rules(s3), theirs]})
    made.up({**WANTED, "versioning": True, "expireAfterDays": 30})
    assert {rule["ID"]: rule["Expiration"]["Days"] for rule in rules(s3)} == {"logs": 3, EXPIRY_RULE: 30}
    made.up({**WANTED, "versioning": True})
    assert [rule["ID"] for rule in rules(s3)] == ["logs"]


def test_an_owner_of_another_name_is_marked_anew(made, s3):
    made.up({**WANTED, "owner": "app/prod"})
    assert tags(s3)["ambient-components/owner"] == "app/prod"


def test_a_bucket_that_another_stack_has_taken_is_not_touched(made, s3):
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [OTHERS]})
    assert "belongs to the stack other/one now: it is not touched" in refusal(made.up, {**WANTED, "versioning": False})
    assert tags(s3) == {"ambient-components/owner": "other/one"}


# Drift.


@pytest.mark.parametrize(
    ("drift", "paths"),
    [
        (
            lambda s3: s3.put_bucket_versioning(Bucket="pay-sessions", VersioningConfiguration={"Status": "Suspended"}),
            {"versioning"},
        ),
        (lambda s3: s3.delete_bucket_lifecycle(Bucket="pay-sessions"), {"expireAfterDays"}),
        (
            lambda s3: s3.put_bucket_lifecycle_configuration(
                Bucket="pay-sessions",
                LifecycleConfiguration={"Rules": [{**rules(s3)[0], "Status": "Disabled"}]},
            ),
            {"expireAfterDays"},
        ),
        (
            lambda s3: s3.put_bucket_lifecycle_configuration(
                Bucket="pay-sessions",
                LifecycleConfiguration={"Rules": [{**rules(s3)[0], "Expiration": {"Days": 1}}]},
            ),
            {"expireAfterDays"},
        ),
        (
            lambda s3: s3.put_bucket_lifecycle_configuration(
                Bucket="pay-sessions",
                LifecycleConfiguration={"Rules": [{**rules(s3)[0], "Filter": {"Prefix": "a/"}}]},
            ),
            {"expireAfterDays"},
        ),
        (
            lambda s3: s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK]}),
            {"tags.team", "tags.old"},
        ),
        (
            lambda s3: s3.put_bucket_encryption(
                Bucket="pay-sessions",
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
                },
            ),
            {"encryption"},
        ),
    ],
    ids=["versioning off", "rule gone", "rule disabled", "rule changed", "rule narrowed", "tags", "encryption"],
)
def test_drift_is_seen_by_a_refresh_and_mended_by_the_next_run(bucket, s3, drift, paths):
    desired = {
        **WANTED,
        "versioning": True,
        "expireAfterDays": 90,
        "tags": {"team": "pay", "old": "1"},
        "encryption": "AES256",
    }
    bucket.up(desired)
    drift(s3)
    assert bucket.refresh()
    diff = S3Bucket().diff(bucket.world.context(), bucket.inputs, bucket.state, desired)
    assert set(diff.changes) == paths
    assert not diff.replaces
    assert bucket.up(desired) == "update"
    assert bucket.refresh()
    assert bucket.up(desired) == "nothing"


def test_what_others_add_is_no_drift(made, s3):
    desired = dict(made.inputs)
    there_now = s3.get_bucket_tagging(Bucket="pay-sessions")["TagSet"]
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [*there_now, {"Key": "theirs", "Value": "1"}]})
    made.refresh()
    assert made.up(desired) == "nothing"


def test_a_mark_that_was_taken_off_is_put_back(made, s3, world):
    desired = dict(made.inputs)
    s3.delete_bucket_tagging(Bucket="pay-sessions")
    made.refresh()
    assert made.state["drift"] == {"owner": "removed"}
    assert made.up(desired) == "update"
    assert tags(s3)["ambient-components/owner"] == OWNER
    assert "this stack's ownership tag had been removed, and is restored" in world.received("info")
