"""Accounts of MinIO that others changed: what is seen, and mended."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ambient_components.provider.store.accounts import NewKey
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.bucket_policy import access_policy, same_policy
from tests.support.minio_accounts import ACCOUNT, BUCKET, MARK, MINE, OWNER, POLICY, THEIRS, accounts, key
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_policy import normal

__all__ = ["accounts", "key"]


@dataclass
class Drift:
    name: str
    happen: Callable[[MinioStandIn, str], object]
    policy: bool = True
    """Whether the policy is seen to be as it should be."""
    widened: tuple[str, ...] = ()


def widen(store: MinioStandIn, _: str) -> None:
    store.policies[ACCOUNT.name] = normal({**access_policy(BUCKET), "ID": MARK})


def unguard(store: MinioStandIn, _: str) -> None:
    store.policies[ACCOUNT.name]["Statement"].pop()


def give(*names: str) -> Callable[[MinioStandIn, str], None]:
    return lambda store, _: setattr(store.users[ACCOUNT.name], "policies", list(names))


def narrow(store: MinioStandIn, key_id: str) -> None:
    store.keys[key_id].policy = normal(access_policy(BUCKET, "payments/old/"))


def replace(store: MinioStandIn, _: str) -> None:
    store.policies[ACCOUNT.name] = normal(access_policy(BUCKET))


DRIFTS = [
    Drift("widened", widen, policy=False, widened=("keys of its own making",)),
    Drift("replaced, the mark with it", replace, policy=False, widened=("keys of its own making",)),
    Drift("unmarked", lambda store, _: store.policies[ACCOUNT.name].pop("ID")),
    Drift("unguarded", unguard, widened=("keys of its own making",)),
    Drift("taken away", give(), policy=False),
    Drift("another instead", give("readwrite"), policy=False, widened=("readwrite",)),
    Drift("another beside it", give(ACCOUNT.name, "readwrite"), widened=("readwrite",)),
    Drift("in a group", lambda store, _: store.groups.update(readwrite={ACCOUNT.name}), widened=("group readwrite",)),
    Drift("user disabled", lambda store, _: setattr(store.users[ACCOUNT.name], "status", "disabled"), policy=False),
    Drift("key narrowed", narrow, policy=False),
]


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.name)
def test_drift_is_seen_and_mended(store: MinioStandIn, accounts: MinioAccounts, key: NewKey, drift: Drift) -> None:
    drift.happen(store, key.id)
    seen = accounts.look(ACCOUNT, [key.id])
    assert seen is not None
    assert same_policy(seen.policy, POLICY) is drift.policy
    assert seen.widened == drift.widened
    accounts.ensure(ACCOUNT, POLICY)
    mended = accounts.look(ACCOUNT, [key.id])
    assert mended is not None
    assert (mended.owner, mended.widened) == (OWNER, ())
    assert same_policy(mended.policy, POLICY)
    assert store.opens(key.id, "s3:GetObject", MINE)
    assert not store.opens(key.id, "s3:GetObject", THEIRS)
    assert store.groups.get("readwrite", set()) == set()
    assert store.policies[ACCOUNT.name]["ID"] == MARK


def test_a_key_that_somebody_disabled_is_seen(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    store.keys[key.id].status = "off"
    existing = accounts.look(ACCOUNT, [key.id])
    assert existing is not None
    assert [each.active for each in existing.keys] == [False]
