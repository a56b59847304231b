"""The extras of the package: libraries that only stacks with buckets need (pyproject.toml)."""

import importlib.util
from typing import Final

from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.findings import Verdict
from ambient_components.rules.object_store import MINIO

S3: Final = "s3"
AWS: Final = "aws"

_BOTO3: Final = {"boto3": "boto3>=1.40,<2"}
LIBRARIES: Final = {
    S3: _BOTO3,
    MINIO: _BOTO3 | {"minio": "minio>=7.2.15,<8"},
    AWS: _BOTO3 | {"pulumi-aws": "pulumi-aws>=7,<8"},
}
"""The libraries of each extra, and pip's requirements. MinIO's has the name of its API in the config."""


def extra_of(driver: BucketDriver, store_api: str) -> str | None:
    """Return the extra that a bucket needs. None if it needs none."""
    if driver is BucketDriver.EXISTING:
        return None
    return AWS if driver is BucketDriver.AWS else store_extra(store_api)


def store_extra(store_api: str) -> str:
    return MINIO if store_api == MINIO else S3


def not_installed(extra: str) -> Verdict:
    """Return the problem with an extra on this machine, and the command that installs it."""
    lacking = [name for name in LIBRARIES[extra] if importlib.util.find_spec(name.replace("-", "_")) is None]
    if not lacking:
        return None
    are = "is" if len(lacking) == 1 else "are"
    # Not the extra itself: pip would look this package's name up in the index, where it is not registered.
    install = " ".join(f"'{LIBRARIES[extra][name]}'" for name in lacking)
    return f"needs {' and '.join(lacking)}, which {are} not installed", f"pip install {install} (the extra {extra})"
