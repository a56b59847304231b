"""The extras of the package: libraries that only stacks with buckets need (pyproject.toml)."""

import importlib.util
from typing import Final

from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.findings import Verdict
from ambient_components.rules.object_store import MINIO

S3: Final = "s3"
AWS: Final = "aws"

LIBRARIES: Final = {S3: ("boto3",), MINIO: ("boto3", "minio"), AWS: ("boto3", "pulumi-aws")}
"""The libraries of each extra. MinIO's has the name of its API in the config."""


def extra_of(driver: BucketDriver, store_api: str) -> str | None:
    """Return the extra that a bucket needs. None if it needs none.

    Args:
        driver: The bucket's driver.
        store_api: The API for the users of the stack's store.
    """
    if driver is BucketDriver.EXISTING:
        return None
    return AWS if driver is BucketDriver.AWS else store_extra(store_api)


def store_extra(store_api: str) -> str:
    """Return the extra that a store needs."""
    return MINIO if store_api == MINIO else S3


def not_installed(extra: str) -> Verdict:
    """Return the problem with an extra on this machine, and the command that installs it."""
    lacking = [name for name in LIBRARIES[extra] if importlib.util.find_spec(name.replace("-", "_")) is None]
    if not lacking:
        return None
    are = "is" if len(lacking) == 1 else "are"
    return f"needs {' and '.join(lacking)}, which {are} not installed", f"pip install 'ambient-components[{extra}]'"
