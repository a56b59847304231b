"""Accounts by MinIO's driver, on a stand-in for MinIO."""

import json
from typing import Any

import pytest

from ambient_components.provider.store.accounts import Account, NewKey
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.bucket_policy import access_policy
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_iam import ROOT, ROOT_SECRET

OWNER = "platform/prod"
ACCOUNT = Account("ambient-payments-0123456789ab", OWNER)
OTHER = Account("ambient-reports-ba9876543210", OWNER)
BUCKET = "shared-sessions"
POLICY = access_policy(BUCKET, "payments/")
OTHER_POLICY = access_policy(BUCKET, "reports/")
MINE = f"{BUCKET}/payments/a"
THEIRS = f"{BUCKET}/reports/a"
MARK = f"ambient-components/owner={OWNER}"
READING = {"user-info", "info-canned-policy", "list-service-accounts", "info-service-account"}


def driver(store: MinioStandIn) -> MinioAccounts:
    return MinioAccounts(store.url, ROOT, ROOT_SECRET, "us-east-1")


@pytest.fixture
def accounts(store: MinioStandIn) -> MinioAccounts:
    return driver(store)


@pytest.fixture
def key(accounts: MinioAccounts) -> NewKey:
    """An account as it is in use, with a key."""
    accounts.ensure(ACCOUNT, POLICY)
    return accounts.mint(ACCOUNT, POLICY, None)


def writes(store: MinioStandIn) -> list[str]:
    return [command for command in store.requests if command not in READING]


def snapshot(store: MinioStandIn) -> tuple[Any, ...]:
    users = {name: (user.status, user.policies) for name, user in store.users.items()}
    return json.dumps([store.policies, users], sort_keys=True), repr(store.groups), repr(store.keys)
