"""A bucket under a workspace and on its own: what is declared, and in which order."""

from ambient_components import Bucket
from tests.program.test_workspace import FULL
from tests.support.registrations import Secret, holds_secret
from tests.support.workspace_bucket import (
    BUCKET,
    ENDPOINT,
    EVERYTHING,
    EXISTING,
    NAMES,
    alone,
    inputs_of_credentials,
    storage,
    variables,
)

USER = "ambient-payments-c5abc4312a78"


# What is declared.


def test_every_field_reaches_its_resource(workspace):
    recording = workspace(bucket=EVERYTHING, run_every="1d")
    assert recording.named("S3Bucket", "payments/storage/bucket").inputs == {
        "bucket": "payments-sessions",
        "owner": "project/fleet",
        "namespace": "payments",
        "versioning": True,
        "expireAfterDays": 90,
        "tags": {"cost": "4711", "team": "payments"},
        "objectLock": True,
        "encryption": "AES256",
        "adopt": True,
        "onDelete": "delete",
        "force": True,
    }
    assert inputs_of_credentials(recording) == {
        "user": "ambient-payments-d3707494c173",
        "bucket": "payments-sessions",
        "owner": "project/fleet",
        "generation": 3,
        "lifetimeSeconds": 2_592_000,
        "rotateBeforeSeconds": 604_800,
        "overlapSeconds": 86_400,
        "runEverySeconds": 86_400,
        "manual": False,
        "usedIn": "payments/ambient-non-vertex-integrations",
    }


def test_keys_without_an_end(workspace):
    desired = inputs_of_credentials(workspace(bucket={**BUCKET, "credentials": {"lifetime": "never"}}))
    assert desired["never"] is True
    assert "lifetimeSeconds" not in desired


def test_the_variables_lie_beside_the_declared_ones(workspace):
    recording = workspace(bucket=BUCKET, secrets={"integrations": {"GITHUB_TOKEN": "ghp-three"}})
    assert variables(recording) == {
        "GITHUB_TOKEN": Secret("ghp-three"),
        "STORAGE_MODE": Secret("custom"),
        "S3_ENDPOINT": Secret(ENDPOINT),
        "S3_BUCKET": Secret("payments-sessions"),
        "S3_ACCESS_KEY": Secret("id-of-payments/storage/credentials"),
        "S3_SECRET_KEY": Secret("secret-of-payments/storage/credentials"),
    }
    assert "secret-of-" not in recording.plain_text()


def test_a_workspace_without_a_bucket_says_nothing_of_storage(workspace):
    recording = workspace(**FULL)
    assert not variables(recording).keys() & set(NAMES)
    assert recording.outputs[recording.named("Workspace", "payments").urn].get("bucket") is None


def test_no_component_holds_a_secret(workspace):
    for bucket in (BUCKET, EXISTING):
        recording = workspace(bucket=bucket)
        assert [item.urn for item in recording.components if holds_secret(item.inputs)] == []


# Order.


def test_nothing_else_waits_for_the_store(workspace):
    recording = workspace(**FULL, bucket=BUCKET)
    store = {item.urn for item in storage(recording)}
    waiting = [item for item in recording if store & recording.reaches(item) and item.urn not in store]
    assert recording.labels(frozenset(item.urn for item in waiting)) == [
        "WorkspaceSecret payments/secret/integrations",
    ]


# On its own.


def test_a_bucket_on_its_own_is_opened_whole_for_whoever_reads_its_variables(record):
    recording, bucket = alone(record, {})
    assert recording.tree() == {
        "Bucket sessions": ["S3Bucket sessions/bucket", "S3Credentials sessions/credentials"],
        "stack": ["Bucket sessions", "ambient cluster", "kubernetes cluster"],
    }
    assert recording.named("S3Bucket", "sessions/bucket").inputs == {
        "bucket": "payments-sessions",
        "owner": "project/fleet",
    }
    desired = recording.named("S3Credentials", "sessions/credentials").inputs
    assert (desired.get("prefix"), desired.get("usedIn")) == (None, None)
    assert desired["user"].startswith("ambient-sessions-")
    assert recording.exports == {
        "STORAGE_MODE": "custom",
        "S3_ENDPOINT": ENDPOINT,
        "S3_BUCKET": "payments-sessions",
        "S3_ACCESS_KEY": "id-of-sessions/credentials",
        "S3_SECRET_KEY": Secret("secret-of-sessions/credentials"),
    }
    assert [type(one).__name__ for one in bucket.made] == ["S3Bucket", "S3Credentials"]
    assert recording.named("S3Bucket", "sessions/bucket").protect


def test_a_bucket_on_its_own_for_a_workspace_that_something_else_declares(record):
    args = {"workspace": "payments", "used_in": "payments/ambient-non-vertex-integrations", "shared": True}
    recording, bucket = alone(record, args)
    desired = recording.named("S3Credentials", "sessions/credentials").inputs
    assert (desired["prefix"], desired["user"], desired["usedIn"]) == ("payments/", USER, args["used_in"])
    assert bucket.bucket is None


def test_two_buckets_share_no_logical_name(record):
    def program():
        for name in ("one", "two"):
            Bucket(name, **{"owner": "p/f", **BUCKET, "name": f"of-{name}"})

    assert len(record(program).of("S3Bucket")) == 2
