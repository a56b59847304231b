"""What a workspace's integration secret says of its storage. Complete or not at all: contract 4, 10.14."""

from typing import Final, TypeVar

CUSTOM_MODE: Final = "custom"
"""The one value of STORAGE_MODE under which the S3 variables count; anything else means the shared bucket."""

T = TypeVar("T")


def storage_variables(mode: T, endpoint: T, bucket: T, access_key: T, secret_key: T) -> dict[str, T]:
    """All five variables, by name. There is no region: nothing reads it (contract 4)."""
    return {
        "STORAGE_MODE": mode,
        "S3_ENDPOINT": endpoint,
        "S3_BUCKET": bucket,
        "S3_ACCESS_KEY": access_key,
        "S3_SECRET_KEY": secret_key,
    }
