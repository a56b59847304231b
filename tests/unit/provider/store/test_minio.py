"""Accounts of MinIO: made, changed by others and mended, not ours, released, removed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import Account, AccountState, NewKey
from ambient_components.provider.store.errors import LostError
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.buckets import access_policy, same_policy
from tests.support.fake_minio import ACCOUNT, BUCKET, MARK, OWNER, POLICY, FakeMinio


def looked(accounts: MinioAccounts, *recorded: str) -> AccountState:
    existing = accounts.look(ACCOUNT, recorded)
    assert existing is not None
    return existing


# Making.


def test_an_account_is_a_user_with_one_policy_of_its_name(minio: FakeMinio, accounts: MinioAccounts) -> None:
    assert accounts.look(ACCOUNT, ()) is None
    accounts.ensure(ACCOUNT, POLICY)
    assert minio.writes() == ["put_policy", "add_user", "give_policy"]
    assert minio.users[ACCOUNT.name]["policyName"] == ACCOUNT.name
    assert minio.policies[ACCOUNT.name]["ID"] == MARK
    existing = looked(accounts)
    assert (existing.owner, existing.keys, existing.widened) == (OWNER, (), ())
    assert same_policy(existing.policy, POLICY)
    accounts.ensure(ACCOUNT, POLICY)
    assert len(minio.writes()) == 3


def test_a_key_bears_the_mark_and_its_time(minio: FakeMinio, accounts: MinioAccounts) -> None:
    accounts.ensure(ACCOUNT, POLICY)
    key = accounts.mint(ACCOUNT, POLICY, None)
    assert minio.access_keys[key.id]["description"] == f"{MARK} issued={key.issued_at:%Y-%m-%dT%H:%M:%SZ}"
    assert [(each.id, each.active, each.issued_at, each.ours) for each in looked(accounts).keys] == [
        (key.id, True, key.issued_at, True)
    ]


def test_the_longest_names_leave_room_for_the_mark(accounts: MinioAccounts) -> None:
    account = Account("a" * 63, f"{'p' * 100}/{'f' * 100}")
    accounts.ensure(account, POLICY)
    accounts.mint(account, POLICY, None)
    existing = accounts.look(account, ())
    assert existing is not None
    assert existing.owner == account.owner


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (None, None),
        (timedelta(days=30), timedelta(days=30)),
        (timedelta(days=-1), timedelta(minutes=30)),
        (timedelta(days=500), timedelta(days=365, minutes=-15)),
    ],
)
def test_the_store_ends_a_key_at_the_next_time_that_it_takes(
    minio: FakeMinio, accounts: MinioAccounts, requested: timedelta | None, granted: timedelta | None
) -> None:
    accounts.ensure(ACCOUNT, POLICY)
    key = accounts.mint(ACCOUNT, POLICY, datetime.now(UTC) + requested if requested else None)
    assert (key.expires_at is None) == (granted is None)
    if granted is not None and key.expires_at is not None:
        assert abs(key.expires_at - (datetime.now(UTC) + granted)) < timedelta(seconds=30)


def test_two_keys_at_most(minio: FakeMinio, accounts: MinioAccounts, key: NewKey) -> None:
    minio.by_hand(ACCOUNT.name, "BYHAND")  # MinIO has no limit, so it takes no place
    second = accounts.mint(ACCOUNT, POLICY, None)
    with pytest.raises(StepError, match="has 2 keys"):
        accounts.mint(ACCOUNT, POLICY, None)
    assert set(minio.access_keys) == {key.id, second.id, "BYHAND"}
    accounts.revoke(ACCOUNT, key.id)
    accounts.mint(ACCOUNT, POLICY, None)


def test_a_key_of_a_lost_answer_is_found_by_its_id(minio: FakeMinio, accounts: MinioAccounts) -> None:
    accounts.ensure(ACCOUNT, POLICY)
    minio.lost = "add_key"
    key = accounts.mint(ACCOUNT, POLICY, datetime.now(UTC) + timedelta(days=30))
    assert key.expires_at is not None
    assert set(minio.access_keys) == {key.id}


def test_a_key_that_was_not_made_is_an_error(
    minio: FakeMinio, accounts: MinioAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.ensure(ACCOUNT, POLICY)

    def lose(*_: object) -> None:
        msg = "the object store gave no answer"
        raise LostError(msg)

    monkeypatch.setattr(minio, "add_key", lose)
    with pytest.raises(LostError):
        accounts.mint(ACCOUNT, POLICY, None)


@pytest.mark.parametrize(
    ("description", "recorded", "ours"),
    [
        ("", False, False),
        ("ambient-components/owner=other/fleet issued=2026-01-01T00:00:00Z", False, False),
        (f"{MARK} issued=someday", False, False),
        (f"{MARK} issued=2026-01-01T00:00:00Z", False, True),  # by a run that died
        ("somebody wrote this", True, True),
    ],
)
def test_a_key_by_hand_is_told_from_ours(
    minio: FakeMinio, accounts: MinioAccounts, key: NewKey, description: str, recorded: bool, ours: bool
) -> None:
    minio.by_hand(ACCOUNT.name, "BYHAND", description)
    existing = looked(accounts, key.id, *(["BYHAND"] if recorded else []))
    assert existing.owner == OWNER
    assert {each.id: each.ours for each in existing.keys} == {"BYHAND": ours, key.id: True}
    assert existing.keys[-1].id == key.id, "oldest first, and of an unknown time before all"
    accounts.ensure(ACCOUNT, POLICY)
    assert minio.access_keys["BYHAND"]["description"] == description


# Changed by others.


def policy_is(prefix: str = "payments/", **fields: str) -> Callable[[FakeMinio, str], None]:
    return lambda minio, _: minio.put_policy(ACCOUNT.name, {**access_policy(BUCKET, prefix), **fields})


def user_is(**fields: object) -> Callable[[FakeMinio, str], None]:
    return lambda minio, _: minio.users[ACCOUNT.name].update(fields)


SELF_SERVICE = "keys of its own making"


@pytest.mark.parametrize(
    ("happen", "intact", "widened"),
    [
        (policy_is("", ID=MARK), False, (SELF_SERVICE,)),
        (policy_is(""), False, (SELF_SERVICE,)),
        (policy_is(ID=MARK), True, (SELF_SERVICE,)),
        (lambda minio, _: minio.policies[ACCOUNT.name].pop("ID"), True, ()),
        (user_is(policyName=""), False, ()),
        (user_is(policyName="readwrite"), False, ("readwrite",)),
        (user_is(policyName=f"{ACCOUNT.name},readwrite"), True, ("readwrite",)),
        (user_is(memberOf=["admins"]), True, ("group admins",)),
        (user_is(status="disabled"), False, ()),
    ],
    ids=[
        "widened", "replaced with the mark", "unguarded", "unmarked", "taken away", "another instead", "another beside",
        "in a group", "user disabled",
    ],
)  # fmt: skip
def test_drift_is_seen_and_mended(
    minio: FakeMinio,
    accounts: MinioAccounts,
    key: NewKey,
    happen: Callable[[FakeMinio, str], object],
    intact: bool,
    widened: tuple[str, ...],
) -> None:
    happen(minio, key.id)
    seen = looked(accounts, key.id)
    assert same_policy(seen.policy, POLICY) is intact
    assert seen.widened == widened
    accounts.ensure(ACCOUNT, POLICY)
    mended = looked(accounts, key.id)
    assert (mended.owner, mended.widened) == (OWNER, ())
    assert same_policy(mended.policy, POLICY)
    assert minio.policies[ACCOUNT.name]["ID"] == MARK


@pytest.mark.parametrize("change", [{"accountStatus": "off"}, {"expiration": "2026-01-01T00:00:00Z"}])
def test_a_key_that_is_disabled_or_over_is_seen(
    minio: FakeMinio, accounts: MinioAccounts, key: NewKey, change: dict[str, str]
) -> None:
    minio.access_keys[key.id] |= change
    assert [each.active for each in looked(accounts, key.id).keys] == [False]


# Whose it is.


def of_another(minio: FakeMinio) -> None:
    MinioAccounts(minio).ensure(Account(ACCOUNT.name, "somebody/else"), POLICY)  # type: ignore[arg-type]


def by_hand(minio: FakeMinio) -> None:
    minio.add_user(ACCOUNT.name, "by-hand-secret")
    minio.by_hand(ACCOUNT.name, "BYHAND")


@pytest.mark.parametrize(
    ("prepare", "owner", "says"),
    [
        (of_another, "somebody/else", "belongs to somebody/else"),
        (by_hand, None, "has no ownership tag"),
        (lambda minio: minio.put_policy(ACCOUNT.name, POLICY), None, "has no ownership tag"),
    ],
)
def test_what_is_not_ours_is_not_touched(
    minio: FakeMinio,
    accounts: MinioAccounts,
    prepare: Callable[[FakeMinio], None],
    owner: str | None,
    says: str,
) -> None:
    prepare(minio)
    before = minio.snapshot()
    assert looked(accounts).owner == owner
    for step in (lambda: accounts.ensure(ACCOUNT, POLICY), lambda: accounts.remove(ACCOUNT)):
        with pytest.raises(StepError, match=says):
            step()
    with pytest.raises(StepError):
        accounts.mint(ACCOUNT, POLICY, None)
    if owner:
        with pytest.raises(StepError, match=says):
            accounts.clear_owner(ACCOUNT)
    else:
        accounts.clear_owner(ACCOUNT)
    assert minio.snapshot() == before


def test_a_key_of_another_user_is_not_revoked(minio: FakeMinio, accounts: MinioAccounts, key: NewKey) -> None:
    minio.by_hand("root", "ADMINS")
    with pytest.raises(StepError, match="ADMINS is not one of the user"):
        accounts.revoke(ACCOUNT, "ADMINS")
    accounts.remove(ACCOUNT)
    assert set(minio.access_keys) == {"ADMINS"}
    assert accounts.look(ACCOUNT, ()) is None


def test_a_released_account_works_on_without_a_mark(minio: FakeMinio, accounts: MinioAccounts, key: NewKey) -> None:
    second = accounts.mint(ACCOUNT, POLICY, None)
    minio.by_hand(ACCOUNT.name, "BYHAND", "by hand")
    accounts.clear_owner(ACCOUNT)
    assert OWNER not in minio.snapshot()
    assert minio.access_keys["BYHAND"]["description"] == "by hand"
    before = minio.snapshot()
    accounts.clear_owner(ACCOUNT)
    assert minio.snapshot() == before
    assert looked(accounts, key.id).owner is None
    with pytest.raises(StepError, match="or let go"):
        accounts.ensure(ACCOUNT, POLICY)
    accounts.set_owner(ACCOUNT, [key.id, second.id])
    assert looked(accounts).owner == OWNER
    assert [each.id for each in looked(accounts).keys if not each.ours] == ["BYHAND"]


def test_a_policy_that_others_use_stays_and_the_keys_go(minio: FakeMinio, accounts: MinioAccounts, key: NewKey) -> None:
    minio.users["somebody"] = {"status": "enabled", "policyName": ACCOUNT.name, "memberOf": []}
    with pytest.raises(StepError, match="in use"):
        accounts.remove(ACCOUNT)
    assert minio.access_keys == {}
    minio.users.pop("somebody")
    accounts.remove(ACCOUNT)
    assert accounts.look(ACCOUNT, ()) is None


def test_keys_of_a_user_that_others_make_are_refused(minio: FakeMinio, accounts: MinioAccounts) -> None:
    account = Account(ACCOUNT.name, ACCOUNT.owner, keys_only=True)
    steps: list[Callable[[], object]] = [
        lambda: accounts.look(account, ()),
        lambda: accounts.ensure(account, POLICY),
        lambda: accounts.mint(account, POLICY, None),
        lambda: accounts.revoke(account, "AKIA"),
        lambda: accounts.clear_owner(account),
        lambda: accounts.remove(account),
    ]
    for step in steps:
        with pytest.raises(StepError, match="only AWS's IAM"):
            step()
    assert minio.requests == []
