"""`ambient:index:S3Credentials` by MinIO's admin API: the same life as by IAM."""

import pytest

from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.store.connection import StoreSettings
from ambient_components.provider.store.minio import MinioAccounts
from tests.support.fake_api import FakeApi
from tests.support.fake_minio import minio
from tests.support.store_world import OWNER, Crash, OneResource, StoreWorld, move_clock

__all__ = ["minio"]

DAY = 86_400
USER = bucket_user(OWNER, "pay", "pay-sessions", 1)
WANTED = {
    "user": USER,
    "bucket": "pay-sessions",
    "owner": OWNER,
    "lifetimeSeconds": 90 * DAY,
    "overlapSeconds": 7 * DAY,
    "usedIn": "pay/ambient-non-vertex-integrations",
}


@pytest.fixture
def world(minio, monkeypatch):
    move_clock(monkeypatch, "")
    with FakeApi() as api:
        api.add("/api/v1/namespaces", "pay")
        world = StoreWorld(StoreSettings(credentials="minio"), api.kubeconfig(), api=api)
        world.store._accounts = MinioAccounts(minio)
        yield world
    move_clock(monkeypatch, "")


@pytest.fixture
def made(keys, world):
    keys.up(WANTED)
    world.uses(keys.state["accessKey"])
    return keys


def test_a_key_lives_is_rotated_and_ends(made, minio, world, monkeypatch):
    first = made.state["accessKey"]
    assert made.state["current"]["expiresAt"] == minio.access_keys[first]["expiration"], "MinIO ends it by itself"
    assert made.state["nextAction"]["what"] == "rotate"
    assert made.refresh()
    assert made.state["drift"] == {}
    assert made.up(WANTED) == "nothing"
    move_clock(monkeypatch, "80d")
    assert made.up(WANTED) == "update"
    second = made.state["accessKey"]
    assert set(minio.access_keys) == {first, second}
    world.uses(second)
    move_clock(monkeypatch, "88d")
    assert made.up(WANTED) == "update"
    assert set(minio.access_keys) == {second}
    assert made.up(WANTED) == "nothing"
    world.uses("SOMETHINGELSE")
    made.destroy()
    assert (minio.access_keys, minio.users) == ({}, {})


def test_with_a_lost_state_the_key_in_use_lives_on(made, minio, world):
    first = made.state["accessKey"]
    again = OneResource(S3Credentials(), world)
    again.up(WANTED)
    assert set(minio.access_keys) == {first, again.state["accessKey"]}
    assert [each["uid"] for each in again.state["retiring"]] == [first]


def test_no_key_is_lost_or_left_over_wherever_a_run_dies(minio, world, monkeypatch):
    for last in range(1, 60):
        move_clock(monkeypatch, "")
        desired = {**WANTED, "user": bucket_user(OWNER, "pay", "pay-sessions", last), "generation": last}
        keys = OneResource(S3Credentials(), world)
        keys.up(desired)
        first = keys.state["accessKey"]
        world.uses(first)
        move_clock(monkeypatch, "80d")
        minio.dies_after = len(minio.requests) + last
        try:
            keys.up(desired)
            died = False
        except Crash:
            died = True
            assert first in minio.access_keys
            keys.up(desired)
        minio.dies_after = 0
        there = {key_id for key_id, key in minio.access_keys.items() if key["parentUser"] == desired["user"]}
        assert there == {first, keys.state["accessKey"]}
        assert keys.refresh()
        assert keys.up(desired) == "nothing"
        if not died:
            break
    else:
        pytest.fail("more than 60 requests")
