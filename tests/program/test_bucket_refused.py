"""Buckets that are refused before anything is declared, and variables that are complete or not there."""

from datetime import timedelta

import pulumi
import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import strategies as st

from ambient_components import Bucket
from tests.program.test_states import _without as without
from tests.support.quick import examples
from tests.support.registrations import Secret
from tests.support.workspace_bucket import BUCKET, ENDPOINT, EXISTING, KEYS, NAMES, alone

# What is refused.


@pytest.mark.parametrize(
    ("bucket", "received"),
    [
        ({"name": "Payments"}, "bucket.name: 'Payments' is not a name for a bucket"),
        ({"driver": "S3"}, "driver: 'S3' is not a driver; allowed: s3, aws, existing; did you mean 's3'?"),
        ({"endpoint": ""}, "endpoint: has no scheme that a store is reached by"),
        ({"endpoint": "https://user:v-secret@host"}, "endpoint: has credentials in it"),
        ({"force": True}, "force: has no meaning: the bucket is kept when it leaves"),
        ({"object_lock": True, "versioning": False}, "versioning: is false, and object_lock is true"),
        ({"expire_after": "36h"}, "expire_after: 36h is not a number of whole days"),
        ({"tags": {"AWS:x": "me"}}, "tags['AWS:x']: begins with 'aws:', which is reserved"),
        ({"access_key": "a"}, "access_key: is for driver: existing, and the driver is s3"),
        ({"secret_key": "v-secret"}, "secret_key: is for driver: existing, and the driver is s3"),
        ({"driver": "existing", "access_key": "a", "secret_key": ""}, "secret_key: is missing: the driver is existing"),
        (
            {"driver": "existing", **KEYS, "shared": True},
            "shared: is for what this tool makes, and the driver is existing",
        ),
        (
            {"shared": True, "expire_after": "3d"},
            "expire_after: is for a bucket of the workspace's own, and this one is shared",
        ),
        ({"driver": "aws", "adopt": True}, "adopt: is true, and with driver aws nothing is taken over"),
        (
            {"credentials": {"lifetime": timedelta(hours=1)}},
            "credentials.lifetime: 3600s is too short; allowed: ",
        ),
        ({"credentials": {"rotate_before": "90d"}}, "credentials: a renewal window of 90d is not shorter"),
        (
            {"credentials": {"overlap": "10m"}},
            "credentials.overlap: 10m is too short for running sessions",
        ),
        ({"run_every": "15d"}, "bucket.run_every: 'run_every' is not a field"),
    ],
    ids=str,
)
def test_what_a_store_would_refuse_is_refused_before_anything_is_declared(workspace, bucket, received):
    with pytest.raises(ValueError, match=r"workspace 'payments': storage\.bucket") as refused:
        workspace(bucket={**BUCKET, **bucket})
    assert received in str(refused.value)
    assert "v-" not in str(refused.value)


def test_a_bucket_on_its_own_is_judged_by_the_same_rules(record):
    with pytest.raises(ValueError, match="bucket 'sessions': shared: needs a workspace"):
        alone(record, {"shared": True})
    with pytest.raises(ValueError, match="bucket 'sessions': workspace_state: 'shut' is not a state"):
        alone(record, {"workspace_state": "shut"})


def test_everything_that_is_wrong_with_a_bucket_is_told_at_once(workspace):
    with pytest.raises(ValueError, match="bucket") as refused:
        workspace(bucket={"name": "A", "endpoint": "x", "forc": True, "credentials": {"generation": 0}})
    assert len(str(refused.value).splitlines()) == 4


def test_whoever_saves_in_the_ui_may_not_win_over_the_bucket(workspace):
    with pytest.raises(
        ValueError, match=r"secrets\.on_drift\.integrations: is keep, and the bucket's credentials lie in"
    ):
        workspace(bucket=BUCKET, secrets={"on_drift": {"integrations": "keep"}})
    assert workspace(bucket=BUCKET, secrets={"on_drift": {"runner": "keep"}}).of("S3Bucket")


def test_a_closed_workspace_needs_no_keys_of_an_existing_bucket(workspace):
    closed = workspace(bucket=without(without(EXISTING, "access_key"), "secret_key"), state="closed")
    assert closed.of("WorkspaceSecret") == []


@pytest.mark.parametrize("field", ["access_key", "secret_key"])
def test_an_empty_key_is_no_key_wherever_it_comes_from(record, field):
    def program():
        Bucket("sessions", **{"owner": "project/fleet", **EXISTING, field: pulumi.Output.secret("")})

    with pytest.raises(pulumi.RunError, match=f"bucket 'sessions': {field}: is missing"):
        record(program)


# All of the variables, or none.

SOMETIMES = st.booleans()
ARGS = st.fixed_dictionaries(
    {"name": st.sampled_from(["payments-sessions", "X"]), "endpoint": st.sampled_from([ENDPOINT, ""])},
    optional={
        "driver": st.sampled_from(["s3", "existing", "aws", "minio"]),
        "shared": SOMETIMES,
        "versioning": SOMETIMES,
        "state": st.sampled_from(["active", "released"]),
        "access_key": st.sampled_from(["", "AKIA"]),
        "secret_key": st.sampled_from(["", "v-secret"]),
        "credentials": st.sampled_from([{}, {"lifetime": "never"}, {"generation": 2}]),
        "on_delete": st.sampled_from(["keep", "delete"]),
        "force": SOMETIMES,
    },
)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ARGS, st.sampled_from(["active", "closed", "released"]), SOMETIMES)
def test_the_variables_are_complete_or_there_are_none(workspace, bucket, state, preview):
    try:
        recording = workspace(bucket=bucket, state=state, preview=preview)
    except ValueError as error:
        received = str(error)
        event("refused")
        assert "v-" not in received
        return
    secrets = recording.of("WorkspaceSecret")
    event(f"{len(secrets)} secrets of {bucket.get('driver')}")
    assert len(secrets) == (state != "closed")
    for secret in secrets:
        assert sorted(secret.inputs["values"]) == sorted(NAMES)
        assert all(isinstance(value, Secret) and value.value for value in secret.inputs["values"].values())
