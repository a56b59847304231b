"""The ledger's check asks the store about buckets that are new, change or leave, and about nothing else; over gRPC."""

import pytest

from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.ownership import MAKING
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import RefusedError
from tests.support.fake_plugin import LEDGER, running, secret
from tests.support.store_world import StoreSettings, StoreWorld, empty_moto

OWNER = "app/dev"
MARK = {"Key": "ambient-components/owner", "Value": OWNER}
OTHERS = {"Key": "ambient-components/owner", "Value": "other/one"}
NAMESPACES = "/api/v1/namespaces"
BUCKET = {"name": "pay-sessions", "driver": "s3", "generation": 1.0, "lifetimeSeconds": 7_776_000.0}
USER = bucket_user(OWNER, "pay", "pay-sessions", 1)
KEYS = {"generation", "lifetimeSeconds", "never"}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.endpoint = empty_moto()
        configure(all_of_it, all_of_it.endpoint)
        all_of_it.api.add(NAMESPACES, "pay", annotations={"ambient-components/owner": OWNER})
        yield all_of_it


def configure(world, endpoint, **more):
    world.plugin.configure(
        kubeconfig=secret(world.api.kubeconfig()),
        storeEndpoint=endpoint,
        storeAccessKey="root",
        storeSecretKey=secret("root-secret"),
        **more,
    )


@pytest.fixture
def client(world):
    settings = StoreSettings(endpoint=world.endpoint, access_key="root", secret_key="root-secret")
    return StoreWorld(settings, "").client


@pytest.fixture
def s3(client):
    return client("s3")


def entry(bucket=None, state="active", **more):
    has = {} if bucket is None else {"bucket": bucket}
    return {"state": state, "owners": ["user:alice"], "grants": {}, "keys": {}, **has, **more}


def reasons(world, after, before=None):
    answer = world.plugin.check(
        {"owner": OWNER, "workspaces": {"pay": after} if after else {}},
        {"owner": OWNER, "workspaces": {"pay": before}} if before else None,
        urn=LEDGER,
    )
    return [failure.reason for failure in answer.failures]


@pytest.fixture
def requested(monkeypatch):
    """The requests to the store."""
    seen = []
    send = Api._send

    def note(api, operation, parameters):
        seen.append(operation)
        return send(api, operation, parameters)

    monkeypatch.setattr(Api, "_send", note)
    return seen


def test_a_new_bucket_is_looked_for_and_nothing_is_made(world, s3, requested, client):
    assert reasons(world, entry(BUCKET)) == []
    assert requested
    assert {name.split("_")[0] for name in requested} <= {"get", "list"}
    assert s3.list_buckets()["Buckets"] == []
    assert client("iam").list_users()["Users"] == []
    assert world.writes() == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(None, entry(), id="no bucket at all"),
        pytest.param(entry(BUCKET), entry(BUCKET), id="nothing changes"),
        pytest.param(entry(BUCKET), entry(BUCKET, grants={"group:devs": "edit"}), id="a grant changes"),
        pytest.param(
            entry(BUCKET),
            entry({part: BUCKET[part] for part in BUCKET if part not in KEYS}, state="closed"),
            id="the workspace is closed",
        ),
        pytest.param(entry(BUCKET), entry({**BUCKET, "generation": 2.0}), id="its credentials change"),
        pytest.param(entry(BUCKET), entry({**BUCKET, "state": "released"}), id="it is released"),
        pytest.param(entry(BUCKET), entry(BUCKET, state="released"), id="its workspace is released"),
        pytest.param(entry({**BUCKET, "onDelete": "delete"}, state="closed"), None, id="it goes with its workspace"),
        pytest.param(None, entry({**BUCKET, "driver": "existing"}), id="an existing one"),
        pytest.param(
            entry({**BUCKET, "shared": True, "state": "released"}), entry(), id="a shared one that was released leaves"
        ),
    ],
)
def test_where_nothing_about_buckets_changes_the_store_is_not_asked(world, requested, before, after):
    configure(world, "http://127.0.0.1:1")  # and it may be out
    assert [reason for reason in reasons(world, after, before) if "store" in reason] == []
    assert requested == []


def test_a_bucket_of_pulumi_aws_is_not_asked_about(world, requested):
    reasons(world, entry({**BUCKET, "driver": "aws"}))
    assert requested == []


@pytest.mark.parametrize(
    ("mark", "more", "received"),
    [
        (MARK, {}, None),
        (None, {"adopt": True}, None),
        (
            None,
            {},
            "workspace 'pay': bucket 'pay-sessions' exists, and it was not made by this tool: it is not touched",
        ),
        (OTHERS, {}, "workspace 'pay': bucket 'pay-sessions' exists, and it belongs to the stack other/one"),
        (OTHERS, {"adopt": True}, "it belongs to the stack other/one: it is not touched"),
        (None, {"shared": True}, None),
        (OTHERS, {"shared": True}, None),
        (None, {"adopt": True, "objectLock": True}, "workspace 'pay': bucket 'pay-sessions' has no object lock"),
    ],
)
def test_whose_a_bucket_is_that_exists_is_told_before_anything_is_changed(world, s3, mark, more, received):
    s3.create_bucket(Bucket="pay-sessions")
    if mark:
        s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [mark]})
    refusals = reasons(world, entry({**BUCKET, **more}))
    assert len(refusals) == (1 if received else 0)
    assert not received or received in refusals[0]


@pytest.mark.parametrize(
    "was",
    [
        pytest.param({"endpoint": "http://old:9000"}, id="sessions reach it by the same address"),
        pytest.param({"endpoint": "http://in-cluster:9000", "store": "http://old:9000"}, id="by one of their own"),
    ],
)
def test_another_store_is_not_another_name_of_the_same_one(world, s3, was):
    is_now = {**was, [*was][-1]: world.endpoint}
    [received] = reasons(world, entry({**BUCKET, **is_now}), entry({**BUCKET, **was}))
    assert received.startswith(
        "workspace 'pay': bucket 'pay-sessions' was deployed in the object store at http://old:9000,"
    )
    assert f"there is none of that name at {world.endpoint}: sessions would lose what is in it" in received
    # The same store by another name has the bucket, and one that somebody has deleted is made anew where it was.
    assert reasons(world, entry({**BUCKET, **was, "versioning": True}), entry({**BUCKET, **was})) == []
    s3.create_bucket(Bucket="pay-sessions")
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK]})
    assert reasons(world, entry({**BUCKET, **is_now}), entry({**BUCKET, **was})) == []


def test_what_lies_in_a_bucket_that_is_on_no_record_gets_no_end_unasked(world, s3):
    """Of a lost state, or of a workspace that has another name now: ours by its mark, and full."""
    s3.create_bucket(Bucket="pay-sessions")
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK]})
    ending = {**BUCKET, "expireAfterDays": 1.0}
    assert reasons(world, entry(ending)) == []  # nothing is in it
    s3.put_object(Bucket="pay-sessions", Key="pay/session/state", Body=b"x")
    assert reasons(world, entry(BUCKET)) == []
    [received] = reasons(world, entry(ending))
    assert received.startswith(
        "workspace 'pay': bucket 'pay-sessions' exists, and expireAfter is 1 days: the store deletes"
    )
    assert received.endswith("exceptions: [{guardrail: expireAfter, reason: WHY}]")
    assert reasons(world, entry(ending, exceptions=["expireAfter"])) == []


def test_a_bucket_that_a_run_of_ours_was_making_is_no_obstacle(world, s3):
    s3.create_bucket(Bucket="pay-sessions")
    claim = {MAKING: f"{world.endpoint} pay-sessions"}
    world.api.change(f"{NAMESPACES}/pay", {"metadata": {"annotations": claim}})
    assert reasons(world, entry(BUCKET)) == []
    s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    assert "it was not made by this tool" in reasons(world, entry(BUCKET))[0]


def test_a_shared_bucket_whose_tags_may_not_be_seen_is_taken_for_there(world, monkeypatch):
    send = Api._send

    def refuse(api, operation, parameters):
        if operation == "get_bucket_tagging":
            raise RefusedError("no", 403, "AccessDenied")
        return send(api, operation, parameters)

    monkeypatch.setattr(Api, "_send", refuse)
    assert reasons(world, entry({**BUCKET, "shared": True})) == []
    (reason,) = reasons(world, entry(BUCKET))
    assert reason.startswith("workspace 'pay': bucket 'pay-sessions' can't be looked at, so it is not ours")


def test_a_mark_that_was_taken_off_is_no_obstacle_to_a_change(world, s3):
    s3.create_bucket(Bucket="pay-sessions")
    assert reasons(world, entry({**BUCKET, "versioning": True}), entry(BUCKET)) == []
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [OTHERS]})
    (reason,) = reasons(world, entry({**BUCKET, "versioning": True}), entry(BUCKET))
    assert "it belongs to the stack other/one" in reason


def test_a_released_bucket_is_taken_back_unless_another_has_adopted_it(world, s3):
    s3.create_bucket(Bucket="pay-sessions")
    before = entry({**BUCKET, "state": "released"})
    assert reasons(world, entry(BUCKET), before) == []
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [OTHERS]})
    (reason,) = reasons(world, entry(BUCKET), before)
    assert "it belongs to the stack other/one" in reason


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("of", ["bucket", "workspace"])
def test_what_was_not_released_whole_does_not_leave(world, s3, whole, of):
    s3.create_bucket(Bucket="pay-sessions")
    if not whole:
        s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK]})
    if of == "bucket":
        refusals = reasons(world, entry(), entry({**BUCKET, "state": "released"}))
    else:
        notes = {"ambient-components/owner": None, "ambient-components/released-by": OWNER}
        world.api.change(f"{NAMESPACES}/pay", {"metadata": {"annotations": notes}})
        refusals = reasons(world, None, entry(BUCKET, state="released"))
    assert len(refusals) == (0 if whole else 1)
    if not whole:
        assert "bucket 'pay-sessions' was not released whole: it still has this stack's ownership tag" in refusals[0]
        assert "put it back as it was, with 'state: released', deploy, and then" in refusals[0]


def test_a_bucket_that_is_to_be_kept_leaves_only_once_that_is_recorded(world, s3):
    """The run that took `onDelete: delete` back failed at this bucket: the engine would still delete it."""
    leaves = {"before": entry(BUCKET, state="closed"), "after": None}
    assert reasons(world, **leaves) == []  # it is gone
    s3.create_bucket(Bucket="pay-sessions")
    deletes = {"Key": "ambient-components/on-delete", "Value": "delete"}
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK, deletes]})
    [received] = reasons(world, **leaves)
    assert (
        "bucket 'pay-sessions' is to be kept, as the files said last, and the run that took 'onDelete: delete'"
        in received
    )
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK]})
    assert reasons(world, **leaves) == []


@pytest.mark.parametrize(
    ("mark", "received"), [(OTHERS, "belongs to the stack other/one"), (None, "has no ownership tag")]
)
def test_a_user_of_somebody_else_in_the_way_is_told(world, client, mark, received):
    client("iam").create_user(UserName=USER, Tags=[mark] if mark else [])
    (reason,) = reasons(world, entry(BUCKET))
    assert f"workspace 'pay': the object store's user '{USER}' {received}: it is not touched" in reason


def test_a_store_without_iam_is_told_before_a_bucket_is_made(world, monkeypatch):
    send = Api._send

    def refuse(api, operation, parameters):
        if "user" in operation:
            raise RefusedError("the object store at a:1 has no API of AWS's IAM there", 405, "MethodNotAllowed")
        return send(api, operation, parameters)

    monkeypatch.setattr(Api, "_send", refuse)
    (reason,) = reasons(world, entry(BUCKET))
    assert "has no API of AWS's IAM there" in reason


def test_a_store_that_is_out_is_told_once_for_all_buckets(world):
    configure(world, "http://127.0.0.1:1")
    names = [f"w{number}" for number in range(5)]
    workspaces = {name: entry({**BUCKET, "name": f"{name}-sessions"}) for name in names}
    answer = world.plugin.check({"owner": OWNER, "workspaces": {**workspaces, "pay": entry()}}, urn=LEDGER)
    (failure,) = answer.failures
    assert failure.reason.startswith("the object store at 127.0.0.1:1 does not answer")


def test_wrong_credentials_are_told_with_the_field(world, monkeypatch):
    def refuse(api, operation, parameters):
        del api, parameters
        raise RefusedError(f"the object store refuses {operation}: check secretKey", 403, "SignatureDoesNotMatch")

    monkeypatch.setattr(Api, "_send", refuse)
    (reason,) = reasons(world, entry(BUCKET))
    assert reason == "workspace 'pay': the object store refuses get_bucket_tagging: check secretKey"


# Both resources over the wire.
