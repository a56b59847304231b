"""The storage variables in a workspace's integration secret. All of them or none: contract 4, 10.14."""

from typing import Final, TypeVar

CUSTOM_MODE: Final = "custom"
"""The only STORAGE_MODE that activates the S3 variables; all others mean the shared bucket."""

T = TypeVar("T")


def storage_variables(mode: T, endpoint: T, bucket: T, access_key: T, secret_key: T) -> dict[str, T]:
    """Return all five variables by name. There is no region, because nothing reads it (contract 4)."""
    return {
        "STORAGE_MODE": mode,
        "S3_ENDPOINT": endpoint,
        "S3_BUCKET": bucket,
        "S3_ACCESS_KEY": access_key,
        "S3_SECRET_KEY": secret_key,
    }
