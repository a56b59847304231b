"""Access keys by IAM: minted, noted, lost on the way, and revoked."""

import pytest

from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import BusyError, LostError, RefusedError
from tests.support.iam_accounts import NAME, OURS, POLICY, accounts, by_hand, ids, intercepted, tags
from tests.support.store_world import lacking, refusal

__all__ = ["accounts"]


def test_a_minted_key_is_noted_as_ours_and_one_by_hand_is_not(accounts, iam):
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None)
    assert made.expires_at is None
    assert made.issued_at.utcoffset().total_seconds() == 0
    other = by_hand(iam)
    for recorded in ((), (made.id,)):  # with a lost state as well
        ours = {key.id: key.ours for key in accounts.look(OURS, recorded).keys}
        assert ours == {made.id: True, other: False}


def test_a_key_whose_run_died_is_ours_and_one_made_by_hand_before_is_not(accounts, iam, monkeypatch):
    accounts.ensure(OURS, POLICY)
    before = by_hand(iam)

    def die(send):
        send()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        intercepted(patch, "create_access_key", die)
        with pytest.raises(KeyboardInterrupt):
            accounts.mint(OURS, POLICY, None)
    (left,) = ids(iam) - {before}
    assert {key.id: key.ours for key in accounts.look(OURS, ()).keys} == {before: False, left: True}


@pytest.mark.parametrize("made", [True, False])
def test_a_key_whose_answer_was_lost_is_ended_at_once(accounts, iam, monkeypatch, made):
    accounts.ensure(OURS, POLICY)
    kept = accounts.mint(OURS, POLICY, None).id

    def lose(send):
        if made:
            send()
        raise LostError("the connection broke")

    with monkeypatch.context() as patch:
        intercepted(patch, "create_access_key", lose)
        assert refusal(accounts.mint, OURS, POLICY, None) == "the connection broke"
    assert ids(iam) == {kept}


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (RefusedError("no", 403, "AccessDenied"), ""),
        (RefusedError("no such page", 404, ""), ""),
        # These may have been done; and the next run finds by the note what a list does not show yet.
        (RefusedError("a page of success", 200, ""), " +"),
        (BusyError("busy", 503, "ServiceUnavailable"), " +"),
        (LostError("the connection broke"), " +"),
    ],
)
def test_a_mint_is_under_way_until_it_is_refused(accounts, iam, monkeypatch, error, left):
    accounts.ensure(OURS, POLICY)
    kept = accounts.mint(OURS, POLICY, None).id
    sent = []

    def refuse(send):
        sent.append(1)
        raise error

    with monkeypatch.context() as patch:
        intercepted(patch, "create_access_key", refuse)
        refusal(accounts.mint, OURS, POLICY, None)
    assert len(sent) == 1
    assert tags(iam)["ambient-components/keys"] == f"{kept}{left}"


def test_why_a_mint_was_refused_is_said_whatever_becomes_of_the_note(accounts, monkeypatch):
    accounts.ensure(OURS, POLICY)
    written = []

    def once(send):
        written.append(1)
        return send() if len(written) == 1 else (_ for _ in ()).throw(RefusedError("no note", 403, "AccessDenied"))

    def refuse(send):
        raise RefusedError("no key", 403, "AccessDenied")

    intercepted(monkeypatch, "create_access_key", refuse)
    send = Api._send
    monkeypatch.setattr(
        Api,
        "_send",
        lambda api, name, given: once(lambda: send(api, name, given)) if name == "tag_user" else send(api, name, given),
    )
    assert refusal(accounts.mint, OURS, POLICY, None) == "no key"
    assert len(written) == 2


def test_a_note_of_a_mint_that_ended_is_settled(accounts, iam, monkeypatch):
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None).id
    other = by_hand(iam)
    iam.tag_user(UserName=NAME, Tags=[{"Key": "ambient-components/keys", "Value": "+"}])
    # Where none on record is there, either may be the one that was under way.
    accounts.settle(OURS, ["AKIAGONE000000000000"])
    assert tags(iam)["ambient-components/keys"] == "+"
    with monkeypatch.context() as patch:
        lacking(patch, "list_access_keys", code="AccessDenied", status=403)
        accounts.settle(OURS, [made])
    accounts.settle(OURS, [made])
    assert tags(iam)["ambient-components/keys"] == f"{made} -{other}"
    with monkeypatch.context() as patch:
        intercepted(patch, "tag_user", lambda _: pytest.fail("it was written again"))
        accounts.settle(OURS, [made])
        accounts.settle(Account("ambient-nobody", "app/dev"), [made])


def test_a_mint_that_was_turned_away_is_tried_again(accounts, iam, monkeypatch):
    accounts.ensure(OURS, POLICY)
    answers = [BusyError("busy", 400, "Throttling")] * 3

    def busy(send):
        if answers:
            raise answers.pop()
        return send()

    intercepted(monkeypatch, "create_access_key", busy)
    assert ids(iam) == set()
    made = accounts.mint(OURS, POLICY, None)
    assert ids(iam) == {made.id}


def test_a_key_is_not_lost_for_its_note(accounts, iam, monkeypatch):
    accounts.ensure(OURS, POLICY)
    written = []

    def once(send):
        written.append(1)
        if len(written) > 1:
            raise RefusedError("no", 403, "AccessDenied")
        return send()

    with monkeypatch.context() as patch:
        intercepted(patch, "tag_user", once)
        made = accounts.mint(OURS, POLICY, None)
    # Recorded by its run; what somebody makes later is told from it all the same.
    other = by_hand(iam)
    assert {key.id: key.ours for key in accounts.look(OURS, (made.id,)).keys} == {made.id: True, other: False}
