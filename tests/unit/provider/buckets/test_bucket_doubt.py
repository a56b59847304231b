"""`ambient:index:S3Bucket` where a bucket of its name may be another one: nothing in it is deleted by a guess."""

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import BusyError, RefusedError
from ambient_components.rules.buckets import EXPIRY_RULE
from tests.support.s3_bucket import tags
from tests.support.store_world import OWNER, OneResource, refusal

NAME = "pay-sessions"
WANTED = {"bucket": NAME, "owner": OWNER, "namespace": "pay", "onDelete": "delete", "force": True}
MARKS = {
    "ambient-components/owner": OWNER,
    "ambient-components/workspace": "pay",
    "ambient-components/on-delete": "delete",
}
DOUBT = "ambient-components/marked-again"


def made_anew(s3):
    """Somebody deletes the bucket, and makes another one of its name."""
    s3.delete_bucket(Bucket=NAME)
    s3.create_bucket(Bucket=NAME)
    s3.delete_bucket_tagging(Bucket=NAME)  # moto has the old ones still
    s3.put_object(Bucket=NAME, Key="theirs", Body=b"x")


def test_a_bucket_that_somebody_made_anew_is_emptied_only_where_he_says_that_it_is_his(bucket, s3, world):
    bucket.up(WANTED)
    made_anew(s3)
    bucket.refresh()
    assert bucket.up(WANTED) == "update"
    since = tags(s3)[DOUBT]
    received = refusal(bucket.destroy)
    assert f"bucket 'pay-sessions' had no ownership tag until {since}, when it was restored" in received
    assert "write 'adopt: true' beside its name, deploy, and remove it" in received
    assert s3.get_object(Bucket=NAME, Key="theirs")
    # Nor after a refresh, another change, or with a lost state.
    bucket.refresh()
    bucket.up({**WANTED, "versioning": True})
    again = OneResource(S3Bucket(), world)
    again.up(WANTED)
    assert "had no ownership tag until" in refusal(again.destroy)
    bucket.up({**WANTED, "adopt": True})
    assert tags(s3) == MARKS
    bucket.destroy()
    assert s3.list_buckets()["Buckets"] == []


def test_where_it_is_said_to_be_taken_over_there_is_no_doubt(bucket, s3):
    desired = {**WANTED, "adopt": True}
    bucket.up(desired)
    made_anew(s3)
    bucket.refresh()
    bucket.up(desired)
    assert tags(s3) == MARKS


def test_its_objects_do_not_expire_either(bucket, s3):
    desired = {**WANTED, "expireAfterDays": 1}
    bucket.up(desired)
    made_anew(s3)
    s3.delete_bucket_lifecycle(Bucket=NAME)
    bucket.refresh()
    received = refusal(bucket.up, desired)
    assert "has neither this stack's ownership tag nor its rule any more" in received
    assert "write 'adopt: true' beside its name to take it over, or remove expireAfter" in received
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchTagSet"):
        tags(s3)
    bucket.up({**desired, "adopt": True})
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=NAME)["Rules"]
    assert rule["ID"] == EXPIRY_RULE


# The note that a bucket is being made.


def not_made(patch, error):
    send = Api._send

    def refuse(api, operation, parameters):
        if operation == "create_bucket":
            raise error
        return send(api, operation, parameters)

    patch.setattr(Api, "_send", refuse)


def test_what_somebody_makes_after_the_store_refused_is_not_ours(bucket, s3, world, monkeypatch):
    with monkeypatch.context() as patch:
        not_made(patch, RefusedError("no right", 403, "AccessDenied"))
        assert "no right" in refusal(bucket.up, WANTED)
    assert world.claim() is None
    s3.create_bucket(Bucket=NAME)
    assert "it was not made by this tool" in refusal(bucket.up, WANTED)


@pytest.mark.parametrize(
    "error", [BusyError("busy", 503, ""), RefusedError("it is there", 409, "BucketAlreadyOwnedByYou")]
)
def test_what_may_have_been_made_is(bucket, s3, world, monkeypatch, error):
    with monkeypatch.context() as patch:
        not_made(patch, error)
        refusal(bucket.up, WANTED)
    assert world.claim()
    s3.create_bucket(Bucket=NAME)
    assert bucket.up(WANTED) == "create"
    assert world.claim() is None


def test_why_it_was_refused_is_said_where_the_note_stays(bucket, world, monkeypatch):
    with monkeypatch.context() as patch:
        not_made(patch, RefusedError("no right", 403, "AccessDenied"))
        patch.setattr(
            "ambient_components.provider.buckets.ownership.unclaim",
            lambda *_: (_ for _ in ()).throw(StepError("the cluster is gone")),
        )
        assert "no right" in refusal(bucket.up, WANTED)
    assert "notes still that bucket pay-sessions is being made: the cluster is gone" in world.received("warning")
