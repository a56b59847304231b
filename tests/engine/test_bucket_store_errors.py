"""Buckets and their credentials with wrong settings, a wrong clock, and a store that does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.store.connection import Store as ClientOfStore
from sandbox.store import Store
from tests.support.real_store import DAY, RealWorld, client_of, code, name, s3, world
from tests.support.store_world import OWNER, OneResource, refusal

__all__ = ["name", "s3", "world"]


@contextmanager
def moved_clock(patch: pytest.MonkeyPatch, by: timedelta) -> Iterator[None]:
    """The clock that requests are signed by is wrong."""
    import botocore.auth  # noqa: PLC0415

    right = botocore.auth.get_current_datetime
    with patch.context() as inner:
        inner.setattr("botocore.auth.get_current_datetime", lambda *args, **kwargs: right(*args, **kwargs) + by)
        yield


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"secret_key": "wrong"}, "refuses the secret key of the access key"),
        ({"access_key": "NOBODY"}, "does not know the access key NOBODY, or it is disabled: check accessKey"),
        ({"region": "eu-west-1"}, "is in another region than the request says: check region"),
    ],
)
def test_wrong_settings_are_reported_and_nothing_is_made(
    world: RealWorld, name: str, s3: Any, change: dict[str, str], received: str
) -> None:
    wrong = RealWorld(replace(world.settings, **change), world.kubeconfig, namespace=world.namespace)
    one = OneResource(S3Bucket(), wrong)
    text = refusal(one.up, {"bucket": name, "owner": OWNER})
    assert received in text
    assert world.settings.secret_key not in text
    assert name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    one.world = world
    assert one.up({"bucket": name, "owner": OWNER}) == "create"


@pytest.mark.parametrize("by", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_wrong_clock_is_reported_with_both_times(
    world: RealWorld, name: str, monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    bucket, keys = OneResource(S3Bucket(), world), OneResource(S3Credentials(), world)
    with moved_clock(monkeypatch, by):
        for text in (
            refusal(bucket.up, {"bucket": name, "owner": OWNER}),
            refusal(keys.up, {"user": "me-1", "bucket": name, "owner": OWNER, "lifetimeSeconds": DAY}),
        ):
            assert "refuses every request, as its clock says 2" in text
            assert ", and this machine's 2" in text
            assert "set the one that is wrong" in text


def test_a_store_without_iam_at_the_address_is_reported_with_the_remedies(world: RealWorld, name: str) -> None:
    without = ClientOfStore(replace(world.settings, iam_endpoint=""))
    wrong = RealWorld(without.settings, world.kubeconfig, namespace=world.namespace)
    keys = OneResource(S3Credentials(), wrong)
    text = refusal(keys.up, {"user": "me-1", "bucket": name, "owner": OWNER, "lifetimeSeconds": DAY})
    assert "has no API of AWS's IAM there (MethodNotAllowed for iam:GetUser): set iamEndpoint" in text
    assert "credentials: minio" in text
    assert "driver: existing" in text


def test_a_store_that_is_out_fails_and_the_next_run_converges(
    world: RealWorld, store: Store, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ambient_components.provider.store.client._WAITS", (0.1,) * 5)
    bucket = OneResource(S3Bucket(), world)
    keys = OneResource(S3Credentials(), world)
    desired = {"user": f"{world.namespace}-1", "bucket": name, "owner": OWNER, "lifetimeSeconds": 90 * DAY}
    store.stop()
    assert "does not answer" in refusal(bucket.up, {"bucket": name, "owner": OWNER, "namespace": world.namespace})
    assert "does not answer" in refusal(keys.up, desired)
    store.start()
    assert bucket.up({"bucket": name, "owner": OWNER, "namespace": world.namespace}) == "create"
    assert keys.up(desired) == "create"
    assert code(client_of(world, keys).list_objects_v2, Bucket=name) == "done"
    keys.destroy()
