"""Buckets that are let go, kept or deleted."""

import pytest

from ambient_components.provider.buckets.s3_bucket import S3Bucket
from tests.support.s3_bucket import MARKS, OTHERS, WANTED, made, tags, there
from tests.support.store_world import Crash, OneResource, calls, refusal

__all__ = ["made"]


# Let go.


def test_a_released_bucket_that_another_has_adopted_stays_his(made, s3):
    before = dict(made.inputs)
    made.up({**before, "released": True})
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [OTHERS]})
    assert "belongs to the stack other/one now" in refusal(made.up, before)
    assert made.up({**before, "released": True}) == "nothing"


# Removed.


@pytest.mark.parametrize("how", [{}, {"onDelete": "keep"}])
def test_a_bucket_is_kept_by_default_and_bears_nobodys_mark(bucket, s3, world, how):
    bucket.up({**WANTED, **how, "tags": {"team": "pay"}})
    s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    bucket.destroy()
    assert tags(s3) == {"team": "pay"}
    assert "is kept with all that is in it (onDelete: keep), and has no ownership tag" in world.received("info")
    assert "it was not made by this tool" in refusal(bucket.up, WANTED)
    assert bucket.up({**WANTED, "adopt": True}) == "create"


@pytest.mark.parametrize("versioning", [True, False])
def test_a_bucket_that_is_not_empty_is_deleted_only_by_force(bucket, s3, world, versioning):
    desired = {**WANTED, "onDelete": "delete", "versioning": versioning}
    bucket.up(desired)
    for name in ("a", "b", "b"):
        s3.put_object(Bucket="pay-sessions", Key=name, Body=b"1")
    s3.delete_object(Bucket="pay-sessions", Key="a")
    s3.create_multipart_upload(Bucket="pay-sessions", Key="part")
    received = refusal(bucket.destroy)
    count = 4 if versioning else 1  # two of b, one of a and its mark of deletion; or b
    assert f"is not empty: {count} objects and versions are in it; write 'force: true'" in received
    assert there(s3) == ["pay-sessions"]
    bucket.up({**desired, "force": True})
    bucket.destroy()
    assert there(s3) == []
    assert f"deleted bucket pay-sessions with {count} objects and versions" in world.received("info")


def test_what_another_workspace_has_taken_since_is_not_the_old_ones_to_delete(bucket, s3, world):
    """As after a removal that failed, and a run that gave the bucket to a workspace of another name."""
    bucket.up({**WANTED, "onDelete": "delete", "force": True})
    assert tags(s3)["ambient-components/on-delete"] == "delete"
    other = OneResource(S3Bucket(), world)
    other.up({**WANTED, "namespace": "payments"})
    s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    bucket.destroy()
    assert "bucket pay-sessions is of workspace payments now: it is forgotten here" in world.received("warning")
    assert s3.get_object(Bucket="pay-sessions", Key="a")["Body"].read() == b"1"
    assert tags(s3) == {**MARKS, "ambient-components/workspace": "payments"}


@pytest.mark.parametrize("mark", [None, OTHERS])
@pytest.mark.parametrize("how", [{}, {"onDelete": "delete", "force": True}])
def test_a_bucket_whose_mark_is_not_ours_is_never_deleted(bucket, s3, world, mark, how):
    bucket.up({**WANTED, **how})
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [mark or {"Key": "x", "Value": "y"}]})
    bucket.destroy()
    assert there(s3) == ["pay-sessions"]
    assert "it is forgotten here, and stays unchanged" in world.received("warning")
    assert len(tags(s3)) == 1


def test_a_great_bucket_is_emptied_batch_by_batch_and_goes_on_after_a_crash(bucket, s3, world, monkeypatch):
    monkeypatch.setattr("ambient_components.provider.buckets.emptying._BATCH", 10)
    monkeypatch.setattr("ambient_components.provider.buckets.emptying._TOLD_EACH", 20)
    bucket.up({**WANTED, "onDelete": "delete", "force": True})
    for number in range(45):
        s3.put_object(Bucket="pay-sessions", Key=f"{number:02}", Body=b"1")
    world.engine.cancelled = True
    assert "the run is being cancelled after it deleted 0 objects; run again" in refusal(bucket.destroy)
    world.engine.cancelled = False
    with calls(monkeypatch, 5), pytest.raises(Crash):
        bucket.destroy()
    left = s3.list_objects_v2(Bucket="pay-sessions")["KeyCount"]
    assert 0 < left < 45
    bucket.destroy()
    assert there(s3) == []
    assert f"deleted bucket pay-sessions with {left} objects" in world.received("info")
