"""`ambient:index:S3Bucket` against moto's server, which has all of S3's settings: what is checked, and what is made."""

import pytest

from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import RefusedError
from tests.support.s3_bucket import WANTED, tags, there
from tests.support.store_world import OWNER, OneResource, lacking, moto_world, refusal

# Check and diff.


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"bucket": ""}, "bucket: '' is not a name for a bucket"),
        ({"bucket": "Pay_Sessions"}, "bucket: 'Pay_Sessions' is not a name for a bucket; allowed: 3-63"),
        ({"bucket": 3}, "bucket: text is expected"),
        ({"owner": None}, "owner: is missing"),
        ({"owner": ""}, "owner: is empty"),
        ({"namespace": 3}, "namespace: text is expected"),
        ({"versioning": "yes"}, "versioning: true or false is expected"),
        ({"expireAfterDays": 0}, "expireAfterDays: '0d' is not a duration; allowed: whole days from 1d"),
        ({"expireAfterDays": 1.5}, "expireAfterDays: a whole number"),
        ({"expireAfterDays": True}, "expireAfterDays: a whole number"),
        (
            {"encryption": "aes256"},
            "encryption: 'aes256' is not a way of encryption; allowed: AES256, aws:kms; did you mean 'AES256'?",
        ),
        ({"objectLock": True, "versioning": False}, "versioning: is false, and objectLock is true"),
        ({"tags": ["a"]}, "tags: a mapping is expected"),
        ({"tags": {"ambient-components/owner": "me"}}, "which is reserved"),
        ({"tags": {"AWS:x": "me"}}, "which is reserved"),
        ({"tags": {"a": "b" * 257}}, "tags.a: can't be the value of a tag; allowed: letters"),
        ({"tags": {"": "b"}}, "can't be the name of a tag; allowed: letters"),
        ({"tags": {f"t{n}": "" for n in range(50)}}, "tags: has 50 tags; allowed: up to 49"),
        ({"onDelete": "forget"}, "onDelete: 'forget' is not a way to leave; allowed: keep, delete"),
        ({"force": True}, "force: has no meaning: the bucket is kept when it leaves"),
    ],
)
def test_each_input_that_no_store_would_take_is_refused(world, change, received):
    (failure,) = S3Bucket().check(world.context(), {}, {**WANTED, **change}).failures
    assert received in str(failure)


@pytest.mark.parametrize(("was", "is_now"), [(True, None), (None, True), (True, False)])
def test_object_lock_cant_be_changed_but_with_another_bucket(world, was, is_now):
    olds, news = ({**WANTED, "objectLock": value} for value in (was, is_now))
    (failure,) = S3Bucket().check(world.context(), olds, news).failures
    assert "can't be changed afterwards" in str(failure)
    assert not S3Bucket().check(world.context(), olds, {**news, "bucket": "another"}).failures


# Made.


def test_a_bucket_in_another_region_is_made_there(monkeypatch):
    with moto_world(monkeypatch, region="eu-central-1") as world:
        OneResource(S3Bucket(), world).up(WANTED)
        assert world.client("s3").get_bucket_location(Bucket="pay-sessions")["LocationConstraint"] == "eu-central-1"


def test_a_bucket_of_its_own_needs_no_cluster(bucket, s3, world):
    world.api.fail("GET", ".", 500)
    bucket.up({"bucket": "alone", "owner": OWNER})
    assert tags(s3, "alone") == {"ambient-components/owner": OWNER}


@pytest.mark.parametrize(
    ("desired", "operation", "received"),
    [
        ({"expireAfterDays": 9}, "get_bucket_lifecycle_configuration", "remove expireAfter from bucket 'pay-sessions'"),
        ({"expireAfterDays": 9}, "put_bucket_lifecycle_configuration", "remove expireAfter from bucket 'pay-sessions'"),
        ({"encryption": "AES256"}, "get_bucket_encryption", "has no default for encryption"),
        ({"encryption": "AES256"}, "put_bucket_encryption", "remove encryption from bucket 'pay-sessions'"),
        ({"versioning": True}, "get_bucket_versioning", "has no versions (NotImplemented): remove versioning from"),
        ({"objectLock": True}, "get_object_lock_configuration", "has no object lock"),
        ({}, "put_bucket_tagging", "does not have it"),
    ],
)
def test_a_store_that_lacks_what_is_asked_for_is_left_as_it_was(
    bucket, s3, world, monkeypatch, desired, operation, received
):
    with monkeypatch.context() as patch:
        lacking(patch, operation)
        assert received in refusal(bucket.up, {**WANTED, **desired})
    assert there(s3) == []
    assert world.claim() is None
    # And without the wish, or with a store that has it, the next run succeeds.
    assert bucket.up({**WANTED, **desired}) == "create"


@pytest.mark.parametrize(
    "operation",
    ["get_bucket_lifecycle_configuration", "get_bucket_versioning", "get_bucket_encryption", "put_public_access_block"],
)
def test_what_a_store_lacks_does_not_matter_where_nobody_asks_for_it(bucket, monkeypatch, operation):
    lacking(monkeypatch, operation)
    desired = {**WANTED, "versioning": False}
    assert bucket.up(desired) == "create"
    assert bucket.refresh()
    assert bucket.up(desired) == "nothing"


def test_a_bucket_is_made_on_minio(bucket, s3, monkeypatch):
    """What MinIO's server answers (tested): of a missing bucket no tags, and of public access that its XML is wrong."""
    send = Api._send

    def as_minio(api, operation, parameters):
        if operation == "get_bucket_tagging" and parameters["Bucket"] not in there(s3):
            raise RefusedError("The TagSet does not exist", 404, "NoSuchTagSet")
        if operation == "put_public_access_block":
            raise RefusedError("The XML you provided was not well-formed", 400, "MalformedXML")
        return send(api, operation, parameters)

    monkeypatch.setattr(Api, "_send", as_minio)
    assert bucket.up(WANTED) == "create"
    bucket.destroy()


def test_a_store_that_does_not_keep_tags_is_refused_before_anything_is_in_the_bucket(bucket, s3, monkeypatch):
    send = Api._send
    monkeypatch.setattr(
        Api, "_send", lambda api, name, given: {} if name == "put_bucket_tagging" else send(api, name, given)
    )
    assert "does not keep the tags of buckets" in refusal(bucket.up, WANTED)
    assert there(s3) == []
