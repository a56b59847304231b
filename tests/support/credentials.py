"""`ambient:index:S3Credentials` in a world with moto's IAM: what is asked for, and what is there."""

import json

import pytest

from ambient_components.errors import StepError
from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import RefusedError
from tests.support.store_world import OWNER, OneResource, moto_world

DAY = 86_400
USER = bucket_user(OWNER, "pay", "pay-sessions", 1)
WANTED = {
    "user": USER,
    "bucket": "pay-sessions",
    "owner": OWNER,
    "lifetimeSeconds": 90 * DAY,
    "rotateBeforeSeconds": 14 * DAY,
    "overlapSeconds": 7 * DAY,
    "usedIn": "pay/ambient-non-vertex-integrations",
}
WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture
def world(monkeypatch):
    with moto_world(monkeypatch) as world:
        yield world


@pytest.fixture
def iam(world):
    return world.client("iam")


@pytest.fixture
def keys(world):
    return OneResource(S3Credentials(), world)


@pytest.fixture
def made(keys, world):
    """The state after the first run, whose key sessions use."""
    keys.up(WANTED)
    world.uses(keys.state["accessKey"])
    world.received("info")
    return keys


def ids(iam, user=USER):
    return {each["AccessKeyId"] for each in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}


def by_hand(iam):
    return iam.create_access_key(UserName=USER)["AccessKey"]["AccessKeyId"]


def refusal(action, *args, **kwargs):
    with pytest.raises(StepError) as raised:
        action(*args, **kwargs)
    return str(raised.value)


def diff(resource, news):
    news = {**news, "generation": news.get("generation", 1)}
    return resource.kind.diff(resource.world.context(), resource.inputs, resource.state, news)


def failing(patch, operation, code="AccessDenied"):
    send = Api._send

    def fail(api, name, given):
        if name == operation:
            raise RefusedError("the object store at a:1 says no", 403, code)
        return send(api, name, given)

    patch.setattr(Api, "_send", fail)


def delete_user(iam):
    for key in ids(iam):
        iam.delete_access_key(UserName=USER, AccessKeyId=key)
    iam.delete_user_policy(UserName=USER, PolicyName="ambient-components")
    iam.delete_user(UserName=USER)
