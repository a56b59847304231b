"""Accounts by IAM, against moto's server. The sandbox's store, which enforces them, is asked by the engine tests."""

import pytest

from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.client import Api
from ambient_components.rules.buckets import access_policy

NAME = "ambient-pay-0123456789ab"
OURS = Account(NAME, "app/dev")
POLICY = access_policy("pay-sessions")


@pytest.fixture
def accounts(world):
    return world.store.accounts


def ids(iam):
    return {each["AccessKeyId"] for each in iam.list_access_keys(UserName=NAME)["AccessKeyMetadata"]}


def tags(iam):
    return {each["Key"]: each["Value"] for each in iam.list_user_tags(UserName=NAME)["Tags"]}


def by_hand(iam):
    return iam.create_access_key(UserName=NAME)["AccessKey"]["AccessKeyId"]


def intercepted(patch, operation, around):
    send = Api._send
    patch.setattr(
        Api,
        "_send",
        lambda api, name, given: (
            around(lambda: send(api, name, given)) if name == operation else send(api, name, given)
        ),
    )
