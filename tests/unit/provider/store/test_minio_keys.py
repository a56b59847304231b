"""The driver of MinIO's accounts against a stand-in for MinIO: no server can be had here, so the protocol is held.

Accounts and their keys: how they are made, and what they open.
"""

from datetime import UTC, timedelta

import pytest
from minio import crypto

from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import Account, NewKey
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.bucket_policy import same_policy
from tests.support.minio_accounts import ACCOUNT, BUCKET, MARK, MINE, OWNER, POLICY, THEIRS, accounts, key, writes
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_iam import AccessKey

__all__ = ["accounts", "key"]

ARGON2 = crypto._generate_key


# Making


def test_an_account_is_a_user_with_one_policy_of_its_name(store: MinioStandIn, accounts: MinioAccounts) -> None:
    assert accounts.look(ACCOUNT, ()) is None
    accounts.ensure(ACCOUNT, POLICY)
    assert writes(store) == ["add-canned-policy", "add-user", "set-user-or-group-policy"]
    assert store.users[ACCOUNT.name].policies == [ACCOUNT.name]
    assert store.policies[ACCOUNT.name]["ID"] == MARK
    existing = accounts.look(ACCOUNT, ())
    assert existing is not None
    assert (existing.owner, existing.keys, existing.widened) == (OWNER, (), ())
    assert same_policy(existing.policy, POLICY)


def test_messages_are_encrypted_by_the_key_that_minio_derives(
    store: MinioStandIn, accounts: MinioAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, "_generate_key", ARGON2)
    accounts.ensure(ACCOUNT, POLICY)
    key = accounts.mint(ACCOUNT, POLICY, None)
    existing = accounts.look(ACCOUNT, ())
    assert existing is not None
    assert [each.id for each in existing.keys] == [key.id]


# Keys


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:ListBucket", BUCKET, True),
        ("s3:GetObject", MINE, True),
        ("s3:PutObject", MINE, True),
        ("s3:DeleteObject", MINE, True),
        ("s3:GetObject", THEIRS, False),
        ("s3:DeleteObject", THEIRS, False),
        ("s3:GetObject", "another-bucket/payments/a", False),
        ("s3:CreateBucket", "another-bucket", False),
        ("s3:DeleteBucket", BUCKET, False),
        ("s3:PutBucketPolicy", BUCKET, False),
    ],
)
def test_a_key_opens_what_the_policy_says_and_no_more(
    store: MinioStandIn, key: NewKey, action: str, resource: str, allowed: bool
) -> None:
    assert store.opens(key.id, action, resource) is allowed


def test_a_key_bears_the_mark_and_the_time_of_the_stores_clock(store: MinioStandIn, accounts: MinioAccounts) -> None:
    store.ahead = timedelta(minutes=-10)
    accounts.ensure(ACCOUNT, POLICY)
    key = accounts.mint(ACCOUNT, POLICY, None)
    made = store.keys[key.id]
    assert made.parent == ACCOUNT.name
    assert made.secret == key.secret
    assert made.description == f"{MARK} issued={key.issued_at:%Y-%m-%dT%H:%M:%SZ}"
    assert abs(key.issued_at - store.now()) < timedelta(minutes=1)
    assert key.issued_at.tzinfo is UTC
    existing = accounts.look(ACCOUNT, ())
    assert existing is not None
    assert [(each.id, each.active, each.issued_at, each.ours) for each in existing.keys] == [
        (key.id, True, key.issued_at, True)
    ]


def test_the_longest_names_leave_room_for_the_mark(store: MinioStandIn, accounts: MinioAccounts) -> None:
    account = Account("a" * 63, f"{'p' * 100}/{'f' * 100}")
    accounts.ensure(account, POLICY)
    key = accounts.mint(account, POLICY, None)
    assert len(store.keys[key.id].description) <= 256
    existing = accounts.look(account, ())
    assert existing is not None
    assert existing.owner == account.owner


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (None, None),
        (timedelta(days=30), timedelta(days=30)),
        (timedelta(minutes=5), timedelta(minutes=16)),
        (timedelta(days=-1), timedelta(minutes=16)),
        (timedelta(days=365), timedelta(days=365, minutes=-1)),
        (timedelta(days=500), timedelta(days=365, minutes=-1)),
    ],
)
def test_the_store_ends_a_key_at_the_next_time_that_it_takes(
    store: MinioStandIn, accounts: MinioAccounts, requested: timedelta | None, granted: timedelta | None
) -> None:
    accounts.ensure(ACCOUNT, POLICY)
    now = store.now()
    key = accounts.mint(ACCOUNT, POLICY, now + requested if requested else None)
    assert store.keys[key.id].end == key.expires_at
    assert (key.expires_at is None) == (granted is None)
    if granted is not None and key.expires_at is not None:
        assert abs(key.expires_at - (now + granted)) < timedelta(seconds=30)


def test_two_keys_at_most(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    store.keys["BYHAND"] = AccessKey("by-hand-secret", ACCOUNT.name)  # MinIO has no limit, so it takes no place
    second = accounts.mint(ACCOUNT, POLICY, None)
    with pytest.raises(StepError, match="has 2 keys"):
        accounts.mint(ACCOUNT, POLICY, None)
    assert set(store.keys) == {key.id, second.id, "BYHAND"}
    accounts.revoke(ACCOUNT, key.id)
    accounts.mint(ACCOUNT, POLICY, None)


@pytest.mark.parametrize(
    ("description", "recorded", "ours"),
    [
        ("", False, False),
        ("made for a test", False, False),
        ("ambient-components/owner=other/fleet issued=2026-01-01T00:00:00Z", False, False),
        (f"{MARK} issued=someday", False, False),
        (f"{MARK} issued=2026-01-01T00:00:00Z", False, True),  # by a run that died
        ("somebody wrote this", True, True),
    ],
)
def test_a_key_by_hand_is_told_from_ours(
    store: MinioStandIn, accounts: MinioAccounts, key: NewKey, description: str, recorded: bool, ours: bool
) -> None:
    store.keys["BYHAND"] = AccessKey("by-hand-secret", ACCOUNT.name, description=description)
    existing = accounts.look(ACCOUNT, [key.id, "BYHAND"] if recorded else [key.id])
    assert existing is not None
    assert existing.owner == OWNER
    assert {each.id: each.ours for each in existing.keys} == {"BYHAND": ours, key.id: True}
    assert existing.keys[-1].id == key.id, "oldest first, and of a time that nobody knows before all"
    accounts.ensure(ACCOUNT, POLICY)
    assert store.keys["BYHAND"].description == description
