"""Accounts by IAM, against moto's server. The sandbox's store, which enforces them, is asked by the engine tests."""

import json

import pytest

from ambient_components.failure import StepError
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import BusyError, LostError, RefusedError
from ambient_components.rules.bucket_policy import access_policy, same_policy
from tests.support.store_world import moto_world

NAME = "ambient-pay-0123456789ab"
OURS = Account(NAME, "app/dev")
KEYS_ONLY = Account(NAME, "app/dev", keys_only=True)
POLICY = access_policy("pay-sessions")
WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture
def world(monkeypatch):
    with moto_world(monkeypatch) as world:
        yield world


@pytest.fixture
def iam(world):
    return world.client("iam")


@pytest.fixture
def accounts(world):
    return world.store.accounts


def refusal(action, *args):
    with pytest.raises(StepError) as raised:
        action(*args)
    return str(raised.value)


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


def test_where_there_is_no_user_there_is_nothing(accounts):
    assert accounts.look(OURS, ()) is None


def test_a_user_is_made_with_its_mark_and_exactly_its_policy(accounts, iam):
    accounts.ensure(OURS, POLICY)
    standing = accounts.look(OURS, ())
    assert (standing.owner, standing.keys, standing.widened) == ("app/dev", (), ())
    assert same_policy(standing.policy, POLICY)
    assert tags(iam) == {"ambient-components/owner": "app/dev"}


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


def test_what_is_in_order_is_not_written_again(accounts, monkeypatch):
    accounts.ensure(OURS, POLICY)
    for operation in ("create_user", "put_user_policy", "tag_user"):
        intercepted(monkeypatch, operation, lambda _: pytest.fail("it was written again"))
    accounts.ensure(OURS, POLICY)


@pytest.mark.parametrize(
    ("mark", "told"),
    [("other/one", "belongs to other/one, so it is left alone"), (None, "has no ownership tag: it was made by hand")],
)
def test_a_user_of_somebody_else_is_never_touched(accounts, iam, mark, told):
    iam.create_user(UserName=NAME, Tags=[{"Key": "ambient-components/owner", "Value": mark}] if mark else [])
    by_hand(iam)
    for action in (
        lambda: accounts.ensure(OURS, POLICY),
        lambda: accounts.mint(OURS, POLICY, None),
        lambda: accounts.remove(OURS),
    ):
        assert told in refusal(action)
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


def test_a_changed_policy_is_written_anew(accounts, iam):
    accounts.ensure(OURS, POLICY)
    iam.put_user_policy(UserName=NAME, PolicyName="ambient-components", PolicyDocument=WIDE)
    assert not same_policy(accounts.look(OURS, ()).policy, POLICY)
    accounts.ensure(OURS, POLICY)
    assert same_policy(accounts.look(OURS, ()).policy, POLICY)


def test_a_minted_key_is_noted_as_ours_and_one_by_hand_is_not(accounts, iam):
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None)
    assert made.expires_at is None
    assert made.issued_at.utcoffset().total_seconds() == 0
    other = by_hand(iam)
    for recorded in ((), (made.id,)):  # with a lost state as well
        ours = {key.id: key.ours for key in accounts.look(OURS, recorded).keys}
        assert ours == {made.id: True, other: False}


def test_the_secret_of_a_key_is_in_no_text(accounts):
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None)
    assert made.secret
    assert made.secret not in f"{made!r} {made} {accounts!r}"


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
        without(patch, "list_access_keys", code="AccessDenied", status=403)
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


def test_a_third_key_is_refused_and_the_two_are_named(accounts, iam):
    accounts.ensure(OURS, POLICY)
    first = accounts.mint(OURS, POLICY, None).id
    second = by_hand(iam)
    iam.update_access_key(UserName=NAME, AccessKeyId=second, Status="Inactive")
    told = refusal(accounts.mint, OURS, POLICY, None)
    assert "has 2 access keys, and can't have more" in told
    assert f"{first} (active, made on" in told
    assert f"{second} (inactive, made on" in told
    assert "Delete the one that was made by hand" in told
    assert len(ids(iam)) == 2


def test_a_revoked_key_is_gone_and_revoking_it_again_is_no_error(accounts, iam):
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None)
    accounts.revoke(OURS, made.id)
    accounts.revoke(OURS, made.id)
    assert ids(iam) == set()
    iam.delete_user_policy(UserName=NAME, PolicyName="ambient-components")
    iam.delete_user(UserName=NAME)
    accounts.revoke(OURS, made.id)
    accounts.clear_owner(OURS)
    accounts.remove(OURS)
    assert "is gone: run pulumi refresh" in refusal(accounts.mint, OURS, POLICY, None)


def test_an_account_is_let_go_with_its_keys_and_taken_back(accounts, iam):
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None)
    accounts.clear_owner(OURS)
    assert "ambient-components/owner" not in tags(iam)
    assert ids(iam) == {made.id}
    assert "has no ownership tag" in refusal(accounts.ensure, OURS, POLICY)
    accounts.clear_owner(OURS)
    accounts.set_owner(OURS, [made.id])
    accounts.ensure(OURS, POLICY)
    assert accounts.look(OURS, ()).keys[0].ours
    iam.tag_user(UserName=NAME, Tags=[{"Key": "ambient-components/owner", "Value": "other/one"}])
    assert "belongs to other/one" in refusal(accounts.set_owner, OURS, [])
    assert "belongs to other/one" in refusal(accounts.clear_owner, OURS)


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
        standing = accounts.look(KEYS_ONLY, (made.id,))
        assert (standing.policy, standing.widened) == (None, ())
        assert standing.keys[0].ours
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


def without(patch, *operations, code="NotImplemented", status=501):
    send = Api._send

    def refuse(api, name, given):
        if name in operations:
            raise RefusedError("no such API", status, code)
        return send(api, name, given)

    patch.setattr(Api, "_send", refuse)


@pytest.mark.parametrize(("code", "status"), [("NotImplemented", 501), ("InvalidAction", 400), ("", 405)])
def test_a_store_without_managed_policies_and_groups_has_none(accounts, monkeypatch, code, status):
    without(monkeypatch, "list_attached_user_policies", "list_groups_for_user", code=code, status=status)
    accounts.ensure(OURS, POLICY)
    assert accounts.look(OURS, ()).widened == ()
    accounts.remove(OURS)
    assert accounts.look(OURS, ()) is None


def test_where_users_have_no_tags_their_name_is_the_mark_and_unrecorded_keys_are_others(accounts, iam, monkeypatch):
    without(monkeypatch, "list_user_tags", "tag_user", "untag_user")
    assert accounts.look(OURS, ()) is None
    accounts.ensure(OURS, POLICY)
    made = accounts.mint(OURS, POLICY, None)
    other = by_hand(iam)
    standing = accounts.look(OURS, (made.id,))
    assert standing.owner == "app/dev"
    assert {key.id: key.ours for key in standing.keys} == {made.id: True, other: False}
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
