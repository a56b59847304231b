"""Clients of the sandbox's object store, as tests use them: boto3's own, at the store's addresses."""

import boto3
from botocore.config import Config
from mypy_boto3_iam import IAMClient
from mypy_boto3_s3 import S3Client

from sandbox.signed import REGION
from sandbox.store import Store

# No proxy: a machine's has no business with 127.0.0.1. And no second try, which would hide that the first one failed.
_CONFIG = Config(proxies={}, connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})


def s3(store: Store, access_key: str | None = None, secret_key: str | None = None) -> S3Client:
    """S3 as the root, or with an access key of somebody else's."""
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name=REGION,
        aws_access_key_id=access_key or store.access_key,
        aws_secret_access_key=secret_key or store.secret_key,
        config=_CONFIG,
    )


def iam(store: Store) -> IAMClient:
    """IAM as the root."""
    return boto3.client(
        "iam",
        endpoint_url=store.iam_endpoint,
        region_name=REGION,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        config=_CONFIG,
    )
