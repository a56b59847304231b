"""Buckets and their credentials on the sandbox's store, which enforces its users' policies; without an engine.

What that store does not have (lifecycle rules, encryption) the unit tests ask moto for.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ambient_components.provider.buckets.ownership import holder_of, tags_of
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from tests.support.real_store import RealWorld, bucket, name, s3, world
from tests.support.store_crashes import bucket_case, bucket_end, credential_cases, killed_everywhere
from tests.support.store_world import OWNER, OneResource, refusal

__all__ = ["bucket", "name", "s3", "world"]

_CASES = tuple(credential_cases(None, None))  # type: ignore[arg-type]  # for their names


@pytest.mark.parametrize(
    ("requested", "received"),
    [
        ({"expireAfterDays": 30}, "remove expireAfter from bucket"),
        ({"encryption": "AES256"}, "remove encryption from bucket"),
    ],
)
def test_what_this_store_lacks_is_named_and_no_bucket_is_left(
    world: RealWorld, name: str, s3: Any, requested: dict[str, Any], received: str
) -> None:
    one = OneResource(S3Bucket(), world)
    desired = {"bucket": name, "owner": OWNER, "namespace": world.namespace}
    assert f"(NotImplemented): {received} '{name}'" in refusal(one.up, {**desired, **requested})
    assert name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert world.claim() is None
    assert one.up(desired) == "create"


def test_a_bucket_with_versions_and_tags_lives_and_drifts_and_is_mended(world: RealWorld, name: str, s3: Any) -> None:
    one = OneResource(S3Bucket(), world)
    desired = {
        "bucket": name,
        "owner": OWNER,
        "namespace": world.namespace,
        "versioning": True,
        "tags": {"team": "pay"},
    }
    assert one.up(desired) == "create"
    assert one.refresh()
    assert one.up(desired) == "nothing"
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_tagging(Bucket=name)
    assert one.refresh()
    assert one.inputs["versioning"] is False
    assert one.inputs["tags"] == {}
    assert one.state["drift"] == {"owner": "removed"}
    assert one.up(desired) == "update"
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert holder_of(tags_of(world.context(), name) or {}) == OWNER


def test_a_bucket_goes_with_all_versions_only_by_force(world: RealWorld, name: str, s3: Any) -> None:
    one = OneResource(S3Bucket(), world)
    desired = {"bucket": name, "owner": OWNER, "versioning": True, "onDelete": "delete"}
    one.up(desired)
    for key in ("a", "a", "b"):
        s3.put_object(Bucket=name, Key=key, Body=b"1")
    s3.delete_object(Bucket=name, Key="b")
    s3.create_multipart_upload(Bucket=name, Key="part")
    assert "is not empty: 4 objects and versions are in it" in refusal(one.destroy)
    one.up({**desired, "force": True})
    one.destroy()
    assert name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_what_is_locked_is_reported(world: RealWorld, name: str, s3: Any) -> None:
    one = OneResource(S3Bucket(), world)
    one.up({"bucket": name, "owner": OWNER, "objectLock": True, "onDelete": "delete", "force": True})
    until = datetime.now(UTC) + timedelta(days=2)
    s3.put_object(Bucket=name, Key="a", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    assert "1 objects can't be deleted" in refusal(one.destroy)


# Runs that die.


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, {"versioning": True, "tags": {"team": "pay"}}),
        ({}, {"versioning": True, "tags": {"team": "pay"}}),
        ({"versioning": True}, {"versioning": True, "released": True}),
    ],
    ids=["made", "changed", "released"],
)
def test_a_bucket_comes_to_what_is_declared_wherever_a_run_dies(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    killed_everywhere(monkeypatch, lambda: bucket_case(world, before, after))


def test_a_bucket_ends_with_all_that_is_in_it_wherever_a_run_dies(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ambient_components.provider.buckets.emptying._BATCH", 3)
    how = {"onDelete": "delete", "force": True}
    killed_everywhere(monkeypatch, lambda: bucket_end(world, how, 7))


@pytest.mark.parametrize("case", _CASES)
def test_no_key_is_lost_or_left_over_wherever_a_run_dies(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    killed_everywhere(monkeypatch, credential_cases(world, monkeypatch)[case])
