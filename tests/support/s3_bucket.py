"""`ambient:index:S3Bucket` in a world with moto's server: what is asked for, and what is there."""

import pytest

from tests.support.store_world import OWNER

MARK = {"Key": "ambient-components/owner", "Value": OWNER}
MARKS = {"ambient-components/owner": OWNER, "ambient-components/workspace": "pay"}
OTHERS = {"Key": "ambient-components/owner", "Value": "other/one"}
WANTED = {"bucket": "pay-sessions", "owner": OWNER, "namespace": "pay"}


def tags(s3, name="pay-sessions"):
    return {each["Key"]: each["Value"] for each in s3.get_bucket_tagging(Bucket=name)["TagSet"]}


def there(s3):
    return [each["Name"] for each in s3.list_buckets()["Buckets"]]


def rules(s3):
    return s3.get_bucket_lifecycle_configuration(Bucket="pay-sessions")["Rules"]


@pytest.fixture
def made(bucket):
    bucket.up({**WANTED, "versioning": True, "expireAfterDays": 90, "tags": {"team": "pay", "old": "1"}})
    return bucket
