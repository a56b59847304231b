"""Runs on MinIO that die at any request: the next one finishes them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import NewKey
from ambient_components.provider.store.minio import MinioAccounts
from tests.support.minio_accounts import ACCOUNT, MINE, OWNER, POLICY, READING, _quick, driver, snapshot, store
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_iam import NOT_READY

__all__ = ["_quick", "store"]

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
            existing = accounts.look(ACCOUNT, ())
            assert existing is None or step == "clear_owner" or existing.owner == OWNER, "what is left can be told"
        STEPS[step](driver(store), key)
        return store.requests, store


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_dies_at_any_request_is_finished_by_the_next_run(step: str) -> None:
    requests, whole = played(step)
    desired = snapshot(whole)[:2], len(whole.keys)
    for number, command in enumerate(requests):
        for when in ("before",) if command in READING else ("before", "after"):
            _, again = played(step, (number, when))
            assert (snapshot(again)[:2], len(again.keys)) == desired, f"{command}, {when}"


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
        existing = accounts.look(ACCOUNT, ())
        assert existing is not None
        assert [each.id for each in existing.keys] == minted
        assert all(each.ours for each in existing.keys)
        for key_id in minted:
            accounts.revoke(ACCOUNT, key_id)


def test_a_key_whose_making_cant_be_asked_after_is_found_by_the_next_run(store: MinioStandIn) -> None:
    accounts = driver(store)
    accounts.ensure(ACCOUNT, POLICY)
    store.requests.clear()
    store.cut = (3, "after")
    store.then["add-service-account"] = lambda: setattr(store, "unavailable", 9)
    with pytest.raises(StepError, match=r"not known whether.*run again, which finds it") as error:
        accounts.mint(ACCOUNT, POLICY, None)
    assert all(key.secret not in str(error.value) for key in store.keys.values())
    store.unavailable = 0
    existing = accounts.look(ACCOUNT, ())
    assert existing is not None
    assert [each.ours for each in existing.keys] == [True]


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
