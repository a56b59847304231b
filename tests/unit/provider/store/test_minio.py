"""The driver of MinIO's accounts against a stand-in for MinIO: no server can be had here, so the protocol is held."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from minio import crypto
from minio.credentials import StaticProvider
from minio.error import MinioAdminException
from minio.minioadmin import MinioAdmin

from ambient_components.failure import StepError
from ambient_components.provider.store import minio_client
from ambient_components.provider.store.accounts import Account, NewKey
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.bucket_policy import access_policy, same_policy
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_iam import NOT_READY, ROOT, ROOT_SECRET, AccessKey, User
from tests.support.minio_policy import normal

OWNER = "platform/prod"
ACCOUNT = Account("ambient-payments-0123456789ab", OWNER)
OTHER = Account("ambient-reports-ba9876543210", OWNER)
BUCKET = "shared-sessions"
POLICY = access_policy(BUCKET, "payments/")
OTHER_POLICY = access_policy(BUCKET, "reports/")
MINE = f"{BUCKET}/payments/a"
THEIRS = f"{BUCKET}/reports/a"
MARK = f"ambient-components/owner={OWNER}"
ARGON2 = crypto._generate_key
READING = {"user-info", "info-canned-policy", "list-service-accounts", "info-service-account"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio_client, "BACKOFF", 0)
    # Argon2 takes 64 MiB and a tenth of a second for every message, at both ends; one test has it as it is.
    monkeypatch.setattr(crypto, "_generate_key", lambda secret, salt: sha256(salt + secret).digest())


@pytest.fixture
def store() -> Iterator[MinioStandIn]:
    with MinioStandIn() as server:
        yield server


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


# Making


def test_an_account_is_a_user_with_one_policy_of_its_name(store: MinioStandIn, accounts: MinioAccounts) -> None:
    assert accounts.look(ACCOUNT, ()) is None
    accounts.ensure(ACCOUNT, POLICY)
    assert writes(store) == ["add-canned-policy", "add-user", "set-user-or-group-policy"]
    assert store.users[ACCOUNT.name].policies == [ACCOUNT.name]
    assert store.policies[ACCOUNT.name]["ID"] == MARK
    standing = accounts.look(ACCOUNT, ())
    assert standing is not None
    assert (standing.owner, standing.keys, standing.widened) == (OWNER, (), ())
    assert same_policy(standing.policy, POLICY)


def test_nothing_is_written_twice(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    store.requests.clear()
    accounts.ensure(ACCOUNT, POLICY)
    assert writes(store) == []


def test_another_policy_is_written_over(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    store.requests.clear()
    accounts.ensure(ACCOUNT, access_policy(BUCKET, "moved/"))
    assert writes(store) == ["add-canned-policy"]
    assert store.opens(key.id, "s3:GetObject", f"{BUCKET}/moved/a")
    assert not store.opens(key.id, "s3:GetObject", MINE)


def test_messages_are_encrypted_by_the_key_that_minio_derives(
    store: MinioStandIn, accounts: MinioAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, "_generate_key", ARGON2)
    accounts.ensure(ACCOUNT, POLICY)
    key = accounts.mint(ACCOUNT, POLICY, None)
    standing = accounts.look(ACCOUNT, ())
    assert standing is not None
    assert [each.id for each in standing.keys] == [key.id]


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
    standing = accounts.look(ACCOUNT, ())
    assert standing is not None
    assert [(each.id, each.active, each.issued_at, each.ours) for each in standing.keys] == [
        (key.id, True, key.issued_at, True)
    ]


def test_the_longest_names_leave_room_for_the_mark(store: MinioStandIn, accounts: MinioAccounts) -> None:
    account = Account("a" * 63, f"{'p' * 100}/{'f' * 100}")
    accounts.ensure(account, POLICY)
    key = accounts.mint(account, POLICY, None)
    assert len(store.keys[key.id].description) <= 256
    standing = accounts.look(account, ())
    assert standing is not None
    assert standing.owner == account.owner


def test_the_secret_is_not_in_the_repr(accounts: MinioAccounts, key: NewKey) -> None:
    assert key.secret not in repr(key)
    assert ROOT_SECRET not in repr(accounts)
    assert ROOT_SECRET not in repr(vars(accounts)["_client"])


@pytest.mark.parametrize(
    ("asked", "granted"),
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
    store: MinioStandIn, accounts: MinioAccounts, asked: timedelta | None, granted: timedelta | None
) -> None:
    accounts.ensure(ACCOUNT, POLICY)
    now = store.now()
    key = accounts.mint(ACCOUNT, POLICY, now + asked if asked else None)
    assert store.keys[key.id].end == key.expires_at
    assert (key.expires_at is None) == (granted is None)
    if granted is not None and key.expires_at is not None:
        assert abs(key.expires_at - (now + granted)) < timedelta(seconds=30)


def test_a_key_that_the_store_ended_is_not_active(store: MinioStandIn, accounts: MinioAccounts) -> None:
    accounts.ensure(ACCOUNT, POLICY)
    key = accounts.mint(ACCOUNT, POLICY, store.now() + timedelta(days=1))
    store.keys[key.id].end = store.now() - timedelta(seconds=2)
    standing = accounts.look(ACCOUNT, [key.id])
    assert standing is not None
    assert [each.active for each in standing.keys] == [False]


def test_two_keys_at_most(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    store.keys["BYHAND"] = AccessKey("by-hand-secret", ACCOUNT.name)  # MinIO has no limit, so it takes no place
    second = accounts.mint(ACCOUNT, POLICY, None)
    with pytest.raises(StepError, match="has 2 keys"):
        accounts.mint(ACCOUNT, POLICY, None)
    assert set(store.keys) == {key.id, second.id, "BYHAND"}
    accounts.revoke(ACCOUNT, key.id)
    accounts.mint(ACCOUNT, POLICY, None)


def test_a_revoked_key_opens_nothing(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    assert store.opens(key.id, "s3:GetObject", MINE)
    accounts.revoke(ACCOUNT, key.id)
    assert not store.opens(key.id, "s3:GetObject", MINE)
    accounts.revoke(ACCOUNT, key.id)  # what is gone is no error


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
    standing = accounts.look(ACCOUNT, [key.id, "BYHAND"] if recorded else [key.id])
    assert standing is not None
    assert standing.owner == OWNER
    assert {each.id: each.ours for each in standing.keys} == {"BYHAND": ours, key.id: True}
    assert standing.keys[-1].id == key.id, "oldest first, and of a time that nobody knows before all"
    accounts.ensure(ACCOUNT, POLICY)
    assert store.keys["BYHAND"].description == description


# What a key of a user can't do, and one of the admin's own could


def as_session(store: MinioStandIn, key_id: str) -> MinioAdmin:
    return MinioAdmin(
        endpoint=store.host, credentials=StaticProvider(key_id, store.keys[key_id].secret), region="", secure=False
    )


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except MinioAdminException:
        return True
    return False


@pytest.mark.parametrize("of_the_admin", [False, True], ids=["user", "admin"])
def test_why_an_account_is_a_user(
    store: MinioStandIn, accounts: MinioAccounts, key: NewKey, of_the_admin: bool
) -> None:
    """Both keys have the same policy. The stand-in does as MinIO's sources do."""
    accounts.ensure(OTHER, OTHER_POLICY)
    neighbour = accounts.mint(OTHER, OTHER_POLICY, None)
    mine = key.id
    if of_the_admin:
        store.keys["MINE"] = AccessKey("my-own-secret", ROOT, policy=normal(POLICY))
        store.keys["NEIGHBOUR"] = AccessKey("neighbours-secret", ROOT, policy=normal(OTHER_POLICY))
        mine = "MINE"
    session = as_session(store, mine)
    victim = "NEIGHBOUR" if of_the_admin else neighbour.id
    assert refused(lambda: session.get_service_account(victim)) is not of_the_admin
    assert refused(lambda: session.delete_service_account(victim)) is not of_the_admin
    assert (victim in store.keys) is not of_the_admin


def test_a_key_makes_no_keys(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    session = as_session(store, key.id)
    assert refused(lambda: session.add_service_account(access_key="MORE", secret_key="more-secret"))
    assert refused(lambda: session.user_add(ACCOUNT.name, "another-secret"))
    assert refused(lambda: session.update_service_account(access_key=key.id, expiration="2036-01-01T00:00:00Z"))
    assert set(store.keys) == {key.id}
    # It is the guard that does it: without it MinIO lets everybody.
    store.policies[ACCOUNT.name]["Statement"].pop()
    assert not refused(lambda: session.add_service_account(access_key="MORE", secret_key="more-secret"))


# Drift


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


def test_a_user_who_was_removed_is_made_again_without_keys(
    store: MinioStandIn, accounts: MinioAccounts, key: NewKey
) -> None:
    del store.users[ACCOUNT.name]
    store.keys.clear()
    standing = accounts.look(ACCOUNT, [key.id])
    assert standing is not None
    assert (standing.owner, standing.policy, standing.keys) == (OWNER, None, ())
    with pytest.raises(StepError, match=r"is gone.*pulumi refresh"):
        accounts.mint(ACCOUNT, POLICY, None)
    accounts.ensure(ACCOUNT, POLICY)
    assert store.opens(accounts.mint(ACCOUNT, POLICY, None).id, "s3:GetObject", MINE)


def test_a_key_that_somebody_disabled_is_seen(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    store.keys[key.id].status = "off"
    standing = accounts.look(ACCOUNT, [key.id])
    assert standing is not None
    assert [each.active for each in standing.keys] == [False]


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
    standing = accounts.look(ACCOUNT, ())
    assert standing is not None
    assert standing.owner == owner
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
    standing = accounts.look(ACCOUNT, [key.id])
    assert standing is not None
    assert standing.owner is None
    with pytest.raises(StepError, match="or let go"):
        accounts.ensure(ACCOUNT, POLICY)


def test_a_released_account_is_taken_back_with_its_keys(
    store: MinioStandIn, accounts: MinioAccounts, key: NewKey
) -> None:
    store.keys["BYHAND"] = AccessKey("by-hand-secret", ACCOUNT.name, description="by hand")
    accounts.clear_owner(ACCOUNT)
    accounts.set_owner(ACCOUNT, [key.id])
    standing = accounts.look(ACCOUNT, ())
    assert standing is not None
    assert standing.owner == OWNER
    assert {each.id: each.ours for each in standing.keys} == {key.id: True, "BYHAND": False}
    before = snapshot(store)
    accounts.set_owner(ACCOUNT, [key.id])
    assert snapshot(store) == before
    accounts.ensure(ACCOUNT, POLICY)
    assert store.opens(key.id, "s3:GetObject", MINE)


def test_an_account_of_another_owner_is_not_marked(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    before = snapshot(store)
    with pytest.raises(StepError, match="belongs to"):
        accounts.set_owner(Account(ACCOUNT.name, "other/prod"), [key.id])
    assert snapshot(store) == before


def test_nothing_is_left_of_a_removed_account(store: MinioStandIn, accounts: MinioAccounts, key: NewKey) -> None:
    accounts.ensure(OTHER, OTHER_POLICY)
    neighbour = accounts.mint(OTHER, OTHER_POLICY, None)
    store.keys["BYHAND"] = AccessKey("by-hand-secret", ACCOUNT.name)
    store.requests.clear()
    accounts.remove(ACCOUNT)
    ended = ["delete-service-account", "delete-service-account", "remove-user", "remove-canned-policy"]
    assert writes(store) == ended, "MinIO does not say when a key stays that it was to remove with its user"
    assert set(store.keys) == {neighbour.id}
    assert set(store.users) == {OTHER.name}
    assert ACCOUNT.name not in store.policies
    assert accounts.look(ACCOUNT, ()) is None
    accounts.remove(ACCOUNT)
    accounts.clear_owner(ACCOUNT)


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


# Runs that die


STEPS: dict[str, Callable[[MinioAccounts, NewKey | None], object]] = {
    "ensure": lambda accounts, _: accounts.ensure(ACCOUNT, POLICY),
    "revoke": lambda accounts, key: accounts.revoke(ACCOUNT, key.id if key else ""),
    "clear_owner": lambda accounts, _: accounts.clear_owner(ACCOUNT),
    "remove": lambda accounts, _: accounts.remove(ACCOUNT),
}


def played(step: str, cut: tuple[int, str] | None = None) -> tuple[list[str], MinioStandIn]:
    """A step, cut short and then done again: its requests, and what is there at the end."""
    with MinioStandIn() as store:
        accounts = driver(store)
        key = None
        if step != "ensure":
            accounts.ensure(ACCOUNT, POLICY)
            key = accounts.mint(ACCOUNT, POLICY, None)
        store.requests.clear()
        store.cut = cut
        if cut:
            with pytest.raises(StepError):
                STEPS[step](accounts, key)
            assert store.cut is None
            standing = accounts.look(ACCOUNT, ())
            assert standing is None or step == "clear_owner" or standing.owner == OWNER, "what is left can be told"
        STEPS[step](driver(store), key)
        return store.requests, store


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_dies_at_any_request_is_finished_by_the_next_run(step: str) -> None:
    requests, whole = played(step)
    wanted = snapshot(whole)[:2], len(whole.keys)
    for number, command in enumerate(requests):
        for when in ("before",) if command in READING else ("before", "after"):
            _, again = played(step, (number, when))
            assert (snapshot(again)[:2], len(again.keys)) == wanted, f"{command}, {when}"


@pytest.mark.parametrize("when", ["before", "after"])
def test_minting_that_dies_leaves_no_key_that_cant_be_told(store: MinioStandIn, when: str) -> None:
    accounts = driver(store)
    accounts.ensure(ACCOUNT, POLICY)
    for number in range(4):
        store.requests.clear()
        store.cut = (number, when)
        minted: list[str] = []
        try:
            key = accounts.mint(ACCOUNT, POLICY, None)
            minted = [key.id]
            assert store.keys[key.id].secret == key.secret
        except StepError:
            pass
        if "add-service-account" in store.requests and when == "after":
            assert minted, "the answer is lost, but the key is known"
        standing = accounts.look(ACCOUNT, ())
        assert standing is not None
        assert [each.id for each in standing.keys] == minted
        assert all(each.ours for each in standing.keys)
        for key_id in minted:
            accounts.revoke(ACCOUNT, key_id)


def test_a_key_whose_making_cant_be_asked_after_is_found_by_the_next_run(store: MinioStandIn) -> None:
    accounts = driver(store)
    accounts.ensure(ACCOUNT, POLICY)
    store.requests.clear()
    store.cut = (3, "after")
    store.then["add-service-account"] = lambda: setattr(store, "unavailable", 9)
    with pytest.raises(StepError, match=r"not known whether.*the next run finds it") as error:
        accounts.mint(ACCOUNT, POLICY, None)
    assert all(key.secret not in str(error.value) for key in store.keys.values())
    store.unavailable = 0
    standing = accounts.look(ACCOUNT, ())
    assert standing is not None
    assert [each.ours for each in standing.keys] == [True]


def test_what_was_done_although_the_store_turned_it_away_is_known(store: MinioStandIn) -> None:
    def turn_away() -> None:
        del store.then["add-service-account"]
        raise NOT_READY

    accounts = driver(store)
    accounts.ensure(ACCOUNT, POLICY)
    store.then["add-service-account"] = turn_away
    key = accounts.mint(ACCOUNT, POLICY, None)
    assert store.requests.count("add-service-account") == 2, "the second time the key is already there"
    assert store.opens(key.id, "s3:GetObject", MINE)
    assert datetime.now(UTC) - key.issued_at < timedelta(minutes=1)
