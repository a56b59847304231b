"""Stacks with storage, as a whole: the store, keys of existing buckets, closed-off workspaces, and what is refused."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.program.conftest import CLUSTER
from tests.program.test_fleet import _shuffled
from tests.support.quick import examples
from tests.support.registrations import UNKNOWN, Secret

# As a whole.

CONFIG = {"vertex": "true", **CLUSTER}
OBJECT_STORE = {
    "endpoint": "http://127.0.0.1:7070",
    "iamEndpoint": "http://127.0.0.1:7071",
    "accessKey": "root",
    "secretKey": "v-root",
    "sessionsEndpoint": "http://store.ambient-code.svc:9000",
}
SECRETS = {"objectStore": json.dumps(OBJECT_STORE)}


def stack(bucket, **entry):
    return {"workspaces": {"payments": {"storage": {"bucket": bucket}, **entry}}}


def test_a_stack_with_a_bucket(run_fleet):
    recording = run_fleet(stack({"name": "payments-sessions"}), config=CONFIG, secrets=SECRETS)
    assert recording.warnings == []
    assert recording.named("ambient", "cluster").inputs == {
        **CLUSTER,
        "storeEndpoint": "http://127.0.0.1:7070",
        "storeIamEndpoint": "http://127.0.0.1:7071",
        "storeRegion": "us-east-1",
        "storeCredentials": "iam",
        "storeAccessKey": "root",
        "storeSecretKey": Secret("v-root"),
    }
    ledger = recording.named("AccessLedger", "access")
    bucket = ledger.inputs["workspaces"]["payments"]["bucket"]
    # Sessions and runs reach the store by different addresses; a change of either may be a change of the store.
    assert (bucket["endpoint"], bucket["store"]) == ("http://store.ambient-code.svc:9000", "http://127.0.0.1:7070")
    assert ledger.urn in recording.reaches(recording.named("S3Bucket", "payments/storage/bucket"))
    values = recording.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]
    assert values["S3_ENDPOINT"] == Secret("http://store.ambient-code.svc:9000")
    assert recording.of("S3Credentials")[0].inputs["user"].startswith("ambient-payments-")
    assert "v-root" not in recording.plain_text()
    # Whoever may read the outputs may not read a bucket.
    assert recording.exports == {}


def test_pulumi_aws_gets_a_provider_for_the_same_store(run_fleet):
    recording = run_fleet(stack({"name": "sessions", "driver": "aws"}), config=CONFIG, secrets=SECRETS)
    provider = recording.named("aws", "cluster").inputs
    assert (provider["accessKey"], provider["secretKey"]) == (Secret("root"), Secret("v-root"))
    assert json.loads(provider["endpoints"])[0]["iam"] == "http://127.0.0.1:7071"
    assert "v-root" not in recording.plain_text()


@pytest.mark.parametrize(
    ("config", "region"), [({}, "us-east-1"), ({"aws:region": "eu-west-1"}, "eu-west-1")], ids=["none", "of pulumi-aws"]
)
def test_driver_aws_may_do_without_a_store_and_all_agree_on_the_region(run_fleet, monkeypatch, config, region):
    monkeypatch.setenv("AWS_REGION", "of-this-machine")
    recording = run_fleet(stack({"name": "sessions", "driver": "aws"}), config={**CONFIG, **config})
    assert recording.named("aws", "cluster").inputs["region"] == region
    assert recording.named("ambient", "cluster").inputs["storeRegion"] == region
    values = recording.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]
    assert values["S3_ENDPOINT"] == Secret(f"https://s3.{region}.amazonaws.com")


def test_a_stack_without_buckets_knows_no_store(run_fleet):
    recording = run_fleet({"workspaces": {"payments": {}}}, config=CONFIG)
    assert recording.named("ambient", "cluster").inputs == CLUSTER
    assert recording.names("aws") == []


NO_STORE = "the stack's config has no objectStore"


@pytest.mark.parametrize(
    ("bucket", "received"),
    [
        (
            {"name": "sessions"},
            "stacks/dev.yaml:5:15: workspaces.payments.storage.bucket.name: needs an object store, and the stack's "
            "config has no objectStore; say where it is: pulumi config set --path objectStore.endpoint https://…, or "
            "for AWS pulumi config set --path objectStore.region eu-central-1",
        ),
        ({"name": "sessions", "shared": True}, NO_STORE),
        (
            {"name": "sessions", "driver": "existing", "accessKey": {"value": "a"}, "secretKey": {"env": "PAYMENTS_X"}},
            "workspaces.payments.storage.bucket.name: has no endpoint, and the stack's config has no objectStore; add",
        ),
    ],
)
def test_a_bucket_without_a_store_says_what_to_set(run_fleet, monkeypatch, bucket, received):
    monkeypatch.setenv("PAYMENTS_X", "v-x")
    (line,) = run_fleet.refusal(stack(bucket), config=CONFIG)
    assert received in line


def test_a_closed_workspace_needs_its_store_too(run_fleet):
    (line,) = run_fleet.refusal(stack({"name": "sessions"}, state="closed"), config=CONFIG)
    assert NO_STORE in line


def test_a_library_that_is_not_installed_is_said_with_the_line_of_its_bucket(run_fleet, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (line,) = run_fleet.refusal(stack({"name": "sessions", "driver": "aws"}), config=CONFIG, secrets=SECRETS)
    assert ".bucket: needs boto3 and pulumi-aws, which are not installed; pip install 'boto3" in line
    assert line.endswith("(the extra aws)")
    assert line.startswith("stacks/dev.yaml:4:")


def test_an_existing_bucket_needs_no_library(run_fleet, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    secrets = {"old/id": "AKIAOLD", "old/secret": "v-old"}
    assert run_fleet(stack(THERE), config=CONFIG, secrets=secrets).named("Workspace", "payments")


# Keys of an existing bucket.

THERE = {
    "name": "sessions",
    "driver": "existing",
    "endpoint": "https://old.example.com",
    "accessKey": {"config": "old/id"},
    "secretKey": {"config": "old/secret"},
}


def test_the_keys_of_an_existing_bucket_are_found_where_the_file_says(run_fleet):
    secrets = {"old/id": "AKIAOLD", "old/secret": "v-old"}
    recording = run_fleet(stack(THERE), config=CONFIG, secrets=secrets)
    values = recording.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]
    assert (values["S3_ACCESS_KEY"], values["S3_SECRET_KEY"]) == (Secret("AKIAOLD"), Secret("v-old"))
    assert values["S3_ENDPOINT"] == Secret("https://old.example.com")
    assert (recording.of("S3Bucket"), recording.of("S3Credentials")) == ([], [])
    assert "v-old" not in recording.plain_text()


def test_missing_keys_are_unknown_in_a_preview_and_an_error_in_an_update(run_fleet):
    secrets = {"old/id": "AKIAOLD"}
    (line,) = run_fleet.refusal(stack(THERE), config=CONFIG, secrets=secrets)
    assert "storage.bucket.secretKey: the stack's config has no 'old/secret'; set it: pulumi config set --sec" in line
    preview = run_fleet(stack(THERE), config=CONFIG, secrets=secrets, preview=True)
    values = preview.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]
    assert values["S3_SECRET_KEY"] == Secret(UNKNOWN)
    assert len(values) == 5
    (warning,) = preview.warnings
    assert "storage.bucket.secretKey" in warning


def test_a_closed_workspace_looks_for_no_keys(run_fleet):
    recording = run_fleet(stack(THERE, state="closed"), config=CONFIG)
    assert recording.of("WorkspaceSecret") == []
    assert recording.named("Bucket", "payments/storage")


# Closed-off workspaces.


def egress(recording):
    policy = recording.named("NetworkPolicy", "payments/network/workspace-isolation").inputs["spec"]
    return policy["egress"][3:]


@pytest.mark.parametrize(
    ("endpoint", "allowed", "warned"),
    [
        ("http://minio.ambient-code.svc:9000", [], False),
        ("https://s3.eu-central-1.amazonaws.com", [], False),
        (
            "http://minio.tenant.svc.cluster.local:80",
            [{"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tenant"}}}]}],
            False,
        ),
        (
            "http://10.1.2.3:9000",
            [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"protocol": "TCP", "port": 9000}]}],
            False,
        ),
        ("https://s3.example.com:9443", [], True),
    ],
)
def test_a_closed_off_workspace_reaches_its_store_or_somebody_is_told(run_fleet, endpoint, allowed, warned):
    secrets = {"objectStore": json.dumps({**OBJECT_STORE, "sessionsEndpoint": endpoint})}
    given = stack({"name": "sessions"}, limits={"network": {}})
    recording = run_fleet(given, config=CONFIG, secrets=secrets)
    assert egress(recording) == allowed
    assert [text for text in recording.warnings if "9443" in text and "'payments'" in text] == (
        recording.warnings if warned else []
    )
    assert len(recording.warnings) == warned


# The order in the file.

SEVERAL = {
    "workspaces": {
        "payments": {"storage": {"bucket": {"name": "payments-sessions", "tags": {"b": "1", "a": "2"}}}},
        "research": {"storage": {"bucket": {"name": "shared-sessions", "shared": True}}},
        "archive": {"state": "closed", "storage": {"bucket": {"name": "archive-sessions", "driver": "aws"}}},
        "old": {"storage": {"bucket": THERE}},
    }
}


@examples(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_the_order_in_the_file_means_nothing(run_fleet, chance):
    given_ = {"config": CONFIG, "secrets": {**SECRETS, "old/id": "AKIAOLD", "old/secret": "v-old"}}
    before, after = run_fleet(SEVERAL, **given_), run_fleet(_shuffled(SEVERAL, chance), **given_)
    assert after.registrations == before.registrations
    assert len(before.of("S3Credentials")) == 2
