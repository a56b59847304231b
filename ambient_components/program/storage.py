"""What buckets need of the stack's config and of this machine."""

import importlib.util
from collections.abc import Mapping

from ambient_components.errors import Problems
from ambient_components.rules.buckets import INSTALL_AWS, BucketDriver
from ambient_components.rules.findings import Finding
from ambient_components.rules.object_store import StoreConfig
from ambient_components.stackfile import Bucket, LoadedStack, Workspace
from ambient_components.stackfile.checks.storage import against_store
from ambient_components.stackfile.loader import located


def uses_aws(workspaces: Mapping[str, Workspace]) -> bool:
    """Tell whether a bucket uses the `aws` driver, which needs pulumi-aws."""
    return any(bucket.driver is BucketDriver.AWS for bucket in _buckets(workspaces).values())


def check_storage(stack: LoadedStack, store: StoreConfig | None, problems: Problems) -> None:
    """Find buckets for which the stack's config or this machine lacks something.

    Args:
        stack: The stack.
        store: The configured store. None if the config has none.
        problems: Collects what is missing.
    """
    problems.extend(located(stack, against_store(stack.file.workspaces, store)))
    if importlib.util.find_spec("pulumi_aws") is not None:
        return
    needing = (name for name, one in _buckets(stack.file.workspaces).items() if one.driver is BucketDriver.AWS)
    paths = [("workspaces", name, "storage", "bucket", "driver") for name in needing]
    problems.extend(
        located(stack, [Finding(path, "is aws, and pulumi-aws is not installed", INSTALL_AWS) for path in paths])
    )


def _buckets(workspaces: Mapping[str, Workspace]) -> dict[str, Bucket]:
    found = ((name, workspace.storage.bucket) for name, workspace in workspaces.items())
    return {name: bucket for name, bucket in found if bucket is not None}
