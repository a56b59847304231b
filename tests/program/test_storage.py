"""Storage of a stack file, by what its config says of the store: arguments, ledger, values, and what is refused."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ambient_components.components import BucketArgs, BucketCredentialsSpec, BucketSpec
from ambient_components.program.arguments import workspace_args
from ambient_components.program.calendar import Calendar
from ambient_components.program.object_store import ObjectStore
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import StackSettings
from ambient_components.rules.object_store import StoreConfig
from ambient_components.stackfile import Bucket, BucketCredentials, Workspace, parse_stack
from tests.program.conftest import CLUSTER
from tests.program.test_fleet import _shuffled
from tests.support.ledgers import recorded
from tests.support.recorder import UNKNOWN, Secret

CALENDAR = Calendar(datetime(2026, 12, 1, 12, tzinfo=UTC))
DAILY = Calendar(CALENDAR.now, run_every=86_400)
STORE = ObjectStore(StoreConfig(endpoint="http://minio.minio.svc:9000", sessions="https://s3.example.com"))
EVERY_FIELD = """{
  name: payments-sessions, driver: s3, versioning: true, expireAfter: 90d, tags: {team: pay, cost: "1"},
  objectLock: true, encryption: AES256, adopt: true, protect: false, state: active, onDelete: delete, force: true,
  credentials: {lifetime: 30d, rotateBefore: 7d, overlap: 1d, rotate: manual, generation: 3}}"""
ELSEWHERE = """{
  name: sessions, driver: existing, endpoint: "https://old.example.com/", accessKey: {value: AKIAOLD},
  secretKey: {env: OLD_KEY}}"""


def model(bucket, more="", state="active") -> Workspace:
    text = f"workspaces:\n  payments:\n    state: {state}\n    storage: {{bucket: {bucket}}}\n    {more}\n"
    return parse_stack(text, "dev.yaml").file.workspaces["payments"]


def spec_of(bucket, calendar=CALENDAR, store=STORE, values=None, **more):
    settings = StackSettings("project/fleet", {}, store=store)
    return workspace_args(model(bucket, **more), settings, values or WorkspaceValues(), calendar)["bucket"]


def entry_of(bucket, calendar=CALENDAR, store=STORE.config, **more):
    return recorded({"payments": model(bucket, **more)}, calendar, store)["payments"]


# Arguments.


def test_the_texts_here_have_every_field_that_there_is():
    bucket = model(EVERY_FIELD).storage.bucket
    left = set(Bucket.model_fields) - bucket.model_fields_set
    assert left == {"shared", "endpoint", "access_key", "secret_key"}
    assert left - {"shared"} <= model(ELSEWHERE).storage.bucket.model_fields_set
    assert set(BucketCredentials.model_fields) == bucket.credentials.model_fields_set


def test_every_field_becomes_an_argument():
    assert spec_of(EVERY_FIELD, DAILY) == {
        "name": "payments-sessions",
        "endpoint": "https://s3.example.com",
        "driver": "s3",
        "versioning": True,
        "expireAfterDays": 90,
        "tags": {"cost": "1", "team": "pay"},
        "objectLock": True,
        "encryption": "AES256",
        "adopt": True,
        "protect": False,
        "state": "active",
        "onDelete": "delete",
        "force": True,
        "credentials": {
            "generation": 3,
            "lifetimeSeconds": 2_592_000,
            "rotateBeforeSeconds": 604_800,
            "overlapSeconds": 86_400,
            "runEverySeconds": 86_400,
            "manual": True,
        },
    }


def test_arguments_are_those_that_the_component_knows():
    specs = [spec_of(EVERY_FIELD, DAILY), spec_of("{name: sessions, shared: true}")]
    specs.append(spec_of(ELSEWHERE, values=WorkspaceValues(storage={"accessKey": "a", "secretKey": "b"})))
    known = BucketSpec.__required_keys__ | BucketSpec.__optional_keys__
    assert {field for spec in specs for field in spec} == known
    assert BucketArgs.__required_keys__ >= {"owner", "name", "endpoint"}
    never = spec_of("{name: sessions, credentials: {lifetime: never}}")["credentials"]
    credentials = {**specs[0]["credentials"], **never}
    known = BucketCredentialsSpec.__required_keys__ | BucketCredentialsSpec.__optional_keys__
    assert set(credentials) == known


@pytest.mark.parametrize(
    ("bucket", "spec"),
    [
        (
            "{name: sessions}",
            {
                "driver": "s3",
                "protect": True,
                "state": "active",
                "credentials": {"generation": 1, "lifetimeSeconds": 7_776_000},
            },
        ),
        (
            "{name: sessions, driver: aws, versioning: false}",
            {
                "driver": "aws",
                "versioning": False,
                "protect": True,
                "state": "active",
                "credentials": {"generation": 1, "lifetimeSeconds": 7_776_000},
            },
        ),
        (
            "{name: sessions, shared: true, credentials: {lifetime: never}}",
            {"driver": "s3", "shared": True, "credentials": {"generation": 1, "never": True}},
        ),
    ],
)
def test_a_bucket_as_it_is_given(bucket, spec):
    assert spec_of(bucket) == {"name": "sessions", "endpoint": "https://s3.example.com", **spec}


def test_an_existing_bucket_is_where_it_says():
    values = WorkspaceValues(storage={"accessKey": "AKIAOLD", "secretKey": "v-old"})
    assert spec_of(ELSEWHERE, values=values) == {
        "name": "sessions",
        "driver": "existing",
        "endpoint": "https://old.example.com",
        "accessKey": "AKIAOLD",
        "secretKey": "v-old",
    }


@pytest.mark.parametrize(
    ("store", "endpoint"),
    [
        (StoreConfig(endpoint="http://a:1", sessions="http://b:2"), "http://b:2"),
        (StoreConfig(endpoint="http://a:1"), "http://a:1"),
        (StoreConfig(region="eu-central-1"), "https://s3.eu-central-1.amazonaws.com"),
        (StoreConfig(region="cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn"),
        (StoreConfig(), "https://s3.us-east-1.amazonaws.com"),
    ],
)
def test_what_sessions_are_told_of_the_store(store, endpoint):
    assert spec_of("{name: sessions}", store=ObjectStore(store))["endpoint"] == endpoint


# The ledger.


def test_the_ledger_has_whose_data_it_is_and_what_may_delete_it():
    assert entry_of(EVERY_FIELD)["bucket"] == {
        "name": "payments-sessions",
        "driver": "s3",
        "endpoint": "https://s3.example.com",
        "store": "http://minio.minio.svc:9000",
        "adopt": True,
        "onDelete": "delete",
        "force": True,
        "expireAfterDays": 90,
        "versioning": True,
        "objectLock": True,
        "generation": 3,
        "lifetimeSeconds": 2_592_000,
    }


@pytest.mark.parametrize(
    ("bucket", "entry"),
    [
        ("{name: s-1}", {"driver": "s3", "generation": 1, "lifetimeSeconds": 7_776_000}),
        (
            "{name: s-1, state: released, versioning: false, credentials: {lifetime: never}}",
            {"driver": "s3", "state": "released", "versioning": False, "generation": 1, "never": True},
        ),
        (
            "{name: s-1, shared: true, driver: aws}",
            {"driver": "aws", "shared": True, "generation": 1, "lifetimeSeconds": 7_776_000},
        ),
        ("{name: s-1, driver: existing, accessKey: {env: A}, secretKey: {env: B}}", {"driver": "existing"}),
    ],
)
def test_the_ledger_has_only_what_says_something(bucket, entry):
    made = {} if entry["driver"] == "existing" else {"store": "http://minio.minio.svc:9000"}
    assert entry_of(bucket)["bucket"] == {"name": "s-1", "endpoint": "https://s3.example.com", **made, **entry}


def test_a_closed_workspace_keeps_its_bucket_and_no_keys():
    kept = entry_of(EVERY_FIELD, state="closed")["bucket"]
    assert kept.keys() == entry_of(EVERY_FIELD)["bucket"].keys() - {"generation", "lifetimeSeconds"}
    assert entry_of(EVERY_FIELD, state="released")["bucket"] == entry_of(EVERY_FIELD)["bucket"]


def test_a_workspace_without_a_bucket_has_none_in_the_ledger():
    workspace = parse_stack("workspaces: {payments: {}}", "x.yaml").file.workspaces["payments"]
    assert not recorded({"payments": workspace}, CALENDAR)["payments"].keys() & {"bucket", "exceptions"}


@pytest.mark.parametrize(
    ("now", "zone", "allowed"),
    [
        (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), "Europe/Berlin", ["expireAfter"]),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), "Europe/Berlin", None),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), "UTC", ["expireAfter"]),
    ],
)
def test_an_override_holds_to_the_end_of_its_last_day_where_the_team_is(now, zone, allowed):
    more = "exceptions: [{guardrail: expireAfter, reason: agreed, until: 2026-12-31}]"
    entry = entry_of("{name: s-1, expireAfter: 3d}", Calendar(now, ZoneInfo(zone)), more=more)
    assert entry.get("exceptions") == allowed


def test_an_override_without_a_day_holds():
    more = "exceptions: [{guardrail: expireAfter, reason: agreed}]"
    assert entry_of("{name: s-1, expireAfter: 3d}", more=more)["exceptions"] == ["expireAfter"]


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
    ("bucket", "told"),
    [
        (
            {"name": "sessions"},
            "stacks/dev.yaml:5:15: workspaces.payments.storage.bucket.name: needs an object store, and the stack's "
            "config has no objectStore; say where it is: pulumi config set --path objectStore.endpoint https://…, or "
            "for AWS pulumi config set --path objectStore.region eu-central-1",
        ),
        ({"name": "sessions", "shared": True}, NO_STORE),
        (
            {"name": "sessions", "driver": "existing", "accessKey": {"value": "a"}, "secretKey": {"env": "X"}},
            "workspaces.payments.storage.bucket.name: has no endpoint, and the stack's config no objectStore; add",
        ),
    ],
)
def test_a_bucket_without_a_store_says_what_to_set(run_fleet, monkeypatch, bucket, told):
    monkeypatch.setenv("X", "v-x")
    (line,) = run_fleet.refusal(stack(bucket), config=CONFIG)
    assert told in line


def test_a_closed_workspace_needs_its_store_too(run_fleet):
    (line,) = run_fleet.refusal(stack({"name": "sessions"}, state="closed"), config=CONFIG)
    assert NO_STORE in line


@pytest.mark.parametrize(
    ("bucket", "store", "told"),
    [
        ({"adopt": True}, OBJECT_STORE, "bucket.adopt: is true, and with driver aws nothing is taken over"),
        (
            {},
            {**OBJECT_STORE, "credentials": "minio"},
            "bucket.driver: is aws, which makes users by IAM, and the store's API for them is minio; write driver: s3",
        ),
    ],
)
def test_what_driver_aws_can_not_do(run_fleet, bucket, store, told):
    secrets = {"objectStore": json.dumps(store)}
    given = stack({"name": "sessions", "driver": "aws", **bucket})
    (line,) = run_fleet.refusal(given, config=CONFIG, secrets=secrets)
    assert told in line


def test_driver_aws_without_pulumi_aws_is_said_with_its_line(run_fleet, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (line,) = run_fleet.refusal(stack({"name": "sessions", "driver": "aws"}), config=CONFIG, secrets=SECRETS)
    assert line.endswith("driver: is aws, and pulumi-aws is not installed; pip install 'ambient-components[aws]'")
    assert line.startswith("stacks/dev.yaml:")


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


def test_a_plain_key_in_the_config_is_refused_in_previews_too(run_fleet):
    config = {**CONFIG, "old/id": "AKIAOLD", "old/secret": "v-old"}
    for preview in (True, False):
        lines = run_fleet.refusal(stack(THERE), config=config, preview=preview)
        assert [line.split(": ")[1].rpartition(".")[2] for line in lines] == ["accessKey", "secretKey"]
        assert "v-old" not in "".join(lines)


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


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_the_order_in_the_file_means_nothing(run_fleet, chance):
    given_ = {"config": CONFIG, "secrets": {**SECRETS, "old/id": "AKIAOLD", "old/secret": "v-old"}}
    before, after = run_fleet(SEVERAL, **given_), run_fleet(_shuffled(SEVERAL, chance), **given_)
    assert after.registrations == before.registrations
    assert len(before.of("S3Credentials")) == 2
