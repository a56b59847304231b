"""Buckets and their credentials on the sandbox's store, which enforces its users' policies; without an engine.

What that store does not have (lifecycle rules, encryption) the unit tests ask moto for.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ambient_components.errors import StepError
from ambient_components.platform.contract import INTEGRATION_SECRET
from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.ownership import MAKING, holder_of, tags_of
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.store.connection import Store as ClientOfStore
from ambient_components.provider.store.connection import StoreSettings
from sandbox.store import Store
from tests.support.machine import Machine
from tests.support.store_crashes import bucket_case, bucket_end, credential_cases, killed_everywhere
from tests.support.store_world import OWNER, OneResource, StoreWorld, move_clock

DAY = 86_400
_CASES = tuple(credential_cases(None, None))  # type: ignore[arg-type]  # for their names


@dataclass
class RealWorld(StoreWorld):
    """The sandbox's store, and its cluster as the deployer sees it."""

    machine: Machine | None = None

    def path(self, *rest: str) -> str:
        return "/".join(("/api/v1/namespaces", self.namespace, *rest))

    def claim(self) -> str | None:
        assert self.machine
        return ((self.machine.get(self.path()) or {})["metadata"].get("annotations") or {}).get(MAKING)

    def uses(self, access_key: str, secret: str = INTEGRATION_SECRET) -> None:
        assert self.machine
        data = {"S3_ACCESS_KEY": base64.b64encode(access_key.encode()).decode()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "data": data}
        if self.machine.get(self.path("secrets", secret)):
            self.machine.delete(self.path("secrets", secret))
        self.machine.create(self.path("secrets"), body)

    def used(self, secret: str = INTEGRATION_SECRET) -> str | None:
        assert self.machine
        found = self.machine.get(self.path("secrets", secret))
        return base64.b64decode(found["data"]["S3_ACCESS_KEY"]).decode() if found else None


@pytest.fixture
def world(machine: Machine, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealWorld]:
    namespace = f"pay-{secrets.token_hex(3)}"
    machine.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    settings = StoreSettings(
        endpoint=store.endpoint,
        iam_endpoint=store.iam_endpoint,
        access_key=store.access_key,
        secret_key=store.secret_key,
    )
    move_clock(monkeypatch, "")
    yield RealWorld(settings, machine.cluster.kubeconfig.read_text(), namespace=namespace, machine=machine)
    machine.delete(f"/api/v1/namespaces/{namespace}")
    move_clock(monkeypatch, "")


@pytest.fixture
def s3(world: RealWorld) -> Any:
    return world.client("s3")


@pytest.fixture
def name(world: RealWorld) -> str:
    return f"{world.namespace}-sessions"


@pytest.fixture
def bucket(world: RealWorld, name: str) -> OneResource:
    one = OneResource(S3Bucket(), world)
    one.up({"bucket": name, "owner": OWNER, "namespace": world.namespace})
    return one


def credentials(world: RealWorld, name: str, **more: Any) -> tuple[OneResource, dict[str, Any]]:
    desired = {
        "user": bucket_user(OWNER, world.namespace, name, 1),
        "bucket": name,
        "owner": OWNER,
        "lifetimeSeconds": 90 * DAY,
        "overlapSeconds": 7 * DAY,
        "usedIn": f"{world.namespace}/{INTEGRATION_SECRET}",
        **more,
    }
    keys = OneResource(S3Credentials(), world)
    keys.up(desired)
    assert world.machine
    world.machine.keep_secret(keys.state["secretKey"], f"the secret of {keys.state['accessKey']}")
    world.uses(keys.state["accessKey"])
    return keys, desired


def client_of(world: RealWorld, keys: OneResource) -> Any:
    return world.client("s3", keys.state["accessKey"], keys.state["secretKey"])


def code(action: Any, **parameters: Any) -> str:
    """What a request is answered with."""
    try:
        action(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def refusal(action: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(StepError) as raised:
        action(*args, **kwargs)
    return str(raised.value)


def test_the_key_opens_its_bucket_and_nothing_else(world: RealWorld, bucket: OneResource, name: str, s3: Any) -> None:
    keys, _ = credentials(world, name)
    other = f"{name}-of-others"
    s3.create_bucket(Bucket=other)
    s3.put_object(Bucket=other, Key="a", Body=b"1")
    me = client_of(world, keys)
    assert code(me.put_object, Bucket=name, Key="a", Body=b"1") == "done"
    assert code(me.get_object, Bucket=name, Key="a") == "done"
    assert code(me.list_objects_v2, Bucket=name) == "done"
    assert code(me.delete_object, Bucket=name, Key="a") == "done"
    for refused in (
        lambda: code(me.list_objects_v2, Bucket=other),
        lambda: code(me.get_object, Bucket=other, Key="a"),
        lambda: code(me.put_object, Bucket=other, Key="b", Body=b"1"),
        lambda: code(me.delete_object, Bucket=other, Key="a"),
        lambda: code(me.create_bucket, Bucket=f"{name}-more"),
        lambda: code(me.delete_bucket, Bucket=name),
        lambda: code(me.put_bucket_tagging, Bucket=name, Tagging={"TagSet": []}),
        lambda: code(me.put_bucket_versioning, Bucket=name, VersioningConfiguration={"Status": "Suspended"}),
        lambda: code(me.get_bucket_policy, Bucket=name),
    ):
        assert refused() == "AccessDenied"
    assert s3.get_object(Bucket=other, Key="a")["Body"].read() == b"1"


def test_a_key_for_a_part_of_a_bucket_opens_that_part_alone(world: RealWorld, name: str, s3: Any) -> None:
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="other/a", Body=b"1")
    keys, _ = credentials(world, name, prefix=f"{world.namespace}/")
    me = client_of(world, keys)
    own = f"{world.namespace}/s1/a"
    assert code(me.put_object, Bucket=name, Key=own, Body=b"1") == "done"
    assert code(me.get_object, Bucket=name, Key=own) == "done"
    assert code(me.list_objects_v2, Bucket=name, Prefix=f"{world.namespace}/") == "done"
    assert code(me.list_objects_v2, Bucket=name, Delimiter="/") == "done"  # as the init container does
    assert code(me.get_object, Bucket=name, Key="other/a") == "AccessDenied"
    assert code(me.list_objects_v2, Bucket=name, Prefix="other/") == "AccessDenied"
    assert code(me.put_object, Bucket=name, Key=f"{world.namespace}2/a", Body=b"1") == "AccessDenied"


def test_a_rotated_key_works_through_the_overlap_and_is_refused_after_it(
    world: RealWorld, bucket: OneResource, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, desired = credentials(world, name)
    old = client_of(world, keys)
    move_clock(monkeypatch, "80d")
    assert keys.up(desired) == "update"
    new = client_of(world, keys)
    assert code(old.list_objects_v2, Bucket=name) == code(new.list_objects_v2, Bucket=name) == "done"
    move_clock(monkeypatch, "88d")
    keys.up(desired)
    assert code(old.list_objects_v2, Bucket=name) == "done"  # sessions have it still: the Secret's step has not come
    world.uses(keys.state["accessKey"])
    assert keys.up(desired) == "update"
    assert code(old.list_objects_v2, Bucket=name) == "InvalidAccessKeyId"
    assert code(new.list_objects_v2, Bucket=name) == "done"
    world.uses("AKIASOMETHINGELSE000")
    keys.destroy()
    assert code(new.list_objects_v2, Bucket=name) == "InvalidAccessKeyId"


def test_a_widened_policy_is_seen_and_ends_with_the_next_run(world: RealWorld, name: str, s3: Any) -> None:
    s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket=f"{name}-of-others")
    keys, desired = credentials(world, name)
    me, user = client_of(world, keys), desired["user"]
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam = world.client("iam")
    iam.put_user_policy(UserName=user, PolicyName="more", PolicyDocument=json.dumps(wide))
    assert code(me.list_objects_v2, Bucket=f"{name}-of-others") == "done"
    keys.refresh()
    assert keys.state["drift"] == {"policies": "added: policy more"}
    assert keys.up(desired) == "update"
    assert code(me.list_objects_v2, Bucket=f"{name}-of-others") == "AccessDenied"
    assert code(me.list_objects_v2, Bucket=name) == "done"


def test_a_deleted_user_is_made_anew_with_another_key(world: RealWorld, bucket: OneResource, name: str) -> None:
    keys, desired = credentials(world, name)
    old, iam, user = client_of(world, keys), world.client("iam"), desired["user"]
    iam.delete_access_key(UserName=user, AccessKeyId=keys.state["accessKey"])
    iam.delete_user_policy(UserName=user, PolicyName="ambient-components")
    iam.delete_user(UserName=user)
    assert code(old.list_objects_v2, Bucket=name) != "done"
    keys.refresh()
    assert keys.state["current"]["dead"] == "the store's user was deleted"
    assert keys.up(desired) == "update"
    assert code(client_of(world, keys).list_objects_v2, Bucket=name) == "done"


def test_a_deactivated_key_is_refused_seen_and_replaced(world: RealWorld, bucket: OneResource, name: str) -> None:
    keys, desired = credentials(world, name)
    first = keys.state["accessKey"]
    world.client("iam").update_access_key(UserName=desired["user"], AccessKeyId=first, Status="Inactive")
    assert code(client_of(world, keys).list_objects_v2, Bucket=name) != "done"
    keys.refresh()
    assert keys.state["current"]["dead"] == "it was deactivated"
    keys.up(desired)
    assert code(client_of(world, keys).list_objects_v2, Bucket=name) == "done"


def test_a_key_by_hand_is_reported_and_works_on(world: RealWorld, bucket: OneResource, name: str) -> None:
    keys, desired = credentials(world, name)
    other = world.client("iam").create_access_key(UserName=desired["user"])["AccessKey"]
    keys.refresh()
    assert keys.state["foreign"] == [other["AccessKeyId"]]
    keys.up({**desired, "overlapSeconds": 6 * DAY})
    theirs = world.client("s3", other["AccessKeyId"], other["SecretAccessKey"])
    assert code(theirs.list_objects_v2, Bucket=name) == "done"


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


def test_what_is_locked_says_until_when(world: RealWorld, name: str, s3: Any) -> None:
    one = OneResource(S3Bucket(), world)
    one.up({"bucket": name, "owner": OWNER, "objectLock": True, "onDelete": "delete", "force": True})
    until = datetime.now(UTC) + timedelta(days=2)
    s3.put_object(Bucket=name, Key="a", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    assert f"1 objects are locked until {until:%Y-%m-%d}" in refusal(one.destroy)


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


# Bad input.


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
def test_wrong_settings_are_told_and_nothing_is_made(
    world: RealWorld, name: str, s3: Any, change: dict[str, str], received: str
) -> None:
    given = {field: getattr(world.settings, field) for field in world.settings.__slots__}
    wrong = RealWorld(StoreSettings(**{**given, **change}), world.kubeconfig, namespace=world.namespace)
    one = OneResource(S3Bucket(), wrong)
    text = refusal(one.up, {"bucket": name, "owner": OWNER})
    assert received in text
    assert world.settings.secret_key not in text
    assert name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    one.world = world
    assert one.up({"bucket": name, "owner": OWNER}) == "create"


@pytest.mark.parametrize("by", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_wrong_clock_is_told_with_both_times(
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


def test_a_store_without_iam_at_the_address_is_told_with_the_ways_out(world: RealWorld, name: str) -> None:
    given = {field: getattr(world.settings, field) for field in world.settings.__slots__}
    without = ClientOfStore(StoreSettings(**{**given, "iam_endpoint": ""}))
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
