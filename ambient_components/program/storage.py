"""What buckets need of the stack's config and of this machine."""

from collections.abc import Iterator, Mapping

from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.extras import extra_of, not_installed
from ambient_components.rules.findings import Finding, verdict_finding
from ambient_components.rules.object_store import IAM, StoreConfig
from ambient_components.stackfile import Bucket, Workspace


def uses_aws(workspaces: Mapping[str, Workspace]) -> bool:
    """Tell whether a bucket uses the `aws` driver, which needs pulumi-aws."""
    return any(bucket.driver is BucketDriver.AWS for bucket in _buckets(workspaces).values())


def missing_libraries(
    workspaces: Mapping[str, Workspace], store: StoreConfig | None, *, warning: str | None = None
) -> Iterator[Finding]:
    """Find buckets that need libraries that are not installed."""
    for name, bucket in _buckets(workspaces).items():
        extra = extra_of(bucket.driver, store.credentials if store else IAM)
        if extra is not None:
            path = ("workspaces", name, "storage", "bucket")
            yield from verdict_finding(path, not_installed(extra), at_key=True, warning=warning)


def _buckets(workspaces: Mapping[str, Workspace]) -> dict[str, Bucket]:
    found = ((name, workspace.storage.bucket) for name, workspace in workspaces.items())
    return {name: bucket for name, bucket in found if bucket is not None}
