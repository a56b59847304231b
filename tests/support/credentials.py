"""`ambient:index:S3Credentials` in a world with moto's IAM: what is asked for, and what is there."""

import json

import pytest

from ambient_components.platform.naming import bucket_user
from tests.support.store_world import OWNER

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


def diff(resource, news):
    news = {**news, "generation": news.get("generation", 1)}
    return resource.kind.diff(resource.world.context(), resource.inputs, resource.state, news)


def delete_user(iam):
    for key in ids(iam):
        iam.delete_access_key(UserName=USER, AccessKeyId=key)
    iam.delete_user_policy(UserName=USER, PolicyName="ambient-components")
    iam.delete_user(UserName=USER)
