"""`ambient:index:S3Credentials` against moto's IAM: what is checked, and the first key."""

import pytest

from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.protocol.wire import Secret
from tests.support.credentials import DAY, USER, WANTED
from tests.support.store_world import move_clock, refusal

# Check.


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"user": None}, "user: is missing"),
        ({"user": "Me_And_You"}, "user: 'Me_And_You' is no name for a store's user; allowed: 2-64 of a-z 0-9 -"),
        ({"bucket": "A"}, "bucket: 'A' is not a name for a bucket"),
        ({"owner": 3}, "owner: text is expected"),
        ({"prefix": "pay"}, "prefix: 'pay' is no prefix; allowed: text with a slash at its end, such as payments/"),
        ({"prefix": "/"}, "prefix: '/' is no prefix"),
        ({"usedIn": "secret"}, "usedIn: 'secret' is no Secret; allowed: NAMESPACE/SECRET"),
        ({"lifetimeSeconds": None}, "lifetimeSeconds is missing"),
        (
            {"lifetimeSeconds": 86_399},
            "lifetimeSeconds: 86399s is too short; allowed: never, or durations",
        ),
        ({"lifetimeSeconds": 31_536_001}, "lifetimeSeconds: 31536001s is too long"),
        ({"never": True}, "lifetimeSeconds: excludes never"),
        ({"overlapSeconds": 15 * DAY}, "an overlap of 15d is longer than the renewal window of 14d"),
        ({"overlapSeconds": -1}, "overlapSeconds: '-1s' is not a duration"),
        ({"generation": 0}, "generation: 0 is too low; allowed: whole numbers from 1"),
        ({"manual": "yes"}, "manual: true or false is expected"),
        ({"keysOnly": 1.5}, "keysOnly: true or false is expected"),
    ],
)
def test_each_input_that_no_store_would_take_is_refused(world, change, received):
    failures = S3Credentials().check(world.context(), {}, {**WANTED, **change}).failures
    assert any(received in str(failure) for failure in failures), failures
    assert len(failures) == 1


@pytest.mark.parametrize(
    "change", [{"overlapSeconds": 0}, {"overlapSeconds": 0, "rotateBeforeSeconds": 0}, {"prefix": ""}]
)
def test_what_programs_other_than_sessions_may_ask_for(world, change):
    assert S3Credentials().check(world.context(), {}, {**WANTED, **change}).failures == ()


def test_defaults_are_added_to_what_is_given(world):
    news = {name: WANTED[name] for name in ("user", "bucket", "owner", "lifetimeSeconds")}
    assert S3Credentials().check(world.context(), {}, news).defaults == {
        "generation": 1,
        "rotateBeforeSeconds": 14 * DAY,
        "overlapSeconds": 7 * DAY,
    }


def test_nothing_that_was_not_made_can_be_let_go(world):
    (failure,) = S3Credentials().check(world.context(), {}, {**WANTED, "released": True}).failures
    assert str(failure) == "released: there is no access key yet that could be let go"


# The first key.


def test_the_secret_is_marked_and_nothing_else_is(world):
    _, outputs = S3Credentials().create(world.context(), {**WANTED, "generation": 1})
    assert [name for name, value in outputs.items() if isinstance(value, Secret)] == ["secretKey"]
    result = S3Credentials().read(world.context(), USER, WANTED, {**outputs, "secretKey": outputs["secretKey"].value})
    assert isinstance(result.outputs["secretKey"], Secret)


def test_keys_without_an_end_are_not_rotated(keys, monkeypatch):
    desired = {name: value for name, value in WANTED.items() if "Seconds" not in name} | {"never": True}
    keys.up(desired)
    assert keys.state["current"]["expiresAt"] is None
    assert keys.state["nextAction"] is None
    move_clock(monkeypatch, "3650d")
    assert keys.up(desired) == "nothing"


@pytest.mark.parametrize("action", ["create", "update"])
def test_an_incomplete_identity_gets_no_key(keys, iam, action):
    if action == "update":
        keys.up(WANTED)
    received = refusal(keys.up, {**WANTED, "incomplete": True})
    assert "the user or its policy could not be made" in received
    assert len(iam.list_users()["Users"]) == (action == "update")
