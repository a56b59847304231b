"""What tests of buckets and their access keys share."""

import pytest

from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from tests.support.store_world import OneResource, StoreWorld, iam, s3, world

__all__ = ["iam", "s3", "world"]


@pytest.fixture
def bucket(world: StoreWorld) -> OneResource:
    return OneResource(S3Bucket(), world)


@pytest.fixture
def keys(world: StoreWorld) -> OneResource:
    return OneResource(S3Credentials(), world)
