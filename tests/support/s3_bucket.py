"""`ambient:index:S3Bucket` in a world with moto's server: what is asked for, and what is there."""

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import RefusedError
from tests.support.store_world import OWNER, OneResource, moto_world

MARK = {"Key": "ambient-components/owner", "Value": OWNER}
MARKS = {"ambient-components/owner": OWNER, "ambient-components/workspace": "pay"}
OTHERS = {"Key": "ambient-components/owner", "Value": "other/one"}
WANTED = {"bucket": "pay-sessions", "owner": OWNER, "namespace": "pay"}


@pytest.fixture
def world(monkeypatch):
    with moto_world(monkeypatch) as world:
        yield world


@pytest.fixture
def s3(world):
    return world.client("s3")


@pytest.fixture
def bucket(world):
    return OneResource(S3Bucket(), world)


def tags(s3, name="pay-sessions"):
    return {each["Key"]: each["Value"] for each in s3.get_bucket_tagging(Bucket=name)["TagSet"]}


def there(s3):
    return [each["Name"] for each in s3.list_buckets()["Buckets"]]


def rules(s3):
    return s3.get_bucket_lifecycle_configuration(Bucket="pay-sessions")["Rules"]


def refusal(action, *args, **kwargs):
    with pytest.raises(StepError) as raised:
        action(*args, **kwargs)
    return str(raised.value)


def lacking(patch, *operations, status=501, code="NotImplemented"):
    """A store that has not all of S3."""
    send = Api._send

    def refuse(api, operation, parameters):
        if operation in operations:
            raise RefusedError("the object store at a:1 does not have it", status, code)
        return send(api, operation, parameters)

    patch.setattr(Api, "_send", refuse)


@pytest.fixture
def made(bucket):
    bucket.up({**WANTED, "versioning": True, "expireAfterDays": 90, "tags": {"team": "pay", "old": "1"}})
    return bucket
