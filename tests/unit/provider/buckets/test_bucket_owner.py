"""Whose a bucket is: taken where it is ours or nobody's, also after a run that died."""

import pytest

from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import LostError
from tests.support.s3_bucket import MARK, MARKS, OTHERS, WANTED, made, tags, there
from tests.support.store_world import OWNER, lacking, refusal

__all__ = ["made"]


# Whose.


@pytest.mark.parametrize(
    ("mark", "adopt", "received"),
    [
        (MARK, False, None),
        (MARK, True, None),
        (OTHERS, False, "it belongs to the stack other/one: it is not touched"),
        (OTHERS, True, "it belongs to the stack other/one: it is not touched"),
        (None, False, "it was not made by this tool: it is not touched; write 'adopt: true'"),
        (None, True, None),
    ],
)
def test_a_bucket_that_exists_is_taken_only_where_it_is_ours_or_nobodys(bucket, s3, world, mark, adopt, received):
    s3.create_bucket(Bucket="pay-sessions")
    s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    before = [{"Key": "theirs", "Value": "1"}, *([mark] if mark else [])]
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": before})
    desired = {**WANTED, "adopt": adopt, "versioning": True}
    if received:
        assert received in refusal(bucket.up, desired, preview=True)
        assert received in refusal(bucket.up, desired)
        assert s3.get_bucket_tagging(Bucket="pay-sessions")["TagSet"] == before
        assert "Status" not in s3.get_bucket_versioning(Bucket="pay-sessions")
    else:
        bucket.up(desired, preview=True)
        assert "would be taken over" in world.received("info")
        bucket.up(desired)
        assert tags(s3) == {"theirs": "1", **MARKS}
        assert s3.get_bucket_versioning(Bucket="pay-sessions")["Status"] == "Enabled"
    assert s3.get_object(Bucket="pay-sessions", Key="a")["Body"].read() == b"1"


def test_a_bucket_that_is_taken_over_is_asked_for_all_before_it_is_marked(bucket, s3, monkeypatch):
    s3.create_bucket(Bucket="pay-sessions")
    lacking(monkeypatch, "get_bucket_encryption")
    refusal(bucket.up, {**WANTED, "adopt": True, "encryption": "AES256"})
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket="pay-sessions")


def test_a_bucket_that_may_not_be_looked_at_is_somebody_elses(bucket, monkeypatch):
    lacking(monkeypatch, "get_bucket_tagging", status=403, code="AccessDenied")
    received = refusal(bucket.up, WANTED)
    assert "bucket 'pay-sessions' can't be looked at, so it is not ours, or a right is missing" in received


@pytest.mark.parametrize(
    ("code", "received"),
    [
        ("BucketAlreadyExists", "belongs to another account: all accounts of a store share one list of names"),
        ("BucketAlreadyOwnedByYou", "was made by another client just now; deploy again"),
        ("TooManyBuckets", "can't make bucket 'pay-sessions'"),
    ],
)
def test_a_name_that_is_taken_meanwhile_is_told(bucket, monkeypatch, code, received):
    lacking(monkeypatch, "create_bucket", status=409, code=code)
    assert received in refusal(bucket.up, WANTED)


@pytest.mark.parametrize("made", [True, False])
def test_a_bucket_whose_making_gave_no_answer_is_the_one_that_was_asked_for(bucket, s3, monkeypatch, made):
    send = Api._send

    def lose(api, operation, parameters):
        if operation == "create_bucket":
            if made:
                send(api, operation, parameters)
            raise LostError("no answer")
        return send(api, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Api, "_send", lose)
        if made:
            bucket.up({"bucket": "pay-sessions", "owner": OWNER})
        else:
            assert refusal(bucket.up, {"bucket": "pay-sessions", "owner": OWNER}) == "no answer"
    assert there(s3) == (["pay-sessions"] if made else [])
    assert bucket.up({"bucket": "pay-sessions", "owner": OWNER}) == ("nothing" if made else "create")


# A run that died between making and marking.


@pytest.mark.parametrize(
    ("claim", "full", "namespace", "taken"),
    [
        ("{endpoint} pay-sessions", False, "pay", True),
        ("{endpoint} pay-sessions", True, "pay", False),
        ("{endpoint} pay-session", False, "pay", False),
        ("http://another pay-sessions", False, "pay", False),
        (None, False, "pay", False),
        ("{endpoint} pay-sessions", False, None, False),
    ],
)
def test_a_bucket_without_a_mark_is_ours_where_the_namespace_says_so(bucket, s3, world, claim, full, namespace, taken):
    s3.create_bucket(Bucket="pay-sessions")
    if full:
        s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    text = claim and claim.format(endpoint=world.settings.endpoint)
    world.api.change(
        "/api/v1/namespaces/pay", {"metadata": {"annotations": {"ambient-components/making-bucket": text}}}
    )
    desired = {**WANTED, "namespace": namespace}
    if taken:
        bucket.up(desired)
        assert tags(s3) == MARKS
        assert world.claim() is None
    else:
        assert "it was not made by this tool" in refusal(bucket.up, desired)
