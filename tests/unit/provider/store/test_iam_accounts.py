"""Accounts by IAM: users with a mark and a policy, users of others, and stores that lack some of it."""

import json

import pytest

from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.errors import RefusedError
from tests.support.iam_accounts import NAME, OURS, POLICY, accounts, by_hand, ids, intercepted, tags
from tests.support.store_world import lacking, refusal

__all__ = ["accounts"]

KEYS_ONLY = Account(NAME, "app/dev", keys_only=True)
WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def test_the_mark_is_set_by_the_request_that_makes_the_user(accounts, monkeypatch, iam):
    def die(send):
        send()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        intercepted(patch, "create_user", die)
        with pytest.raises(KeyboardInterrupt):
            accounts.ensure(OURS, POLICY)
    accounts.ensure(OURS, POLICY)
    assert accounts.look(OURS, ()).policy


@pytest.mark.parametrize(
    ("mark", "received"),
    [("other/one", "belongs to other/one, so it is left alone"), (None, "has no ownership tag: it was made by hand")],
)
def test_a_user_of_somebody_else_is_never_touched(accounts, iam, mark, received):
    iam.create_user(UserName=NAME, Tags=[{"Key": "ambient-components/owner", "Value": mark}] if mark else [])
    by_hand(iam)
    for action in (
        lambda: accounts.ensure(OURS, POLICY),
        lambda: accounts.mint(OURS, POLICY, None),
        lambda: accounts.remove(OURS),
    ):
        assert received in refusal(action)
    assert accounts.look(OURS, ()).owner == mark
    assert len(ids(iam)) == 1
    assert iam.list_user_policies(UserName=NAME)["PolicyNames"] == []


def test_rights_beyond_the_policy_are_named_and_taken_away(accounts, iam):
    accounts.ensure(OURS, POLICY)
    arn = iam.create_policy(PolicyName="wide", PolicyDocument=WIDE)["Policy"]["Arn"]
    iam.put_user_policy(UserName=NAME, PolicyName="more", PolicyDocument=WIDE)
    iam.attach_user_policy(UserName=NAME, PolicyArn=arn)
    iam.create_group(GroupName="admins")
    iam.add_user_to_group(GroupName="admins", UserName=NAME)
    assert accounts.look(OURS, ()).widened == ("policy more", "policy wide", "group admins")
    accounts.ensure(OURS, POLICY)
    assert accounts.look(OURS, ()).widened == ()
    assert iam.get_policy(PolicyArn=arn)


def test_an_account_is_removed_with_everything_that_others_added(accounts, iam):
    accounts.ensure(OURS, POLICY)
    accounts.mint(OURS, POLICY, None)
    by_hand(iam)
    iam.put_user_policy(UserName=NAME, PolicyName="more", PolicyDocument=WIDE)
    accounts.remove(OURS)
    assert accounts.look(OURS, ()) is None
    accounts.remove(OURS)


class TestKeysOnly:
    """A user that pulumi-aws makes."""

    @pytest.fixture(autouse=True)
    def user(self, iam):
        iam.create_user(UserName=NAME, Tags=[{"Key": "ambient-components/owner", "Value": "app/dev"}])
        iam.put_user_policy(UserName=NAME, PolicyName="storage", PolicyDocument=json.dumps(POLICY))

    def test_neither_its_policy_nor_its_tags_are_touched(self, accounts, iam):
        accounts.ensure(KEYS_ONLY, POLICY)
        made = accounts.mint(KEYS_ONLY, POLICY, None)
        existing = accounts.look(KEYS_ONLY, (made.id,))
        assert (existing.policy, existing.widened) == (None, ())
        assert existing.keys[0].ours
        assert iam.list_user_policies(UserName=NAME)["PolicyNames"] == ["storage"]
        # A tag of ours would be a difference to what pulumi-aws has made.
        assert tags(iam) == {"ambient-components/owner": "app/dev"}
        accounts.clear_owner(KEYS_ONLY)
        assert tags(iam) == {"ambient-components/owner": "app/dev"}

    def test_a_key_of_a_run_that_died_is_found(self, accounts, iam, monkeypatch):
        def die(send):
            send()
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            intercepted(patch, "create_access_key", die)
            with pytest.raises(KeyboardInterrupt):
                accounts.mint(KEYS_ONLY, POLICY, None)
        assert [key.ours for key in accounts.look(KEYS_ONLY, ()).keys] == [True]
        accounts.remove(KEYS_ONLY)
        assert ids(iam) == set()

    def test_a_user_that_is_not_there_is_not_made(self, accounts, iam):
        iam.delete_user_policy(UserName=NAME, PolicyName="storage")
        iam.delete_user(UserName=NAME)
        assert "is not there, and is not made by this resource" in refusal(accounts.ensure, KEYS_ONLY, POLICY)


@pytest.mark.parametrize(("code", "status"), [("NotImplemented", 501), ("InvalidAction", 400), ("", 405)])
def test_a_store_without_managed_policies_and_groups_has_none(accounts, monkeypatch, code, status):
    lacking(monkeypatch, "list_attached_user_policies", "list_groups_for_user", code=code, status=status)
    accounts.ensure(OURS, POLICY)
    assert accounts.look(OURS, ()).widened == ()
    accounts.remove(OURS)
    assert accounts.look(OURS, ()) is None


def test_where_users_have_no_tags_their_name_is_the_mark_and_unrecorded_keys_are_others(accounts, iam, monkeypatch):
    lacking(monkeypatch, "list_user_tags", "tag_user", "untag_user")
    assert accounts.look(OURS, ()) is None
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None)
    other = by_hand(iam)
    existing = accounts.look(OURS, (made.id,))
    assert existing.owner == "app/dev"
    assert {key.id: key.ours for key in existing.keys} == {made.id: True, other: False}
    accounts.remove(OURS)
    assert accounts.look(OURS, ()) is None


def test_a_user_that_is_seen_only_after_a_while_is_waited_for(accounts, monkeypatch):
    hidden = [RefusedError("not yet", 404, "NoSuchEntity")] * 4

    def late(send):
        if hidden:
            raise hidden.pop()
        return send()

    intercepted(monkeypatch, "list_user_tags", late)
    accounts.ensure(OURS, POLICY)
    assert accounts.look(OURS, ()).owner == "app/dev"
