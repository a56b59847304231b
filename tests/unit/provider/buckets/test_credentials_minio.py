"""`ambient:index:S3Credentials` by MinIO's admin API, against the stand-in for it: the same life as by IAM."""

from datetime import timedelta
from hashlib import sha256

import pytest
from minio import crypto

from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.store import minio_client
from ambient_components.provider.store.connection import StoreSettings
from tests.support.fake_api import FakeApi
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_iam import ROOT, ROOT_SECRET
from tests.support.store_world import OWNER, Crash, OneResource, StoreWorld, move_clock

DAY = 86_400
USER = bucket_user(OWNER, "pay", "pay-sessions", 1)
MINE = "pay-sessions/s1/a"
WANTED = {
    "user": USER,
    "bucket": "pay-sessions",
    "owner": OWNER,
    "lifetimeSeconds": 90 * DAY,
    "overlapSeconds": 7 * DAY,
    "usedIn": "pay/ambient-non-vertex-integrations",
}


@pytest.fixture
def minio(monkeypatch):
    monkeypatch.setattr(minio_client, "BACKOFF", 0)
    # Argon2 takes a tenth of a second for every message, at both ends.
    monkeypatch.setattr(crypto, "_generate_key", lambda secret, salt: sha256(salt + secret).digest())
    with MinioStandIn() as server:
        yield server


@pytest.fixture
def world(minio, monkeypatch):
    settings = StoreSettings(endpoint=minio.url, access_key=ROOT, secret_key=ROOT_SECRET, credentials="minio")
    move_clock(monkeypatch, "")
    with FakeApi() as api:
        api.add("/api/v1/namespaces", "pay")
        yield StoreWorld(settings, api.kubeconfig(), api=api)
    move_clock(monkeypatch, "")


@pytest.fixture
def made(keys, world):
    keys.up(WANTED)
    world.uses(keys.state["accessKey"])
    return keys


def ids(minio):
    return {key for key in minio.keys if minio.keys[key].parent == USER}


def test_a_key_lives_is_rotated_and_ends(made, minio, world, monkeypatch):
    first = made.state["accessKey"]
    assert minio.opens(first, "s3:PutObject", MINE)
    assert not minio.opens(first, "s3:PutObject", "others/s1/a")
    assert made.state["nextAction"]["what"] == "rotate"
    assert made.refresh()
    assert made.state["drift"] == {}
    assert made.up(WANTED) == "nothing"
    move_clock(monkeypatch, "80d")
    assert made.up(WANTED) == "update"
    second = made.state["accessKey"]
    assert ids(minio) == {first, second}
    world.uses(second)
    move_clock(monkeypatch, "88d")
    assert made.up(WANTED) == "update"
    assert ids(minio) == {second}
    assert made.up(WANTED) == "nothing"
    world.uses("SOMETHINGELSE")
    made.destroy()
    assert ids(minio) == set()
    assert USER not in minio.users


def test_the_store_itself_ends_a_key_that_is_over(made, minio):
    end = minio.keys[made.state["accessKey"]].end
    assert abs(end - minio.now() - timedelta(days=90)) < timedelta(minutes=2)
    assert made.state["current"]["expiresAt"] == end.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_with_a_lost_state_the_key_in_use_lives_on(made, minio, world):
    first = made.state["accessKey"]
    again = OneResource(S3Credentials(), world)
    again.up(WANTED)
    assert ids(minio) == {first, again.state["accessKey"]}
    assert [each["uid"] for each in again.state["retiring"]] == [first]


def test_no_key_is_lost_or_left_over_wherever_a_run_dies(minio, world, monkeypatch):
    call = minio_client.MinioClient._call
    for last in range(1, 60):
        left = [last]

        def dying(client, right, send, secret="", left=left):
            answer = call(client, right, send, secret)
            left[0] -= 1
            if left[0] == 0:
                raise Crash
            return answer

        move_clock(monkeypatch, "")
        desired = {**WANTED, "user": bucket_user(OWNER, "pay", "pay-sessions", last), "generation": last}
        keys = OneResource(S3Credentials(), world)
        keys.up(desired)
        first = keys.state["accessKey"]
        world.uses(first)
        move_clock(monkeypatch, "80d")
        try:
            with monkeypatch.context() as patch:
                patch.setattr(minio_client.MinioClient, "_call", dying)
                keys.up(desired)
        except Crash:
            assert minio.opens(first, "s3:PutObject", MINE)
            keys.up(desired)
        there = {key for key in minio.keys if minio.keys[key].parent == desired["user"]}
        assert there == {first, keys.state["accessKey"]}
        assert keys.refresh()
        assert keys.up(desired) == "nothing"
        if left[0] > 0:
            break
    else:
        pytest.fail("more than 60 requests")
