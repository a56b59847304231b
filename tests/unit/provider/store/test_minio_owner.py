"""Whose an account of MinIO is: what is not touched, let go, taken back and removed."""

from collections.abc import Callable

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import Account, NewKey
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.bucket_policy import access_policy
from tests.support.minio_accounts import ACCOUNT, BUCKET, MINE, OWNER, POLICY, accounts, driver, key, snapshot
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_iam import ROOT, AccessKey, User
from tests.support.minio_policy import normal

__all__ = ["accounts", "key"]


# Whose it is


def of_another(store: MinioStandIn) -> None:
    driver(store).ensure(Account(ACCOUNT.name, "somebody/else"), POLICY)


def by_hand(store: MinioStandIn) -> None:
    store.users[ACCOUNT.name] = User("by-hand-secret", policies=["readwrite"])
    store.keys["BYHAND"] = AccessKey("by-hand-secret", ACCOUNT.name)


def policy_by_hand(store: MinioStandIn) -> None:
    store.policies[ACCOUNT.name] = normal(POLICY)


@pytest.mark.parametrize(
    ("prepare", "owner", "says"),
    [
        (of_another, "somebody/else", "belongs to somebody/else"),
        (by_hand, None, "has no ownership tag"),
        (policy_by_hand, None, "has no ownership tag"),
    ],
)
def test_what_is_not_ours_is_not_touched(
    store: MinioStandIn,
    accounts: MinioAccounts,
    prepare: Callable[[MinioStandIn], None],
    owner: str | None,
    says: str,
) -> None:
    prepare(store)
    before = snapshot(store)
    existing = accounts.look(ACCOUNT, ())
    assert existing is not None
    assert existing.owner == owner
    steps: list[Callable[[], object]] = [
        lambda: accounts.ensure(ACCOUNT, POLICY),
        lambda: accounts.remove(ACCOUNT),
    ]
    for step in steps:
        with pytest.raises(StepError, match=says):
            step()
    with pytest.raises(StepError):
        accounts.mint(ACCOUNT, POLICY, None)
    if owner:
        with pytest.raises(StepError, match=says):
            accounts.clear_owner(ACCOUNT)
    else:
        accounts.clear_owner(ACCOUNT)
    assert snapshot(store) == before


def test_a_key_of_another_user_is_not_revoked(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    store.keys["ADMINS"] = AccessKey("the-admins-secret", ROOT)
    with pytest.raises(StepError, match="ADMINS is not one of the user"):
        accounts.revoke(ACCOUNT, "ADMINS")
    accounts.remove(ACCOUNT)
    assert set(store.keys) == {"ADMINS"}


# Leaving


def test_a_released_account_works_on_without_a_mark(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    second = accounts.mint(ACCOUNT, POLICY, None)
    store.keys[second.id].policy = narrower = normal(access_policy(BUCKET, "payments/old/"))
    store.keys["BYHAND"] = AccessKey("by-hand-secret", ACCOUNT.name, description="by hand")
    accounts.clear_owner(ACCOUNT)
    assert OWNER not in repr(store.policies) + repr(store.keys)
    assert store.opens(key.id, "s3:GetObject", MINE)
    assert store.keys[second.id].policy == narrower, "MinIO drops it unless it is said again"
    assert store.keys["BYHAND"].description == "by hand"
    before = snapshot(store)
    accounts.clear_owner(ACCOUNT)
    assert snapshot(store) == before
    existing = accounts.look(ACCOUNT, [key.id])
    assert existing is not None
    assert existing.owner is None
    with pytest.raises(StepError, match="or let go"):
        accounts.ensure(ACCOUNT, POLICY)


def test_a_policy_that_others_use_stays_and_the_keys_go(
    store: MinioStandIn, accounts: MinioAccounts, key: NewKey
) -> None:
    store.users["somebody"] = User("somebodys-secret", policies=[ACCOUNT.name])
    with pytest.raises(StepError, match="detach it"):
        accounts.remove(ACCOUNT)
    assert store.keys == {}
    store.users["somebody"].policies = []
    accounts.remove(ACCOUNT)
    assert accounts.look(ACCOUNT, ()) is None
