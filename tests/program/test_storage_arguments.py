"""Storage of a stack file, by what its config says of the store: arguments and ledger."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ambient_components.model.stack import Workspace
from ambient_components.model.storage import Bucket, BucketCredentials
from ambient_components.program.arguments import separate_workspace
from ambient_components.program.calendar import Calendar
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import ObjectStore, StackSettings
from ambient_components.rules.object_store import StoreConfig
from ambient_components.stackfile.loader import parse_stack
from tests.support.ledgers import recorded

CALENDAR = Calendar(datetime(2026, 12, 1, 12, tzinfo=UTC))
DAILY = Calendar(CALENDAR.now, run_every=86_400)
STORE = ObjectStore(StoreConfig(endpoint="http://minio.minio.svc:9000", sessions_endpoint="https://s3.example.com"))
EVERY_FIELD = """{
  name: payments-sessions, driver: s3, versioning: true, expireAfter: 90d, tags: {team: pay, cost: "1"},
  objectLock: true, encryption: AES256, adopt: true, protect: false, state: active, onDelete: delete, force: true,
  credentials: {lifetime: 30d, rotateBefore: 7d, overlap: 1d, rotate: manual, generation: 3}}"""
ELSEWHERE = """{
  name: sessions, driver: existing, endpoint: "https://old.example.com/", accessKey: {value: AKIAOLD},
  secretKey: {env: PAYMENTS_OLD_KEY}}"""


def model(bucket, more="", state="active") -> Workspace:
    text = f"workspaces:\n  payments:\n    state: {state}\n    storage: {{bucket: {bucket}}}\n    {more}\n"
    return parse_stack(text, "dev.yaml").file.workspaces["payments"]


def spec_of(bucket, calendar=CALENDAR, store=STORE, values=None, **more):
    settings = StackSettings("project/fleet", {}, store=store)
    return separate_workspace("payments", model(bucket, **more), settings, values or WorkspaceValues(), calendar).bucket


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
    given, bucket = spec_of(EVERY_FIELD, DAILY), model(EVERY_FIELD).storage.bucket
    assert {name: getattr(given, name) for name in Bucket.model_fields} == {
        **{name: getattr(bucket, name) for name in Bucket.model_fields},
        "endpoint": "https://s3.example.com",
    }
    assert given.access_key_terms == {
        "lifetimeSeconds": 2_592_000,
        "rotateBeforeSeconds": 604_800,
        "overlapSeconds": 86_400,
        "runEverySeconds": 86_400,
        "manual": True,
    }


@pytest.mark.parametrize(
    ("credentials", "terms"),
    [
        ("{}", {"lifetimeSeconds": 7_776_000}),
        ("{lifetime: never}", {"never": True}),
        ("{rotate: auto}", {"lifetimeSeconds": 7_776_000, "manual": False}),
    ],
)
def test_terms_of_access_keys(credentials, terms):
    assert spec_of(f"{{name: sessions, credentials: {credentials}}}").access_key_terms == terms


def test_an_existing_bucket_is_where_it_says():
    given = spec_of(ELSEWHERE, values=WorkspaceValues(storage={"accessKey": "AKIAOLD", "secretKey": "v-old"}))
    assert given.endpoint == "https://old.example.com"
    assert (given.access_key, given.secret_key) == ("AKIAOLD", "v-old")


@pytest.mark.parametrize(
    ("store", "endpoint"),
    [
        (StoreConfig(endpoint="http://a:1", sessions_endpoint="http://b:2"), "http://b:2"),
        (StoreConfig(endpoint="http://a:1"), "http://a:1"),
        (StoreConfig(region="eu-central-1"), "https://s3.eu-central-1.amazonaws.com"),
        (StoreConfig(region="cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn"),
        (StoreConfig(), "https://s3.us-east-1.amazonaws.com"),
    ],
)
def test_what_sessions_are_told_of_the_store(store, endpoint):
    assert spec_of("{name: sessions}", store=ObjectStore(store)).endpoint == endpoint


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
        (
            "{name: s-1, driver: existing, accessKey: {env: PAYMENTS_A}, secretKey: {env: PAYMENTS_B}}",
            {"driver": "existing"},
        ),
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
