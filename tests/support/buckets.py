"""Stacks with an object store, and what a session of theirs can do in it."""

import base64
import secrets
from typing import Any

from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from sandbox.store import Store
from tests.support.stacks import Stack
from tests.support.store import iam, s3

SECRET = "ambient-non-vertex-integrations"
EMPTY = "workspaces: {}\n"


def with_store(stack: Stack, store: Store) -> None:
    """Names the store in the stack's config."""
    plain = {"endpoint": store.endpoint, "iamEndpoint": store.iam_endpoint, "accessKey": store.access_key}
    for field, value in plain.items():
        stack.config(f"objectStore.{field}", value, "--path")
    stack.config("objectStore.secretKey", store.secret_key, "--path", secret=True)


def file_of(bucket: str, more: str = "", state: str = "active", exceptions: str = "") -> str:
    """A workspace with a bucket: `more` are further fields of it."""
    return (
        f"workspaces:\n  THIS:\n    protect: false\n    state: {state}\n{exceptions}"
        f"    storage: {{bucket: {{name: {bucket}, protect: false{more}}}}}\n"
    )


def variables(stack: Stack, workspace: str = "") -> dict[str, str]:
    """What sessions get of the storage; its keys are remembered for the scan."""
    served = stack.machine.get(f"/api/v1/namespaces/{workspace or stack.w}/secrets/{SECRET}")
    data = {key: base64.b64decode(value).decode() for key, value in ((served or {}).get("data") or {}).items()}
    if "S3_SECRET_KEY" in data:
        stack.machine.keep_secret(data["S3_SECRET_KEY"], "a secret access key of a workspace")
    return data


def session(store: Store, found: dict[str, str]) -> S3Client:
    """A client with what a session has."""
    return s3(store, found["S3_ACCESS_KEY"], found["S3_SECRET_KEY"])


def reported(call: Any, **arguments: Any) -> str:
    """What a request comes to: OK, or the store's code."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def works(client: S3Client, bucket: str, prefix: str = "") -> None:
    """All that a session does in its bucket is answered."""
    key = f"{prefix}session/{secrets.token_hex(4)}"
    where = {"Bucket": bucket, "Key": key}
    answers = [
        reported(client.put_object, **where, Body=b"state"),
        reported(client.get_object, **where),
        reported(client.list_objects_v2, Bucket=bucket, Prefix=prefix or "session/"),
        # The platform's init container, before anything else.
        reported(client.list_objects_v2, Bucket=bucket, Delimiter="/"),
        reported(client.delete_object, **where),
    ]
    assert answers == ["OK"] * 5


def refused(client: S3Client, store: Store, bucket: str) -> None:
    """Nothing is answered to a key that was ended."""
    assert reported(client.list_objects_v2, Bucket=bucket) == "InvalidAccessKeyId"


def users(store: Store, stack: Stack) -> dict[str, list[str]]:
    """The store's users of a stack's workspaces, with the ids of their keys."""
    client = iam(store)
    names = [user["UserName"] for user in client.list_users()["Users"] if f"ambient-{stack.w}" in user["UserName"]]
    return {
        name: [key["AccessKeyId"] for key in client.list_access_keys(UserName=name)["AccessKeyMetadata"]]
        for name in names
    }


def owner_tag(store: Store, bucket: str) -> str | None:
    """Whose a bucket is."""
    try:
        tags = s3(store).get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError:
        return None
    return {tag["Key"]: tag["Value"] for tag in tags}.get("ambient-components/owner")


def exists(store: Store, bucket: str) -> bool:
    return reported(s3(store).head_bucket, Bucket=bucket) == "OK"


def put(store: Store, bucket: str, key: str, body: bytes = b"data") -> None:
    """Somebody's data."""
    s3(store).put_object(Bucket=bucket, Key=key, Body=body)


def content(store: Store, bucket: str) -> list[str]:
    return [item["Key"] for item in s3(store).list_objects_v2(Bucket=bucket).get("Contents", [])]


def sweep(store: Store, stack: Stack) -> None:
    """Removes what a test has left in the store."""
    client = s3(store)
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if not name.startswith(stack.w):
            continue
        listed = client.list_object_versions(Bucket=name)
        for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
            client.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
        for item in client.list_objects_v2(Bucket=name).get("Contents", []):
            client.delete_object(Bucket=name, Key=item["Key"])
        client.delete_bucket(Bucket=name)
