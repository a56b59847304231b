"""`ambient:index:S3Credentials` against moto's IAM, over rotations, drift and loss."""

import json

import pytest

from ambient_components.failure import StepError
from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.access_keys import Seen
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.protocol.wire import UNKNOWN, Secret
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import RefusedError
from ambient_components.rules.bucket_policy import access_policy, same_policy
from tests.support.store_world import OWNER, OneResource, calls, moto_world, move_clock

DAY = 86_400
USER = bucket_user(OWNER, "pay", "pay-sessions", 1)
WANTED = {
    "user": USER,
    "bucket": "pay-sessions",
    "owner": OWNER,
    "lifetimeSeconds": 90 * DAY,
    "rotateBeforeSeconds": 14 * DAY,
    "overlapSeconds": 7 * DAY,
    "usedIn": "pay/ambient-non-vertex-integrations",
}
WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
MINTED = {"accessKey", "secretKey", "current", "retiring", "nextAction", "reason"}


@pytest.fixture
def world(monkeypatch):
    with moto_world(monkeypatch) as world:
        yield world


@pytest.fixture
def iam(world):
    return world.client("iam")


@pytest.fixture
def keys(world):
    return OneResource(S3Credentials(), world)


@pytest.fixture
def made(keys, world):
    """The state after the first run, whose key sessions use."""
    keys.up(WANTED)
    world.uses(keys.state["accessKey"])
    world.told("info")
    return keys


def ids(iam, user=USER):
    return {each["AccessKeyId"] for each in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}


def by_hand(iam):
    return iam.create_access_key(UserName=USER)["AccessKey"]["AccessKeyId"]


def refusal(action, *args, **kwargs):
    with pytest.raises(StepError) as raised:
        action(*args, **kwargs)
    return str(raised.value)


def diff(resource, news):
    news = {**news, "generation": news.get("generation", 1)}
    return resource.kind.diff(resource.world.context(), resource.inputs, resource.state, news)


def failing(patch, operation, code="AccessDenied"):
    send = Api._send

    def fail(api, name, given):
        if name == operation:
            raise RefusedError("the object store at a:1 says no", 403, code)
        return send(api, name, given)

    patch.setattr(Api, "_send", fail)


# Check.


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user": None}, "user is missing"),
        ({"user": "Me_And_You"}, "user 'Me_And_You' is no name for a store's user; allowed: 2-64 of a-z 0-9 -"),
        ({"bucket": "A"}, "bucket 'A' is not a name for a bucket"),
        ({"owner": 3}, "owner: text is expected"),
        ({"prefix": "pay"}, "prefix: text with a slash at its end is expected, such as payments/"),
        ({"prefix": "/"}, "prefix: text with a slash"),
        ({"usedIn": "secret"}, "usedIn: NAMESPACE/SECRET is expected"),
        ({"lifetimeSeconds": None}, "lifetimeSeconds is missing"),
        (
            {"lifetimeSeconds": 86_399},
            "lifetimeSeconds: 86399 is too short; allowed: whole seconds",
        ),
        ({"lifetimeSeconds": 31_536_001}, "from 86400 (1d) to 31536000 (1y)"),
        ({"never": True}, "lifetimeSeconds: is the life of an access key that never expires"),
        ({"overlapSeconds": 15 * DAY}, "an overlap of 15d is longer than the notice of 14d"),
        ({"overlapSeconds": -1}, "overlapSeconds: a whole number from 0 is expected"),
        ({"generation": 0}, "generation: 0 is too low; allowed: 1 or a higher number"),
        ({"manual": "yes"}, "manual: true or false is expected"),
        ({"keysOnly": 1.5}, "keysOnly: true or false is expected"),
    ],
)
def test_each_input_that_no_store_would_take_is_refused(world, change, told):
    failures = S3Credentials().check(world.context(), {}, {**WANTED, **change}).failures
    assert any(told in str(failure) for failure in failures), failures
    assert len(failures) == 1


def test_defaults_are_added_to_what_is_given(world):
    news = {name: WANTED[name] for name in ("user", "bucket", "owner", "lifetimeSeconds")}
    assert S3Credentials().check(world.context(), {}, news).defaults == {
        "generation": 1,
        "rotateBeforeSeconds": 14 * DAY,
        "overlapSeconds": 7 * DAY,
    }


def test_what_is_not_known_yet_is_no_failure(world):
    names = (*WANTED, "prefix", "manual", "incomplete")
    assert not S3Credentials().check(world.context(), {}, dict.fromkeys(names, UNKNOWN)).failures


def test_nothing_that_was_not_made_can_be_let_go(world):
    (failure,) = S3Credentials().check(world.context(), {}, {**WANTED, "released": True}).failures
    assert str(failure) == "released: there is no access key yet that could be let go"


# The first key.


def test_a_user_is_made_with_least_rights_and_one_key(keys, iam, world):
    assert keys.up(WANTED) == "create"
    assert ids(iam) == {keys.state["accessKey"]}
    document = iam.get_user_policy(UserName=USER, PolicyName="ambient-components")["PolicyDocument"]
    assert same_policy(document, access_policy("pay-sessions"))
    current = keys.state["current"]
    assert current["handle"] == current["uid"] == keys.state["accessKey"]
    assert keys.state["nextAction"]["what"] == "rotate"
    assert keys.state["reason"] == "no access key yet"
    assert (keys.state["retiring"], keys.state["foreign"], keys.state["drift"]) == ([], [], {})
    assert keys.state["secretKey"] not in world.told("info")
    assert keys.up(WANTED) == "nothing"
    assert keys.refresh()
    assert keys.up(WANTED) == "nothing"


def test_the_secret_is_marked_and_nothing_else_is(world):
    _, outputs = S3Credentials().create(world.context(), {**WANTED, "generation": 1})
    assert [name for name, value in outputs.items() if isinstance(value, Secret)] == ["secretKey"]
    found = S3Credentials().read(world.context(), USER, WANTED, {**outputs, "secretKey": outputs["secretKey"].value})
    assert isinstance(found.outputs["secretKey"], Secret)


def test_a_preview_makes_nothing(keys, iam):
    keys.up(WANTED, preview=True)
    assert iam.list_users()["Users"] == []


def test_a_part_of_a_bucket_is_opened_alone(keys, iam):
    keys.up({**WANTED, "prefix": "pay/"})
    document = iam.get_user_policy(UserName=USER, PolicyName="ambient-components")["PolicyDocument"]
    assert same_policy(document, access_policy("pay-sessions", "pay/"))
    keys.up(WANTED)
    document = iam.get_user_policy(UserName=USER, PolicyName="ambient-components")["PolicyDocument"]
    assert same_policy(document, access_policy("pay-sessions"))
    assert len(ids(iam)) == 1


def test_keys_without_an_end_are_not_rotated(keys, monkeypatch):
    wanted = {name: value for name, value in WANTED.items() if "Seconds" not in name} | {"never": True}
    keys.up(wanted)
    assert keys.state["current"]["expiresAt"] is None
    assert keys.state["nextAction"] is None
    move_clock(monkeypatch, "3650d")
    assert keys.up(wanted) == "nothing"


@pytest.mark.parametrize("action", ["create", "update"])
def test_an_incomplete_identity_gets_no_key(keys, iam, action):
    if action == "update":
        keys.up(WANTED)
    told = refusal(keys.up, {**WANTED, "incomplete": True})
    assert "the user or its policy could not be made" in told
    assert len(iam.list_users()["Users"]) == (action == "update")


def test_an_import_is_refused_with_the_way(world):
    told = refusal(S3Credentials().read, world.context(), USER, {}, {})
    assert "the secret of an access key can't be read back from a store; declare the bucket" in told


# Rotation.


def test_a_key_is_rotated_with_an_overlap_and_the_old_one_revoked_after_it(made, iam, world, monkeypatch):
    first, secret = made.state["accessKey"], made.state["secretKey"]
    move_clock(monkeypatch, "75d")
    assert made.up(WANTED) == "nothing"
    move_clock(monkeypatch, "77d")
    assert set(diff(made, WANTED).computed) == MINTED
    assert made.up(WANTED, preview=True) == "update"
    assert "a new access key would be minted: the access key expires on" in world.told("info")
    assert ids(iam) == {first}
    assert made.up(WANTED) == "update"
    second = made.state["accessKey"]
    assert ids(iam) == {first, second}
    assert made.state["secretKey"] != secret
    assert [each["uid"] for each in made.state["retiring"]] == [first]
    assert made.state["nextAction"]["what"] == "revoke"
    world.uses(second)
    assert made.up(WANTED) == "nothing"
    assert made.refresh()
    assert made.up(WANTED) == "nothing"
    move_clock(monkeypatch, "85d")
    assert set(diff(made, WANTED).computed) == {"retiring", "pendingRevocations", "nextAction"}
    assert made.up(WANTED) == "update"
    assert ids(iam) == {second}
    assert f"revoked access key {first}: its overlap ended on" in world.told("info")


def test_the_key_that_sessions_use_outlives_its_overlap_until_another_lies_there(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    # The Secret's own update failed, in this run and in the next ones.
    move_clock(monkeypatch, "85d")
    assert made.up(WANTED) == "update"
    assert first in ids(iam)
    assert f"access key {first} lies in Secret pay/ambient-non-vertex-integrations still" in world.told("warning")
    assert [each["uid"] for each in made.state["retiring"]] == [first]
    # Even when the next rotation is due: what sessions use is not what goes.
    move_clock(monkeypatch, "160d")
    assert made.up(WANTED) == "update"
    assert "two keys are the most: a new one is minted once that Secret holds the one after it" in world.told("warning")
    second = made.state["accessKey"]
    assert ids(iam) == {first, second}
    world.uses(second)
    assert made.up(WANTED) == "update"
    assert first not in ids(iam)
    assert second in ids(iam)
    assert len(ids(iam)) == 2


def test_without_an_overlap_the_key_in_use_ends_in_the_next_run(made, iam, world, monkeypatch):
    wanted = {**WANTED, "overlapSeconds": 0}
    made.up(wanted)
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(wanted)
    assert first in ids(iam)
    world.uses(made.state["accessKey"])
    move_clock(monkeypatch, "78d")
    assert made.up(wanted) == "update"
    assert ids(iam) == {made.state["accessKey"]}
    assert made.up(wanted) == "nothing"


def test_without_a_secret_to_look_at_the_old_key_ends_by_the_clock_alone(keys, iam, monkeypatch):
    wanted = {name: value for name, value in WANTED.items() if name != "usedIn"} | {"overlapSeconds": 0}
    keys.up(wanted)
    move_clock(monkeypatch, "77d")
    keys.up(wanted)
    assert ids(iam) == {keys.state["accessKey"]}


def test_a_missed_window_is_told_and_the_key_has_worked_on(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "100d")
    assert made.refresh()
    assert made.state["current"]["dead"] is None
    assert made.up(WANTED) == "update"
    told = world.told("warning")
    assert f"no run came in time to replace access key {first} before" in told
    assert "it has worked on, as this store ends no key by itself" in told
    # Sessions have it still.
    assert ids(iam) == {first, made.state["accessKey"]}
    world.uses(made.state["accessKey"])
    move_clock(monkeypatch, "108d")
    made.up(WANTED)
    assert ids(iam) == {made.state["accessKey"]}


def test_a_key_after_its_end_makes_room_where_two_are_there(made, iam, world, monkeypatch):
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    second = made.state["accessKey"]
    # Nobody came for a long time; sessions use the second one, the first one is long over.
    world.uses(second)
    move_clock(monkeypatch, "300d")
    assert made.up(WANTED) == "update"
    assert ids(iam) == {second, made.state["accessKey"]}


def test_another_generation_is_another_user_and_the_old_one_goes(made, iam, world):
    other = bucket_user(OWNER, "pay", "pay-sessions", 2)
    wanted = {**WANTED, "user": other, "generation": 2}
    assert diff(made, wanted).replaces == {"user"}
    old = dict(made.state)
    _, outputs = S3Credentials().create(world.context(), wanted)
    assert {each["UserName"] for each in iam.list_users()["Users"]} == {USER, other}
    # The engine deletes the old one last; until sessions have the new key that is refused.
    assert "is still in use by Secret pay/ambient-non-vertex-integrations" in refusal(
        S3Credentials().delete, world.context(), USER, old
    )
    world.uses(outputs["accessKey"])
    S3Credentials().delete(world.context(), USER, old)
    assert {each["UserName"] for each in iam.list_users()["Users"]} == {other}


def test_a_mint_that_fails_takes_nothing(made, iam, monkeypatch):
    before = dict(made.state)
    move_clock(monkeypatch, "77d")
    with monkeypatch.context() as patch:
        failing(patch, "create_access_key")
        assert "says no" in refusal(made.up, WANTED)
    assert ids(iam) == {before["accessKey"]}
    assert made.up(WANTED) == "update"
    assert len(ids(iam)) == 2


def test_a_revocation_that_fails_fails_no_step_and_is_tried_again(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    world.uses(made.state["accessKey"])
    move_clock(monkeypatch, "85d")
    with monkeypatch.context() as patch:
        failing(patch, "delete_access_key")
        assert made.up(WANTED) == "update"
    assert f"could not revoke access key {first} (its overlap ended" in world.told("warning")
    assert [each["uid"] for each in made.state["pendingRevocations"]] == [first]
    assert made.up(WANTED) == "update"
    assert ids(iam) == {made.state["accessKey"]}
    assert made.up(WANTED) == "nothing"


# Drift.


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        (
            lambda iam: iam.put_user_policy(UserName=USER, PolicyName="ambient-components", PolicyDocument=WIDE),
            {"policy": "changed"},
        ),
        (
            lambda iam: iam.delete_user_policy(UserName=USER, PolicyName="ambient-components"),
            {"policy": "removed"},
        ),
        (
            lambda iam: iam.put_user_policy(UserName=USER, PolicyName="more", PolicyDocument=WIDE),
            {"policies": "added: policy more"},
        ),
        (
            lambda iam: iam.untag_user(UserName=USER, TagKeys=["ambient-components/owner"]),
            {"owner": "removed"},
        ),
    ],
    ids=["widened", "removed", "further", "mark"],
)
def test_what_others_changed_of_the_user_is_seen_and_put_back(made, iam, world, change, drift):
    key = made.state["accessKey"]
    change(iam)
    assert made.refresh()
    assert made.state["drift"] == drift
    (what,) = drift
    assert f"the object store's user {USER} is not as declared: {what} {drift[what]}" in world.told("warning")
    assert diff(made, WANTED).computed == {"drift"}
    made.up(WANTED, preview=True)
    assert f"would be put right: {what} {drift[what]}" in world.told("info")
    assert made.up(WANTED) == "update"
    assert made.state["drift"] == {}
    assert made.state["accessKey"] == key
    assert made.refresh()
    assert made.up(WANTED) == "nothing"
    document = iam.get_user_policy(UserName=USER, PolicyName="ambient-components")["PolicyDocument"]
    assert same_policy(document, access_policy("pay-sessions"))
    assert iam.list_user_policies(UserName=USER)["PolicyNames"] == ["ambient-components"]


def delete_user(iam):
    for key in ids(iam):
        iam.delete_access_key(UserName=USER, AccessKeyId=key)
    iam.delete_user_policy(UserName=USER, PolicyName="ambient-components")
    iam.delete_user(UserName=USER)


@pytest.mark.parametrize(
    ("change", "dead"),
    [
        (lambda iam, key: delete_user(iam), "the store's user was deleted"),
        (lambda iam, key: iam.delete_access_key(UserName=USER, AccessKeyId=key), "it was deleted"),
        (
            lambda iam, key: iam.update_access_key(UserName=USER, AccessKeyId=key, Status="Inactive"),
            "it was deactivated",
        ),
    ],
    ids=["user", "key", "inactive"],
)
@pytest.mark.parametrize("seen", [True, False], ids=["refreshed", "not refreshed"])
def test_a_key_that_no_longer_works_is_replaced(made, iam, world, change, dead, seen):
    first = made.state["accessKey"]
    change(iam, first)
    wanted = {**WANTED}
    if seen:
        assert made.refresh()
        assert made.state["current"]["dead"] == dead
    else:
        wanted["overlapSeconds"] = 6 * DAY  # any update looks, refreshed or not
    made.up(wanted, preview=True)
    assert made.up(wanted) == "update"
    second = made.state["accessKey"]
    assert second != first
    # It works no more, so that a Secret still holds it keeps it from nothing.
    assert ids(iam) == {second}
    assert made.state["reason"] == f"the access key no longer works: {dead}"
    assert made.up(wanted) == "nothing"


def test_a_retiring_key_that_was_deactivated_is_ended(made, iam, world, monkeypatch):
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    world.uses(made.state["accessKey"])
    iam.update_access_key(UserName=USER, AccessKeyId=first, Status="Inactive")
    made.refresh()
    assert made.state["retiring"] == []
    assert made.up(WANTED) == "update"
    assert ids(iam) == {made.state["accessKey"]}


def test_a_key_that_somebody_made_by_hand_is_reported_and_never_touched(made, iam, world):
    other = by_hand(iam)
    assert made.refresh()
    assert made.state["foreign"] == [other]
    told = world.told("warning")
    assert f"access keys made by hand for the object store's user {USER}" in told
    assert other in told
    assert made.up(WANTED) == "nothing"
    made.up({**WANTED, "overlapSeconds": 6 * DAY})
    assert other in ids(iam)


def test_a_foreign_key_in_the_way_of_a_rotation_is_named(made, iam, monkeypatch):
    other = by_hand(iam)
    move_clock(monkeypatch, "77d")
    told = refusal(made.up, WANTED)
    assert "has 2 access keys, and can't have more" in told
    assert other in told
    iam.delete_access_key(UserName=USER, AccessKeyId=other)
    assert made.up(WANTED) == "update"


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ([{"Key": "ambient-components/owner", "Value": "other/one"}], "belongs to other/one"),
        ([], "has no ownership tag"),
    ],
)
def test_a_user_of_somebody_else_is_refused(keys, iam, tags, told):
    iam.create_user(UserName=USER, Tags=tags)
    assert told in refusal(keys.up, WANTED)
    assert ids(iam) == set()


# A lost state.


@pytest.mark.parametrize("rotated", [False, True])
def test_with_a_lost_state_the_key_that_sessions_use_lives_on_through_the_overlap(
    made, iam, world, monkeypatch, rotated
):
    first = made.state["accessKey"]
    if rotated:
        move_clock(monkeypatch, "77d")
        made.up(WANTED)
    again = OneResource(S3Credentials(), world)
    assert again.up(WANTED) == "create"
    second = again.state["accessKey"]
    assert ids(iam) == {first, second}
    assert [each["uid"] for each in again.state["retiring"]] == [first]
    assert f"access key {first} was in the store without a record" in world.told("warning")
    world.uses(second)
    move_clock(monkeypatch, "85d" if rotated else "8d")
    again.up(WANTED)
    assert ids(iam) == {second}


def test_with_a_lost_state_keys_that_nobody_uses_end_at_once(made, iam, world):
    world.uses("AKIASOMETHINGELSE000")
    again = OneResource(S3Credentials(), world)
    again.up(WANTED)
    assert ids(iam) == {again.state["accessKey"]}


def test_with_a_lost_state_and_no_secret_to_look_at_the_newest_key_lives_on(keys, iam, world, monkeypatch):
    wanted = {name: value for name, value in WANTED.items() if name != "usedIn"}
    keys.up(wanted)
    first = keys.state["accessKey"]
    again = OneResource(S3Credentials(), world)
    again.up(wanted)
    assert ids(iam) == {first, again.state["accessKey"]}


def test_with_a_lost_state_a_key_of_somebodys_is_left_alone(made, iam, world):
    world.uses("AKIASOMETHINGELSE000")
    other = by_hand(iam)
    again = OneResource(S3Credentials(), world)
    again.up(WANTED)
    assert ids(iam) == {other, again.state["accessKey"]}
    assert again.state["foreign"] == [other]


def test_with_an_older_state_the_key_that_sessions_use_lives_on(made, iam, world, monkeypatch):
    """Somebody put back a state from before the last rotation: its current key is gone, and another one is in use."""
    older = (dict(made.inputs), dict(made.state))
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    second = made.state["accessKey"]
    world.uses(second)
    move_clock(monkeypatch, "85d")
    made.up(WANTED)
    made.inputs, made.state = older
    assert made.up(WANTED) == "update"
    third = made.state["accessKey"]
    assert ids(iam) == {second, third}
    assert [each["uid"] for each in made.state["retiring"]] == [second]


# Let go, and removed.


def test_a_released_account_is_let_go_as_it_is(made, iam, monkeypatch):
    key = made.state["accessKey"]
    secret = made.state["secretKey"]
    assert made.up({**WANTED, "released": True}) == "update"
    tags = {each["Key"] for each in iam.list_user_tags(UserName=USER)["Tags"]}
    assert "ambient-components/owner" not in tags
    assert ids(iam) == {key}
    assert (made.state["accessKey"], made.state["secretKey"]) == (key, secret)
    move_clock(monkeypatch, "85d")
    with calls(monkeypatch) as counted:
        made.refresh()
        assert made.up({**WANTED, "released": True}) == "nothing"
    assert counted.names == []
    # Taken back, it is what it was, and what is due is done.
    assert made.up(WANTED) == "update"
    assert key in ids(iam)
    assert len(ids(iam)) == 2
    with calls(monkeypatch) as counted:
        S3Credentials().delete(made.world.context(), USER, {**made.state, "released": True})
    assert counted.names == []


def test_a_key_that_lies_in_the_sessions_secret_is_not_ended_with_its_resource(made, iam, world):
    told = refusal(made.destroy)
    assert f"access key {made.state['accessKey']} is still in use by Secret pay/" in told
    assert len(ids(iam)) == 1
    world.uses("AKIASOMETHINGELSE000")
    made.destroy()
    assert iam.list_users()["Users"] == []


def test_one_that_works_no_more_is_no_reason_to_wait(made, iam):
    iam.update_access_key(UserName=USER, AccessKeyId=made.state["accessKey"], Status="Inactive")
    made.destroy()
    assert iam.list_users()["Users"] == []


def test_an_account_is_removed_with_keys_and_rights_that_others_gave_it(keys, iam):
    keys.up(WANTED)
    by_hand(iam)
    iam.put_user_policy(UserName=USER, PolicyName="more", PolicyDocument=WIDE)
    keys.destroy()
    assert iam.list_users()["Users"] == []


def test_what_is_gone_already_is_no_error(keys, iam):
    keys.up(WANTED)
    delete_user(iam)
    keys.destroy()


@pytest.mark.parametrize("mark", ["other/one", None])
def test_a_user_that_bears_our_mark_no_more_loses_our_keys_and_stays(keys, iam, world, mark):
    keys.up(WANTED)
    other = by_hand(iam)
    iam.untag_user(UserName=USER, TagKeys=["ambient-components/owner"])
    if mark:
        iam.tag_user(UserName=USER, Tags=[{"Key": "ambient-components/owner", "Value": mark}])
    keys.destroy()
    assert ids(iam) == {other}
    told = world.told("warning")
    assert "the keys on record are revoked, and the user is left alone" in told
    assert other in told


def test_a_removal_that_fails_stays_on_record(keys, iam, monkeypatch):
    keys.up(WANTED)
    with monkeypatch.context() as patch:
        failing(patch, "delete_user")
        refusal(keys.destroy)
    assert keys.state
    keys.destroy()
    assert iam.list_users()["Users"] == []


# Keys alone: pulumi-aws makes the user.


def test_of_a_user_of_pulumi_aws_only_keys_are_made_and_ended(keys, iam, world, monkeypatch):
    wanted = {**WANTED, "keysOnly": True}
    assert "is not there, and is not made by this resource" in refusal(keys.up, wanted)
    iam.create_user(UserName=USER, Tags=[{"Key": "ambient-components/owner", "Value": OWNER}])
    keys.up(wanted)
    iam.put_user_policy(UserName=USER, PolicyName="storage", PolicyDocument=WIDE)
    keys.refresh()
    assert keys.state["drift"] == {}
    world.uses(keys.state["accessKey"])
    move_clock(monkeypatch, "77d")
    keys.up(wanted)
    assert len(ids(iam)) == 2
    world.uses("AKIASOMETHINGELSE000")
    keys.destroy()
    assert ids(iam) == set()
    assert iam.list_user_policies(UserName=USER)["PolicyNames"] == ["storage"]
    assert len(iam.list_users()["Users"]) == 1


def test_a_revocation_that_failed_is_tried_again_while_a_rotation_waits(made, iam, world, monkeypatch):
    """Sessions have the key before the current one still, and an older state has a revocation on record."""
    first = made.state["accessKey"]
    move_clock(monkeypatch, "77d")
    made.up(WANTED)
    gone = {**made.state["current"], "handle": "AKIAGONE000000000000", "uid": "AKIAGONE000000000000"}
    made.state["pendingRevocations"] = [gone]
    move_clock(monkeypatch, "160d")
    monkeypatch.setattr(
        "ambient_components.provider.buckets.s3_credentials.see",
        lambda context, values, known: Seen(known, drift={}),
    )
    assert made.up(WANTED) == "update"
    assert made.state["pendingRevocations"] == []
    assert [each["uid"] for each in made.state["retiring"]] == [first]
    assert "two keys are the most" in world.told("warning")
    assert len(ids(iam)) == 2
