"""Models of storage: buckets, and how long their access keys live."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.durations import DAY, HOUR, YEAR, format_seconds
from ambient_components.rules.lifetimes import NEVER, Policy, Rotate, misfit
from ambient_components.rules.states import BucketState
from ambient_components.stackfile import Bucket, BucketCredentials, Source, Storage
from tests.support.stack_models import OR_PLAIN, SECRET_REMEDY, SOURCES, in_workspace, workspace

# Storage

CREDENTIAL_LIVES = (
    "allowed: never, or durations from 1d to 1y, a whole number and a unit of s, m, h, d or y (365 days), such as 30d"
)
OVERLAPS = "allowed: durations from 1h, a whole number and a unit of s, m, h, d or y, such as 7d or 12h"
AGES = "allowed: whole days from 1d to 100y, a whole number and a unit of d or y (365 days), such as 90d"
ADDRESSES = "allowed: https://HOST or http://HOST, with :PORT if it needs one, and nothing behind it"
BUCKET_NAMES = "allowed: 3-63 of a-z 0-9 - and single dots, a letter or digit at both ends, such as payments-sessions"


def bucket(**fields):
    return workspace(storage={"bucket": {"name": "pay-sessions", **fields}}).storage.bucket


def test_a_bucket_needs_a_name_alone():
    got = bucket()
    assert got == Bucket(name="pay-sessions")
    assert (got.driver, got.state, got.on_delete) == (BucketDriver.S3, BucketState.ACTIVE, OnDelete.KEEP)
    assert (got.shared, got.adopt, got.force, got.object_lock, got.protect) == (False, False, False, False, True)
    assert (got.versioning, got.expire_after, got.expire_after_days, got.encryption) == (None, None, None, None)
    assert got.credentials == BucketCredentials(lifetime="90d", generation=1)
    assert (workspace().storage, workspace(storage={}).storage.bucket) == (Storage(), None)


def test_a_bucket_with_everything():
    got = bucket(
        driver="aws",
        versioning=True,
        expireAfter="1y",
        tags={"team": "payments", "cost center": ""},
        objectLock=True,
        encryption="aws:kms",
        adopt=True,
        protect=False,
        onDelete="delete",
        force=True,
        credentials={"lifetime": "30d", "rotateBefore": "7d", "overlap": "1h", "rotate": "auto", "generation": 3},
    )
    assert (got.driver, got.own, got.expire_after_days, got.encryption) == ("aws", True, 365, "aws:kms")
    assert (got.versioning, got.object_lock, got.adopt, got.protect) == (True, True, True, False)
    assert (got.on_delete, got.force, got.tags) == ("delete", True, {"team": "payments", "cost center": ""})
    assert got.credentials == BucketCredentials(
        lifetime="30d", rotateBefore="7d", overlap="1h", rotate=Rotate.AUTO, generation=3
    )


def test_a_bucket_by_reference():
    got = bucket(
        driver="existing",
        endpoint="https://s3.example.com/",
        accessKey={"value": "pay-sessions"},
        secretKey={"config": "pay/s3"},
    )
    assert (got.own, got.endpoint) == (False, "https://s3.example.com")
    assert (got.access_key, got.secret_key) == (Source(value="pay-sessions"), Source(config="pay/s3"))


@pytest.mark.parametrize(
    ("fields", "own"),
    [({}, True), ({"driver": "aws"}, True), ({"shared": True}, False), ({"driver": "existing"}, False)],
)
def test_whose_a_bucket_is(fields, own):
    assert bucket(**fields).own is own


@pytest.mark.parametrize(
    ("text", "days"), [("1d", 1), ("90d", 90), ("1y", 365), ("48h", 2), ("1d24h", 2), ("100y", 36_500)]
)
def test_ages_are_days(text, days):
    assert bucket(expireAfter=text).expire_after_days == days


@pytest.mark.parametrize(
    ("fields", "path", "problem", "remedy"),
    [
        ({"expireAfter": "12h"}, "expireAfter", "12h is not a number of whole days, which is how stores count", AGES),
        ({"expireAfter": "1d1s"}, "expireAfter", "1d1s is not a number of whole days, which is how stores count", AGES),
        ({"expireAfter": 90}, "expireAfter", "90 has no unit", AGES),
        ({"expireAfter": "0d"}, "expireAfter", "'0d' is not a duration", AGES),
        ({"expireAfter": "never"}, "expireAfter", "'never' is not a duration", AGES),
        ({"expireAfter": ["90d"]}, "expireAfter", "is a list", AGES),
        ({"expireAfter": None}, "expireAfter", "is empty", AGES),
        (
            {"expireAfter": "101y"},
            "expireAfter",
            "101y is too long",
            f"{AGES}; leave it out to keep objects for ever",
        ),
        ({"driver": "minio"}, "driver", "'minio' is not a driver", "allowed: s3, aws, existing"),
        (
            {"state": "closed"},
            "state",
            "'closed' is not a state of a bucket",
            "allowed: active, released",
        ),
        (
            {"onDelete": "destroy"},
            "onDelete",
            "'destroy' is not a way to leave",
            "allowed: keep, delete",
        ),
        (
            {"encryption": "kms"},
            "encryption",
            "'kms' is not a way of encryption",
            "allowed: AES256, aws:kms; did you mean 'aws:kms'?",
        ),
        ({"versioning": "Suspended"}, "versioning", "is text", "allowed: true or false"),
        ({"tags": ["team"]}, "tags", "is a list", "allowed: a mapping, such as {team: NAME}"),
        ({"tags": {"cost": 4711}}, "tags.cost", "is a number", "allowed: text; put it in quotes"),
        ({"endpoint": "s3.example.com"}, "endpoint", "has no scheme that a store is reached by", ADDRESSES),
        (
            {"endpoint": "https://bob:hunter2@s3.example.com"},
            "endpoint",
            "has credentials in it",
            "give them by accessKey and secretKey, and revoke these if they were committed",
        ),
        (
            {"secretKey": "hunter2"},
            "secretKey",
            "is a plain value, and secrets don't belong in this file",
            SECRET_REMEDY.format("pay/secret-key"),
        ),
        (
            {"accessKey": "hunter2"},
            "accessKey",
            "is a plain value, and secrets don't belong in this file",
            SECRET_REMEDY.format("pay/access-key") + OR_PLAIN,
        ),
        ({"secretKey": None}, "secretKey", "is empty", "allowed: a mapping; write {} for an empty one"),
        ({"secretKey": {}}, "secretKey", "has none of config, env, file, secret, value", SOURCES),
        ({"accessKey": {"env": "A", "config": "b"}}, "accessKey", "has config and env", SOURCES),
        (
            {"accessKey": {"value": "AKIAHUNTER2HUNTER2"}},
            "accessKey.value",
            "looks like a credential",
            "give it by config, env, file or secret, such as {config: NAME}; revoke it if it was committed",
        ),
        (
            {"accessKey": {"hunter2": "x"}},
            "accessKey.hunter2",
            "is a field that doesn't exist",
            "allowed: config, env, file, secret, value",
        ),
        ({"credentials": "30d"}, "credentials", "is text", "allowed: a mapping, such as {lifetime: 90d}"),
        ({"credentials": {"lifetime": "12h"}}, "credentials.lifetime", "12h is too short", CREDENTIAL_LIVES),
        ({"credentials": {"lifetime": "2y"}}, "credentials.lifetime", "2y is too long", CREDENTIAL_LIVES),
        (
            {"credentials": {"lifetime": "nevr"}},
            "credentials.lifetime",
            "'nevr' is not a duration",
            f"{CREDENTIAL_LIVES}; did you mean 'never'?",
        ),
        (
            {"credentials": {"overlap": 0}},
            "credentials.overlap",
            "0 would end the access key that running sessions keep from their start",
            OVERLAPS,
        ),
        (
            {"credentials": {"overlap": "0"}},
            "credentials.overlap",
            "0 would end the access key that running sessions keep from their start",
            OVERLAPS,
        ),
        (
            {"credentials": {"overlap": "59m"}},
            "credentials.overlap",
            "59m is too short for running sessions, which keep the access key of their start",
            OVERLAPS,
        ),
        ({"credentials": {"overlap": False}}, "credentials.overlap", "is false", OVERLAPS),
        ({"credentials": {"overlap": 7}}, "credentials.overlap", "7 has no unit", OVERLAPS),
        (
            {"credentials": {"rotate": "manul"}},
            "credentials.rotate",
            "'manul' is not a way of rotation",
            "allowed: auto, manual; did you mean 'manual'?",
        ),
        ({"credentials": {"generation": 0}}, "credentials.generation", "0 is too low", "allowed: whole numbers from 1"),
        (
            {"credentials": {"role": "edit"}},
            "credentials.role",
            "'role' is not a field",
            "allowed: lifetime, rotateBefore, overlap, rotate, generation; did you mean 'rotate'?",
        ),
    ],
    ids=str,
)
def test_faults_of_a_bucket(fields, path, problem, remedy):
    got = in_workspace(storage={"bucket": {"name": "pay-sessions", **fields}})
    assert got == [(f"storage.bucket.{path}", problem, remedy)]
    assert "hunter2" not in str([(problem, remedy) for _, problem, remedy in got]).lower()


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("Pay_Sessions", "is not a name for a bucket", f"{BUCKET_NAMES}; did you mean 'pay-sessions'?"),
        ("pay sessions", "is not a name for a bucket", f"{BUCKET_NAMES}; did you mean 'pay-sessions'?"),
        ("x", "is not a name for a bucket", BUCKET_NAMES),
        ("a..b", "has a dot beside a dot or a dash", BUCKET_NAMES),
        ("10.0.0.1", "is an IP address, and no store takes that for a bucket", BUCKET_NAMES),
        ("Minio", "is not a name for a bucket", BUCKET_NAMES),
        ("minio", "is a name that MinIO keeps for itself", "choose another name"),
        ("sk-Ant-hunter2hunter2", "is not a name for a bucket", BUCKET_NAMES),
    ],
)
def test_names_of_buckets_that_some_store_refuses(name, problem, remedy):
    assert in_workspace(storage={"bucket": {"name": name}}) == [("storage.bucket.name", f"{name!r} {problem}", remedy)]


@pytest.mark.parametrize(
    ("storage", "path", "problem", "remedy"),
    [
        ("pay-sessions", "", "is text", "allowed: a mapping, such as {bucket: {name: payments-sessions}}"),
        ({"bucket": "pay"}, ".bucket", "is text", "allowed: a mapping, such as {name: payments-sessions}"),
        ({"bucket": {}}, ".bucket.name", "is missing", "add it"),
        ({"bucket": None}, ".bucket", "is empty", "allowed: a mapping; write {} for an empty one"),
        (
            {"name": "pay-sessions"},
            ".name",
            "'name' is not a field",
            "allowed: bucket; did you mean 'bucket.name'?",
        ),
    ],
)
def test_storage_of_another_form(storage, path, problem, remedy):
    assert in_workspace(storage=storage) == [(f"storage{path}", problem, remedy)]


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("bucket", "storage.bucket"),
        ("versioning", "storage.bucket.versioning"),
        ("expireAfter", "storage.bucket.expireAfter"),
    ],
)
def test_a_field_of_storage_in_a_wrong_place_is_known(field, meant):
    ((_, _, remedy),) = in_workspace(**{field: "x"})
    assert remedy.endswith(f"; did you mean {meant!r}?")


@pytest.mark.parametrize("field", ["lifetime", "rotate", "generation", "credentials", "name"])
def test_what_is_a_field_of_more_than_storage_is_not_guessed(field):
    ((_, _, remedy),) = in_workspace(**{field: "x"})
    assert "storage" not in remedy.replace("secrets, storage, settings", "")


# Access keys live and are renewed like tokens, by the same rules.


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ({}, Policy(90 * DAY, 14 * DAY, 7 * DAY)),
        ({"lifetime": "1d"}, Policy(DAY, 6 * HOUR, 3 * HOUR)),
        ({"lifetime": "30d", "rotateBefore": "10d"}, Policy(30 * DAY, 10 * DAY, 5 * DAY)),
        ({"overlap": "1h"}, Policy(90 * DAY, 14 * DAY, HOUR)),
        ({"lifetime": "30d", "rotateBefore": "30d"}, Policy(30 * DAY, 15 * DAY, 15 * DAY // 2)),
        ({"rotateBefore": "100d"}, Policy(90 * DAY, 45 * DAY, 45 * DAY // 2)),
        ({"lifetime": "never"}, Policy(NEVER, 14 * DAY, 7 * DAY, manual=True)),
        ({"lifetime": "never", "rotate": "auto"}, Policy(NEVER, 14 * DAY, 7 * DAY)),
        ({"rotate": "manual"}, Policy(90 * DAY, 14 * DAY, 7 * DAY, manual=True)),
    ],
    ids=str,
)
def test_policies_of_access_keys(fields, policy):
    credentials = BucketCredentials(**fields)
    assert credentials.policy() == policy
    assert credentials.manual is policy.manual


def test_what_an_entry_says_itself_is_not_cut():
    credentials = BucketCredentials(lifetime="2d", rotateBefore="3d")
    assert misfit(credentials.policy()) is None
    assert misfit(credentials.policy(0, {"rotateBefore"})) is not None


@given(st.integers(DAY, YEAR), st.integers(0, 3 * DAY))
def test_access_keys_and_tokens_are_renewed_alike(lifetime, run_every):
    text = format_seconds(lifetime)
    key = workspace(keys={"ci": {"lifetime": text}}).keys["ci"]
    assert BucketCredentials(lifetime=text).policy(run_every) == key.policy(run_every)
