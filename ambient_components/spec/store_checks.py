"""Checks of buckets against the object store in the stack's config."""

from collections.abc import Iterator, Mapping

from ambient_components.rules.buckets import BucketDriver, adopt_with_aws
from ambient_components.rules.findings import Finding, Path, below
from ambient_components.spec.models import Workspace
from ambient_components.spec.storage import Bucket
from ambient_components.storage.config import MINIO, OBJECT_STORE, StoreConfig, set_command


def against_store(workspaces: Mapping[str, Workspace], store: StoreConfig | None) -> Iterator[Finding]:
    """Find buckets that the store does not support, or that have no store.

    Args:
        workspaces: Workspaces by name.
        store: The store in the config; None if there is none.
    """
    for name, workspace in workspaces.items():
        bucket = workspace.storage.bucket
        if bucket is not None:
            here = ("workspaces", name, "storage", "bucket")
            yield from _of_aws(here, bucket, store) if bucket.driver is BucketDriver.AWS else _of(here, bucket, store)


def _of(path: Path, bucket: Bucket, store: StoreConfig | None) -> Iterator[Finding]:
    if store is not None:
        return
    say = f"say where it is: {set_command('endpoint', 'https://…')}, or for AWS {set_command('region', 'eu-central-1')}"
    problem = f"needs an object store, and the stack's config has no {OBJECT_STORE}"
    if bucket.driver is BucketDriver.S3:
        yield Finding((*path, "name"), problem, say)
    elif bucket.endpoint is None:
        yield Finding((*path, "name"), f"has no endpoint, and the stack's config no {OBJECT_STORE}", "add endpoint")


def _of_aws(path: Path, bucket: Bucket, store: StoreConfig | None) -> Iterator[Finding]:
    if store is not None and store.credentials == MINIO:
        yield Finding(
            (*path, "driver"),
            f"is aws, which makes users by IAM, and the store's API for them is {MINIO}",
            "write driver: s3",
        )
    if bucket.adopt:
        yield from below(path, [adopt_with_aws()])
