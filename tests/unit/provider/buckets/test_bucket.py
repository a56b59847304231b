"""`ambient:index:S3Bucket` against moto's server, which has all of S3's settings, and a Kubernetes API."""

import pytest

from ambient_components.failure import StepError
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import LostError, RefusedError
from ambient_components.rules.bucket_names import EXPIRY_RULE
from tests.support.store_world import OWNER, Crash, OneResource, calls, moto_world

MARK = {"Key": "ambient-components/owner", "Value": OWNER}
MARKS = {"ambient-components/owner": OWNER, "ambient-components/workspace": "pay"}
OTHERS = {"Key": "ambient-components/owner", "Value": "other/one"}
WANTED = {"bucket": "pay-sessions", "owner": OWNER, "namespace": "pay"}


@pytest.fixture
def world(monkeypatch):
    with moto_world(monkeypatch) as world:
        yield world


@pytest.fixture
def s3(world):
    return world.client("s3")


@pytest.fixture
def bucket(world):
    return OneResource(S3Bucket(), world)


def tags(s3, name="pay-sessions"):
    return {each["Key"]: each["Value"] for each in s3.get_bucket_tagging(Bucket=name)["TagSet"]}


def there(s3):
    return [each["Name"] for each in s3.list_buckets()["Buckets"]]


def rules(s3):
    return s3.get_bucket_lifecycle_configuration(Bucket="pay-sessions")["Rules"]


def refusal(action, *args, **kwargs):
    with pytest.raises(StepError) as raised:
        action(*args, **kwargs)
    return str(raised.value)


def lacking(patch, *operations, status=501, code="NotImplemented"):
    """A store that has not all of S3."""
    send = Api._send

    def refuse(api, operation, parameters):
        if operation in operations:
            raise RefusedError("the object store at a:1 does not have it", status, code)
        return send(api, operation, parameters)

    patch.setattr(Api, "_send", refuse)


# Check and diff.


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bucket": ""}, "bucket is missing"),
        ({"bucket": "Pay_Sessions"}, "bucket 'Pay_Sessions' is not a name for a bucket; allowed: 3-63"),
        ({"bucket": 3}, "bucket: text is expected"),
        ({"owner": None}, "owner is missing"),
        ({"namespace": 3}, "namespace: text is expected"),
        ({"versioning": "yes"}, "versioning: true or false is expected"),
        ({"expireAfterDays": 0}, "expireAfterDays: 0 is too low; allowed: whole days, at least 1"),
        ({"expireAfterDays": 1.5}, "expireAfterDays: a whole number"),
        ({"expireAfterDays": True}, "expireAfterDays: a whole number"),
        (
            {"encryption": "aes256"},
            "encryption: 'aes256' is not a way of encryption; allowed: AES256, aws:kms; did you mean 'AES256'?",
        ),
        ({"objectLock": True, "versioning": False}, "versioning: is false, and objectLock is true"),
        ({"tags": ["a"]}, "tags: a mapping of names to texts is expected"),
        ({"tags": {"ambient-components/owner": "me"}}, "which is reserved"),
        ({"tags": {"AWS:x": "me"}}, "which is reserved"),
        ({"tags": {"a": "b" * 257}}, "tags.a: can't be the value of a tag; allowed: letters"),
        ({"tags": {"": "b"}}, "can't be the name of a tag; allowed: letters"),
        ({"tags": {f"t{n}": "" for n in range(50)}}, "tags: has 50 tags; allowed: up to 49"),
        ({"onDelete": "forget"}, "onDelete: 'forget' is not a way to leave; allowed: keep, delete"),
        ({"force": True}, "force: has no meaning: the bucket is kept when it leaves"),
    ],
)
def test_each_input_that_no_store_would_take_is_refused(world, change, told):
    (failure,) = S3Bucket().check(world.context(), {}, {**WANTED, **change}).failures
    assert told in str(failure)


def test_what_is_not_known_yet_is_no_failure(world):
    names = ("bucket", "owner", "namespace", "versioning", "expireAfterDays", "tags", "encryption", "onDelete", "force")
    assert not S3Bucket().check(world.context(), {}, dict.fromkeys(names, UNKNOWN)).failures


@pytest.mark.parametrize(("was", "is_now"), [(True, None), (None, True), (True, False)])
def test_object_lock_cant_be_changed_but_with_another_bucket(world, was, is_now):
    olds, news = ({**WANTED, "objectLock": value} for value in (was, is_now))
    (failure,) = S3Bucket().check(world.context(), olds, news).failures
    assert "can't be changed afterwards" in str(failure)
    assert not S3Bucket().check(world.context(), olds, {**news, "bucket": "another"}).failures


def test_another_name_is_another_bucket_and_all_else_is_changed_in_place(world):
    diff = S3Bucket().diff(world.context(), WANTED, WANTED, {**WANTED, "bucket": "another", "tags": {"a": "b"}})
    assert dict(diff.changes) == {"bucket": "update", "tags": "add"}
    assert diff.replaces == {"bucket"}


# Made.


def test_a_bucket_is_made_with_all_that_is_declared(bucket, s3, world):
    wanted = {
        **WANTED,
        "versioning": True,
        "expireAfterDays": 90,
        "tags": {"team": "payments"},
        "encryption": "AES256",
    }
    assert bucket.up(wanted) == "create"
    assert tags(s3) == {**MARKS, "team": "payments"}
    assert s3.get_bucket_versioning(Bucket="pay-sessions")["Status"] == "Enabled"
    (rule,) = rules(s3)
    assert rule["ID"] == EXPIRY_RULE
    assert rule["Status"] == "Enabled"
    assert rule["Expiration"] == {"Days": 90}
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    (default,) = s3.get_bucket_encryption(Bucket="pay-sessions")["ServerSideEncryptionConfiguration"]["Rules"]
    assert default["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    closed = s3.get_public_access_block(Bucket="pay-sessions")["PublicAccessBlockConfiguration"]
    assert set(closed.values()) == {True}
    assert world.claim() is None
    assert bucket.up(wanted) == "nothing"
    assert bucket.refresh()
    assert bucket.up(wanted) == "nothing"


def test_a_preview_makes_nothing(bucket, s3, world):
    bucket.up(WANTED, preview=True)
    assert there(s3) == []
    assert world.claim() is None
    assert S3Bucket().create(world.context(preview=True), {**WANTED, "bucket": UNKNOWN})[0] == ""


def test_a_bucket_with_object_lock_is_made_with_it(bucket, s3):
    bucket.up({**WANTED, "objectLock": True})
    assert s3.get_object_lock_configuration(Bucket="pay-sessions")["ObjectLockConfiguration"]["ObjectLockEnabled"]
    bucket.refresh()
    assert bucket.up({**WANTED, "objectLock": True}) == "nothing"


def test_a_bucket_in_another_region_is_made_there(monkeypatch):
    with moto_world(monkeypatch, region="eu-central-1") as world:
        OneResource(S3Bucket(), world).up(WANTED)
        assert world.client("s3").get_bucket_location(Bucket="pay-sessions")["LocationConstraint"] == "eu-central-1"


def test_a_bucket_of_its_own_needs_no_cluster(bucket, s3, world):
    world.api.fail("GET", ".", 500)
    bucket.up({"bucket": "alone", "owner": OWNER})
    assert tags(s3, "alone") == {"ambient-components/owner": OWNER}


@pytest.mark.parametrize(
    ("wanted", "operation", "told"),
    [
        ({"expireAfterDays": 9}, "get_bucket_lifecycle_configuration", "remove expireAfter from bucket 'pay-sessions'"),
        ({"expireAfterDays": 9}, "put_bucket_lifecycle_configuration", "remove expireAfter from bucket 'pay-sessions'"),
        ({"encryption": "AES256"}, "get_bucket_encryption", "has no a default for encryption"),
        ({"encryption": "AES256"}, "put_bucket_encryption", "remove encryption from bucket 'pay-sessions'"),
        ({"versioning": True}, "get_bucket_versioning", "has no versions (NotImplemented): remove versioning from"),
        ({"objectLock": True}, "get_object_lock_configuration", "has no object lock"),
        ({}, "put_bucket_tagging", "does not have it"),
    ],
)
def test_a_store_that_lacks_what_is_asked_for_is_left_as_it_was(
    bucket, s3, world, monkeypatch, wanted, operation, told
):
    with monkeypatch.context() as patch:
        lacking(patch, operation)
        assert told in refusal(bucket.up, {**WANTED, **wanted})
    assert there(s3) == []
    assert world.claim() is None
    # And without the wish, or with a store that has it, the next run succeeds.
    assert bucket.up({**WANTED, **wanted}) == "create"


@pytest.mark.parametrize(
    "operation",
    ["get_bucket_lifecycle_configuration", "get_bucket_versioning", "get_bucket_encryption", "put_public_access_block"],
)
def test_what_a_store_lacks_does_not_matter_where_nobody_asks_for_it(bucket, monkeypatch, operation):
    lacking(monkeypatch, operation)
    wanted = {**WANTED, "versioning": False}
    assert bucket.up(wanted) == "create"
    assert bucket.refresh()
    assert bucket.up(wanted) == "nothing"


def test_a_store_that_does_not_keep_tags_is_refused_before_anything_is_in_the_bucket(bucket, s3, monkeypatch):
    send = Api._send
    monkeypatch.setattr(
        Api, "_send", lambda api, name, given: {} if name == "put_bucket_tagging" else send(api, name, given)
    )
    assert "does not keep the tags of buckets" in refusal(bucket.up, WANTED)
    assert there(s3) == []


# Whose.


@pytest.mark.parametrize(
    ("mark", "adopt", "told"),
    [
        (MARK, False, None),
        (MARK, True, None),
        (OTHERS, False, "it belongs to the stack other/one: it is not touched"),
        (OTHERS, True, "it belongs to the stack other/one: it is not touched"),
        (None, False, "it was not made by this tool: it is not touched; write 'adopt: true'"),
        (None, True, None),
    ],
)
def test_a_bucket_that_exists_is_taken_only_where_it_is_ours_or_nobodys(bucket, s3, world, mark, adopt, told):
    s3.create_bucket(Bucket="pay-sessions")
    s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    before = [{"Key": "theirs", "Value": "1"}, *([mark] if mark else [])]
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": before})
    wanted = {**WANTED, "adopt": adopt, "versioning": True}
    if told:
        assert told in refusal(bucket.up, wanted, preview=True)
        assert told in refusal(bucket.up, wanted)
        assert s3.get_bucket_tagging(Bucket="pay-sessions")["TagSet"] == before
        assert "Status" not in s3.get_bucket_versioning(Bucket="pay-sessions")
    else:
        bucket.up(wanted, preview=True)
        assert "would be taken over" in world.told("info")
        bucket.up(wanted)
        assert tags(s3) == {"theirs": "1", **MARKS}
        assert s3.get_bucket_versioning(Bucket="pay-sessions")["Status"] == "Enabled"
    assert s3.get_object(Bucket="pay-sessions", Key="a")["Body"].read() == b"1"


def test_a_bucket_that_is_taken_over_is_asked_for_all_before_it_is_marked(bucket, s3, monkeypatch):
    s3.create_bucket(Bucket="pay-sessions")
    lacking(monkeypatch, "get_bucket_encryption")
    refusal(bucket.up, {**WANTED, "adopt": True, "encryption": "AES256"})
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket="pay-sessions")


def test_a_bucket_without_object_lock_cant_be_taken_where_that_is_declared(bucket, s3):
    s3.create_bucket(Bucket="pay-sessions")
    told = refusal(bucket.up, {**WANTED, "adopt": True, "objectLock": True})
    assert "has no object lock, which counts only when a bucket is made: remove objectLock" in told


def test_a_bucket_that_may_not_be_looked_at_is_somebody_elses(bucket, monkeypatch):
    lacking(monkeypatch, "get_bucket_tagging", status=403, code="AccessDenied")
    told = refusal(bucket.up, WANTED)
    assert "bucket 'pay-sessions' can't be looked at, so it is not ours, or a right is missing" in told


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("BucketAlreadyExists", "belongs to another account: all accounts of a store share one list of names"),
        ("BucketAlreadyOwnedByYou", "was made by another client just now: run pulumi up again"),
        ("TooManyBuckets", "can't make bucket 'pay-sessions'"),
    ],
)
def test_a_name_that_is_taken_meanwhile_is_told(bucket, monkeypatch, code, told):
    lacking(monkeypatch, "create_bucket", status=409, code=code)
    assert told in refusal(bucket.up, WANTED)


@pytest.mark.parametrize("made", [True, False])
def test_a_bucket_whose_making_gave_no_answer_is_the_one_that_was_asked_for(bucket, s3, monkeypatch, made):
    send = Api._send

    def lose(api, operation, parameters):
        if operation == "create_bucket":
            if made:
                send(api, operation, parameters)
            raise LostError("no answer")
        return send(api, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Api, "_send", lose)
        if made:
            bucket.up({"bucket": "pay-sessions", "owner": OWNER})
        else:
            assert refusal(bucket.up, {"bucket": "pay-sessions", "owner": OWNER}) == "no answer"
    assert there(s3) == (["pay-sessions"] if made else [])
    assert bucket.up({"bucket": "pay-sessions", "owner": OWNER}) == ("nothing" if made else "create")


# A run that died between making and marking.


@pytest.mark.parametrize(
    ("claim", "full", "namespace", "taken"),
    [
        ("{endpoint} pay-sessions", False, "pay", True),
        ("{endpoint} pay-sessions", True, "pay", False),
        ("{endpoint} pay-session", False, "pay", False),
        ("http://another pay-sessions", False, "pay", False),
        (None, False, "pay", False),
        ("{endpoint} pay-sessions", False, None, False),
    ],
)
def test_a_bucket_without_a_mark_is_ours_where_the_namespace_says_so(bucket, s3, world, claim, full, namespace, taken):
    s3.create_bucket(Bucket="pay-sessions")
    if full:
        s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    text = claim and claim.format(endpoint=world.settings.endpoint)
    world.api.change(
        "/api/v1/namespaces/pay", {"metadata": {"annotations": {"ambient-components/making-bucket": text}}}
    )
    wanted = {**WANTED, "namespace": namespace}
    if taken:
        bucket.up(wanted)
        assert tags(s3) == MARKS
        assert world.claim() is None
    else:
        assert "it was not made by this tool" in refusal(bucket.up, wanted)


def test_no_bucket_is_made_where_the_namespace_is_not_there(bucket, s3):
    told = refusal(bucket.up, {**WANTED, "namespace": "gone"})
    assert "can't note on namespace 'gone' that bucket 'pay-sessions' is being made" in told
    assert there(s3) == []


# Changed.


@pytest.fixture
def made(bucket):
    bucket.up({**WANTED, "versioning": True, "expireAfterDays": 90, "tags": {"team": "pay", "old": "1"}})
    return bucket


def test_what_leaves_the_declaration_goes_or_stays_as_it_is(made, s3):
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK, {"Key": "theirs", "Value": "1"}]})
    assert made.up({**WANTED, "tags": {"team": "new"}}) == "update"
    assert tags(s3) == {**MARKS, "team": "new", "theirs": "1"}
    # An age is a promise to delete, which ends; versioning and encryption are left as they are.
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        rules(s3)
    assert s3.get_bucket_versioning(Bucket="pay-sessions")["Status"] == "Enabled"


def test_the_rules_of_others_stay(made, s3):
    theirs = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket="pay-sessions", LifecycleConfiguration={"Rules": [*rules(s3), theirs]})
    made.up({**WANTED, "versioning": True, "expireAfterDays": 30})
    assert {rule["ID"]: rule["Expiration"]["Days"] for rule in rules(s3)} == {"logs": 3, EXPIRY_RULE: 30}
    made.up({**WANTED, "versioning": True})
    assert [rule["ID"] for rule in rules(s3)] == ["logs"]


def test_a_suspended_versioning_is_written_as_such(made, s3):
    made.up({**WANTED, "versioning": False})
    assert s3.get_bucket_versioning(Bucket="pay-sessions")["Status"] == "Suspended"


def test_an_owner_of_another_name_is_marked_anew(made, s3):
    made.up({**WANTED, "owner": "app/prod"})
    assert tags(s3)["ambient-components/owner"] == "app/prod"


def test_a_bucket_that_another_stack_has_taken_is_not_touched(made, s3):
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [OTHERS]})
    assert "belongs to the stack other/one now: it is not touched" in refusal(made.up, {**WANTED, "versioning": False})
    assert tags(s3) == {"ambient-components/owner": "other/one"}


def test_a_bucket_that_is_gone_is_told_by_an_update(made, s3):
    s3.delete_bucket(Bucket="pay-sessions")
    assert "is gone: pulumi refresh sees it" in refusal(made.up, WANTED)
    assert not made.refresh()
    assert made.up(WANTED) == "create"


# Drift.


@pytest.mark.parametrize(
    ("drift", "paths"),
    [
        (
            lambda s3: s3.put_bucket_versioning(Bucket="pay-sessions", VersioningConfiguration={"Status": "Suspended"}),
            {"versioning"},
        ),
        (lambda s3: s3.delete_bucket_lifecycle(Bucket="pay-sessions"), {"expireAfterDays"}),
        (
            lambda s3: s3.put_bucket_lifecycle_configuration(
                Bucket="pay-sessions",
                LifecycleConfiguration={"Rules": [{**rules(s3)[0], "Status": "Disabled"}]},
            ),
            {"expireAfterDays"},
        ),
        (
            lambda s3: s3.put_bucket_lifecycle_configuration(
                Bucket="pay-sessions",
                LifecycleConfiguration={"Rules": [{**rules(s3)[0], "Expiration": {"Days": 1}}]},
            ),
            {"expireAfterDays"},
        ),
        (
            lambda s3: s3.put_bucket_lifecycle_configuration(
                Bucket="pay-sessions",
                LifecycleConfiguration={"Rules": [{**rules(s3)[0], "Filter": {"Prefix": "a/"}}]},
            ),
            {"expireAfterDays"},
        ),
        (
            lambda s3: s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [MARK]}),
            {"tags.team", "tags.old"},
        ),
        (
            lambda s3: s3.put_bucket_encryption(
                Bucket="pay-sessions",
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
                },
            ),
            {"encryption"},
        ),
    ],
    ids=["versioning off", "rule gone", "rule disabled", "rule changed", "rule narrowed", "tags", "encryption"],
)
def test_drift_is_seen_by_a_refresh_and_mended_by_the_next_run(bucket, s3, drift, paths):
    wanted = {
        **WANTED,
        "versioning": True,
        "expireAfterDays": 90,
        "tags": {"team": "pay", "old": "1"},
        "encryption": "AES256",
    }
    bucket.up(wanted)
    drift(s3)
    assert bucket.refresh()
    diff = S3Bucket().diff(bucket.world.context(), bucket.inputs, bucket.state, wanted)
    assert set(diff.changes) == paths
    assert not diff.replaces
    assert bucket.up(wanted) == "update"
    assert bucket.refresh()
    assert bucket.up(wanted) == "nothing"


def test_what_others_add_is_no_drift(made, s3):
    wanted = dict(made.inputs)
    there_now = s3.get_bucket_tagging(Bucket="pay-sessions")["TagSet"]
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [*there_now, {"Key": "theirs", "Value": "1"}]})
    made.refresh()
    assert made.up(wanted) == "nothing"


def test_a_mark_that_was_taken_off_is_put_back(made, s3, world):
    wanted = dict(made.inputs)
    s3.delete_bucket_tagging(Bucket="pay-sessions")
    made.refresh()
    assert made.state["drift"] == {"owner": "removed"}
    assert made.up(wanted) == "update"
    assert tags(s3)["ambient-components/owner"] == OWNER
    assert "this stack's ownership tag had been removed, and is restored" in world.told("info")


def test_the_mark_of_another_is_told_and_stays(made, s3, world):
    wanted = dict(made.inputs)
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [OTHERS]})
    made.refresh()
    assert made.state["drift"] == {"owner": "changed"}
    assert "has the ownership tag of the stack other/one, and not of app/dev" in world.told("warning")
    assert "belongs to the stack other/one now" in refusal(made.up, wanted)


def test_an_import_is_refused_with_the_way(world):
    told = refusal(S3Bucket().read, world.context(), "pay-sessions", {}, {})
    assert "can't be imported: declare the bucket" in told


# Let go.


def test_a_released_bucket_bears_no_mark_and_is_left_alone_from_then_on(made, s3, world, monkeypatch):
    before = dict(made.inputs)
    made.up({**before, "released": True})
    assert tags(s3) == {"team": "pay", "old": "1"}
    assert rules(s3)[0]["Expiration"]["Days"] == 90
    with calls(monkeypatch) as counted:
        made.refresh()
        assert made.up({**before, "released": True}) == "nothing"
        made.destroy()
    assert counted.names == []


def test_a_released_bucket_can_be_taken_back(made, s3):
    before = dict(made.inputs)
    made.up({**before, "released": True})
    made.up(before)
    assert tags(s3)["ambient-components/owner"] == OWNER


def test_a_released_bucket_that_another_has_adopted_stays_his(made, s3):
    before = dict(made.inputs)
    made.up({**before, "released": True})
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [OTHERS]})
    assert "belongs to the stack other/one now" in refusal(made.up, before)
    assert made.up({**before, "released": True}) == "nothing"


# Removed.


@pytest.mark.parametrize("how", [{}, {"onDelete": "keep"}])
def test_a_bucket_is_kept_by_default_and_bears_nobodys_mark(bucket, s3, world, how):
    bucket.up({**WANTED, **how, "tags": {"team": "pay"}})
    s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    bucket.destroy()
    assert tags(s3) == {"team": "pay"}
    assert "is kept with all that is in it (onDelete: keep), and has no ownership tag" in world.told("info")
    assert "it was not made by this tool" in refusal(bucket.up, WANTED)
    assert bucket.up({**WANTED, "adopt": True}) == "create"


def test_an_empty_bucket_is_deleted_where_that_was_deployed(bucket, s3):
    bucket.up({**WANTED, "onDelete": "delete"})
    bucket.destroy()
    assert there(s3) == []


@pytest.mark.parametrize("versioning", [True, False])
def test_a_bucket_that_is_not_empty_is_deleted_only_by_force(bucket, s3, world, versioning):
    wanted = {**WANTED, "onDelete": "delete", "versioning": versioning}
    bucket.up(wanted)
    for name in ("a", "b", "b"):
        s3.put_object(Bucket="pay-sessions", Key=name, Body=b"1")
    s3.delete_object(Bucket="pay-sessions", Key="a")
    s3.create_multipart_upload(Bucket="pay-sessions", Key="part")
    told = refusal(bucket.destroy)
    count = 4 if versioning else 1  # two of b, one of a and its mark of deletion; or b
    assert f"is not empty: {count} objects and versions are in it. Write 'force: true'" in told
    assert there(s3) == ["pay-sessions"]
    bucket.up({**wanted, "force": True})
    bucket.destroy()
    assert there(s3) == []
    assert f"deleted bucket pay-sessions with {count} objects and versions" in world.told("info")


def test_what_another_workspace_has_taken_since_is_not_the_old_ones_to_delete(bucket, s3, world):
    """As after a removal that failed, and a run that gave the bucket to a workspace of another name."""
    bucket.up({**WANTED, "onDelete": "delete", "force": True})
    assert tags(s3)["ambient-components/on-delete"] == "delete"
    other = OneResource(S3Bucket(), world)
    other.up({**WANTED, "namespace": "payments"})
    s3.put_object(Bucket="pay-sessions", Key="a", Body=b"1")
    bucket.destroy()
    assert "bucket pay-sessions is of workspace payments now: it is forgotten here" in world.told("warning")
    assert s3.get_object(Bucket="pay-sessions", Key="a")["Body"].read() == b"1"
    assert tags(s3) == {**MARKS, "ambient-components/workspace": "payments"}


@pytest.mark.parametrize("mark", [None, OTHERS])
@pytest.mark.parametrize("how", [{}, {"onDelete": "delete", "force": True}])
def test_a_bucket_whose_mark_is_not_ours_is_never_deleted(bucket, s3, world, mark, how):
    bucket.up({**WANTED, **how})
    s3.put_bucket_tagging(Bucket="pay-sessions", Tagging={"TagSet": [mark or {"Key": "x", "Value": "y"}]})
    bucket.destroy()
    assert there(s3) == ["pay-sessions"]
    assert "it is forgotten, and stays unchanged" in world.told("warning")
    assert len(tags(s3)) == 1


def test_what_is_gone_already_is_no_error(bucket, s3):
    bucket.up({**WANTED, "onDelete": "delete"})
    s3.delete_bucket(Bucket="pay-sessions")
    bucket.destroy()


def test_a_great_bucket_is_emptied_batch_by_batch_and_goes_on_after_a_crash(bucket, s3, world, monkeypatch):
    monkeypatch.setattr("ambient_components.provider.buckets.emptying._BATCH", 10)
    monkeypatch.setattr("ambient_components.provider.buckets.emptying._TOLD_EACH", 20)
    bucket.up({**WANTED, "onDelete": "delete", "force": True})
    for number in range(45):
        s3.put_object(Bucket="pay-sessions", Key=f"{number:02}", Body=b"1")
    world.engine.cancelled = True
    assert "the run is being cancelled; 0 objects are deleted, and the next run goes on" in refusal(bucket.destroy)
    world.engine.cancelled = False
    with calls(monkeypatch, 5), pytest.raises(Crash):
        bucket.destroy()
    left = s3.list_objects_v2(Bucket="pay-sessions")["KeyCount"]
    assert 0 < left < 45
    bucket.destroy()
    assert there(s3) == []
    assert f"deleted bucket pay-sessions with {left} objects" in world.told("info")


def test_objects_that_are_locked_say_until_when(bucket, s3):
    bucket.up({**WANTED, "objectLock": True, "onDelete": "delete", "force": True})
    s3.put_object(
        Bucket="pay-sessions",
        Key="a",
        Body=b"1",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate="2099-01-01T00:00:00Z",
    )
    told = refusal(bucket.destroy)
    assert "1 objects are locked until 2099-01-01T00:00:00Z" in told
    assert "write 'onDelete: keep'" in told
    assert there(s3) == ["pay-sessions"]
