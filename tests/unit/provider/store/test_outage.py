"""A refresh while the store is away: what is on record stays, and nothing else of the run is held back."""

import dataclasses

import pytest

from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.protocol.wire import Secret
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.connection import Store
from ambient_components.provider.store.errors import RefusedError, UnreachedError
from tests.support.store_world import OWNER, OneResource

USER = bucket_user(OWNER, "pay", "pay-sessions", 1)
BUCKET = {"bucket": "pay-sessions", "owner": OWNER, "namespace": "pay", "versioning": True}
KEYS = {"user": USER, "bucket": "pay-sessions", "owner": OWNER, "lifetimeSeconds": 7_776_000}


@pytest.fixture
def both(world):
    bucket, keys = OneResource(S3Bucket(), world), OneResource(S3Credentials(), world)
    bucket.up(BUCKET)
    keys.up(KEYS)
    world.received("info")
    return bucket, keys


def stays_as_it_is(both, world, received):
    bucket, keys = both
    for resource, desired, what in (
        (bucket, BUCKET, "bucket pay-sessions is not looked at: "),
        (keys, KEYS, f"the access keys of the object store's user {USER} are not looked at: "),
    ):
        before = dict(resource.state)
        assert resource.refresh()
        warning = world.received("warning")
        assert warning.startswith(what)
        assert received in warning
        assert resource.state == before
        assert resource.up(desired) == "nothing"


def test_a_store_that_is_down_keeps_no_run_from_ending_access(both, world):
    world.store = Store(dataclasses.replace(world.settings, endpoint="http://127.0.0.1:1"))
    stays_as_it_is(both, world, "does not answer")
    assert isinstance(both[1].kind.read(world.context(), "id", KEYS, both[1].state).outputs["secretKey"], Secret)


def test_a_bucket_that_may_be_somebody_elses_is_told_and_kept_on_record(both, world, monkeypatch):
    def refuse(*_):
        raise RefusedError("no right", 403, "AccessDenied")

    monkeypatch.setattr(Api, "_send", refuse)
    assert both[0].refresh()
    assert "so it is not ours, or a right is missing" in world.received("warning")
    assert both[0].up(BUCKET) == "nothing"


def test_what_a_refresh_found_before_stays_on_record(both, world):
    bucket, keys = both
    world.client("s3").delete_bucket_tagging(Bucket="pay-sessions")
    world.client("iam").untag_user(UserName=USER, TagKeys=["ambient-components/owner"])
    bucket.refresh()
    keys.refresh()
    there, world.store = world.store, Store(dataclasses.replace(world.settings, endpoint="http://127.0.0.1:1"))
    bucket.refresh()
    keys.refresh()
    assert bucket.state["drift"] == keys.state["drift"] == {"owner": "removed"}
    # The step that has something to do says loudly that it can't.
    with pytest.raises(UnreachedError):
        bucket.up(BUCKET)
    world.store = there
    assert [bucket.up(BUCKET), keys.up(KEYS)] == ["update", "update"]
