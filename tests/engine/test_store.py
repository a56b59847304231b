"""The sandbox's object store is one: it enforces what IAM says, and keeps what it has through a stop and a kill."""

import json
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.support.machine import Machine
from tests.support.store import iam, s3


@dataclass
class Tenant:
    """A user with one bucket, whose policy is the whole of his rights."""

    store: Store
    name: str
    access_key: str
    secret_key: str = field(repr=False)

    @property
    def s3(self) -> S3Client:
        return s3(self.store, self.access_key, self.secret_key)


@pytest.fixture
def tenant(store: Store, machine: Machine) -> Tenant:
    name = f"tenant-{secrets.token_hex(4)}"
    s3(store).create_bucket(Bucket=name)
    admin = iam(store)
    admin.create_user(UserName=name)
    statements = [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{name}"},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": f"arn:aws:s3:::{name}/*",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    admin.put_user_policy(UserName=name, PolicyName="bucket", PolicyDocument=policy)
    key = admin.create_access_key(UserName=name)["AccessKey"]
    machine.keep_secret(key["SecretAccessKey"], f"the secret access key of {name}")
    return Tenant(store, name, key["AccessKeyId"], key["SecretAccessKey"])


def refusal(call: Callable[[], Any]) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def keys_in(client: S3Client, bucket: str) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_user_has_his_bucket(tenant: Tenant) -> None:
    client, bucket = tenant.s3, tenant.name
    client.put_object(Bucket=bucket, Key="a/b", Body=b"state")
    assert client.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"state"
    assert keys_in(client, bucket) == ["a/b"]
    client.delete_object(Bucket=bucket, Key="a/b")
    assert keys_in(client, bucket) == []


def test_a_user_has_nothing_else(tenant: Tenant) -> None:
    other = f"{tenant.name}-other"
    s3(tenant.store).create_bucket(Bucket=other)
    s3(tenant.store).put_object(Bucket=other, Key="k", Body=b"")
    client = tenant.s3
    calls: list[Callable[[], Any]] = [
        lambda: client.list_objects_v2(Bucket=other),
        lambda: client.get_object(Bucket=other, Key="k"),
        lambda: client.put_object(Bucket=other, Key="k", Body=b""),
        lambda: client.delete_object(Bucket=other, Key="k"),
        lambda: client.create_bucket(Bucket=f"{tenant.name}-new"),
        lambda: client.delete_bucket(Bucket=tenant.name),
        client.list_buckets,
    ]
    assert [refusal(call) for call in calls] == ["AccessDenied"] * len(calls)


def test_a_deleted_key_is_refused_at_once(tenant: Tenant) -> None:
    assert keys_in(tenant.s3, tenant.name) == []
    iam(tenant.store).delete_access_key(UserName=tenant.name, AccessKeyId=tenant.access_key)
    assert refusal(lambda: keys_in(tenant.s3, tenant.name)) == "InvalidAccessKeyId"


def test_a_wrong_secret_is_refused(tenant: Tenant) -> None:
    wrong = s3(tenant.store, tenant.access_key, "wrong")
    assert refusal(lambda: keys_in(wrong, tenant.name)) == "SignatureDoesNotMatch"


def test_what_a_bucket_of_ours_needs(tenant: Tenant) -> None:
    """Tags and versions are kept, and a bucket with something in it can't be deleted."""
    root, bucket = s3(tenant.store), tenant.name
    root.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "owner", "Value": "p/dev"}]})
    assert root.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "owner", "Value": "p/dev"}]
    root.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        root.put_object(Bucket=bucket, Key="k", Body=body)
    assert len(root.list_object_versions(Bucket=bucket)["Versions"]) == 2
    assert refusal(lambda: root.delete_bucket(Bucket=bucket)) == "BucketNotEmpty"


def test_all_is_there_again_after_a_stop(tenant: Tenant) -> None:
    store = tenant.store
    tenant.s3.put_object(Bucket=tenant.name, Key="kept", Body=b"x")
    before = (store.endpoint, store.iam_endpoint, store.access_key, store.secret_key)
    store.stop()
    assert not store.running
    assert all(service.pid() is None for service in store.services)
    store.start()
    assert store.running
    assert (store.endpoint, store.iam_endpoint, store.access_key, store.secret_key) == before
    assert keys_in(tenant.s3, tenant.name) == ["kept"]
    assert refusal(tenant.s3.list_buckets) == "AccessDenied"


@pytest.mark.parametrize("killed", [[0], [1], [0, 1]], ids=["iam", "s3", "both"])
def test_a_killed_server_is_started_again(tenant: Tenant, killed: list[int]) -> None:
    store = tenant.store
    tenant.s3.put_object(Bucket=tenant.name, Key="kept", Body=b"x")
    before = [service.pid() for service in store.services]
    for number in killed:
        os.kill(before[number] or 0, signal.SIGKILL)
    assert not store.running
    store.start()
    after = [service.pid() for service in store.services]
    assert [one != other for one, other in zip(before, after, strict=True)] == [i in killed for i in (0, 1)]
    assert keys_in(tenant.s3, tenant.name) == ["kept"]
    assert refusal(tenant.s3.list_buckets) == "AccessDenied"


@pytest.fixture
def own(toolchain: Toolchain, tmp_path: Path) -> Iterator[Store]:
    """A store of the test's own, in a folder whose sockets would have too long a name."""
    store = Store(tmp_path / ("x" * 120), toolchain)
    yield store
    store.stop()


def test_a_second_start_changes_nothing(own: Store) -> None:
    own.start()
    before = [service.pid() for service in own.services]
    again = Store(own.directory, own.toolchain)
    again.start()
    assert [service.pid() for service in again.services] == before


def test_two_starts_at_once_are_one(own: Store) -> None:
    own.directory.mkdir()
    stores = [Store(own.directory, own.toolchain) for _ in range(4)]
    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(lambda store: store.start(), stores))
    assert own.running
    for service in own.services:
        assert service.log.read_text().count("listening on:") == {"versitygw-iam": 2, "versitygw-s3": 1}[service.name]


def test_a_file_system_without_extended_attributes(own: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.store._keeps_attributes", lambda folder: False)
    own.start()
    root = s3(own)
    root.create_bucket(Bucket="one")
    root.put_bucket_tagging(Bucket="one", Tagging={"TagSet": [{"Key": "owner", "Value": "p/dev"}]})
    root.put_object(Bucket="one", Key="k", Body=b"x", ContentType="text/plain")
    assert root.head_object(Bucket="one", Key="k")["ContentType"] == "text/plain"
    assert root.get_bucket_tagging(Bucket="one")["TagSet"] == [{"Key": "owner", "Value": "p/dev"}]
    assert os.listxattr(own.directory / "store" / "data" / "one" / "k") == []


def listening(port: int) -> socket.socket:
    taker = socket.socket()
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taker.bind(("127.0.0.1", port))
    taker.listen()
    return taker


def test_taken_ports_are_left_to_who_has_them(own: Store) -> None:
    own.start()
    own.stop()
    first = own.endpoint, own.iam_endpoint
    ports = [int(address.rsplit(":", 1)[1]) for address in first]
    takers = [listening(port) for port in ports]
    try:
        own.start()
        assert own.running
        assert not {own.endpoint, own.iam_endpoint} & set(first)
    finally:
        for taker in takers:
            taker.close()


def test_the_root_s_secret_is_in_no_command_line_and_no_log(own: Store) -> None:
    own.start()
    s3(own).list_buckets()
    for service in own.services:
        command = Path(f"/proc/{service.pid()}/cmdline").read_bytes()
        assert own.secret_key.encode() not in command
        assert own.secret_key not in service.log.read_text()
    assert own.credentials_file.stat().st_mode & 0o777 == 0o600
    assert own.directory.stat().st_mode & 0o777 == 0o700
