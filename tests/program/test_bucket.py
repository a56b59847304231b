"""A bucket under a workspace and on its own: what is declared, in which order, what is kept, and what is refused."""

import pulumi
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ambient_components import Bucket, ClusterProviders
from tests.program.test_states import _without as without
from tests.program.test_states import plain
from tests.program.test_workspace import FULL
from tests.support.recorder import UNKNOWN, Secret, holds_secret

ENDPOINT = "http://minio.ambient-code.svc:9000"
BUCKET = {"name": "payments-sessions", "endpoint": ENDPOINT}
EVERYTHING = {
    **BUCKET,
    "versioning": True,
    "expireAfterDays": 90,
    "tags": {"team": "payments", "cost": "4711"},
    "objectLock": True,
    "encryption": "AES256",
    "adopt": True,
    "onDelete": "delete",
    "force": True,
    "credentials": {
        "lifetimeSeconds": 2_592_000,
        "rotateBeforeSeconds": 604_800,
        "overlapSeconds": 86_400,
        "runEverySeconds": 86_400,
        "manual": False,
        "generation": 3,
    },
}
KEYS = {"accessKey": "AKIA-of-somebody", "secretKey": "v-existing"}
EXISTING = {**BUCKET, "driver": "existing", **KEYS}
USER = "ambient-payments-c5abc4312a78"
NAMES = ["STORAGE_MODE", "S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"]


def variables(recording):
    return recording.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]


def storage(recording):
    """What is below the Bucket, by kind."""
    return recording.below(recording.named("Bucket", "payments/storage"))


def by_kind(recording, *kinds):
    return [item for item in storage(recording) if item.type.split(":")[-1] in kinds]


# What is declared.


def test_a_bucket_with_its_credentials_and_the_secret_that_holds_them(workspace):
    recording = workspace(bucket=BUCKET)
    assert recording.tree() == {
        "Bucket payments/storage": ["S3Bucket payments/storage/bucket", "S3Credentials payments/storage/credentials"],
        "Workspace payments": [
            "Bucket payments/storage",
            "Namespace payments/namespace",
            "NamespacePatch payments/listed",
            "WorkspaceSecret payments/secret/integrations",
        ],
        "stack": ["Workspace payments", "ambient cluster", "kubernetes cluster"],
    }
    assert recording.named("S3Bucket", "payments/storage/bucket").inputs == {
        "bucket": "payments-sessions",
        "owner": "project/fleet",
        "namespace": "payments",
    }
    assert inputs_of_credentials(recording) == {
        "user": USER,
        "bucket": "payments-sessions",
        "owner": "project/fleet",
        "generation": 1,
        "lifetimeSeconds": 7_776_000,
        "usedIn": "payments/ambient-non-vertex-integrations",
    }
    assert {item.provider for item in storage(recording) if item.custom} == {"cluster"}


def inputs_of_credentials(recording):
    item = recording.named("S3Credentials", "payments/storage/credentials")
    return {name: value for name, value in item.inputs.items() if value is not None}


def test_every_field_reaches_its_resource(workspace):
    recording = workspace(bucket=EVERYTHING)
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


def test_versioning_is_left_alone_or_said(workspace):
    for said in (True, False):
        bucket = workspace(bucket={**BUCKET, "versioning": said}).named("S3Bucket", "payments/storage/bucket")
        assert bucket.inputs["versioning"] is said
    assert "versioning" not in workspace(bucket=BUCKET).named("S3Bucket", "payments/storage/bucket").inputs


def test_keys_without_an_end(workspace):
    wanted = inputs_of_credentials(workspace(bucket={**BUCKET, "credentials": {"never": True}}))
    assert wanted["never"] is True
    assert "lifetimeSeconds" not in wanted


def test_of_a_shared_bucket_only_the_workspaces_part_is_opened(workspace):
    recording = workspace(bucket={**BUCKET, "shared": True})
    assert recording.tree("Bucket payments/storage") == {
        "Bucket payments/storage": ["S3Credentials payments/storage/credentials"]
    }
    # With the slash: payments must not open payments-old.
    assert inputs_of_credentials(recording)["prefix"] == "payments/"
    assert inputs_of_credentials(recording)["user"] == USER


def test_an_existing_bucket_is_variables_and_nothing_else(workspace):
    recording = workspace(bucket=EXISTING)
    assert storage(recording) == []
    assert variables(recording) == {
        "STORAGE_MODE": Secret("custom"),
        "S3_ENDPOINT": Secret(ENDPOINT),
        "S3_BUCKET": Secret("payments-sessions"),
        "S3_ACCESS_KEY": Secret("AKIA-of-somebody"),
        "S3_SECRET_KEY": Secret("v-existing"),
    }
    assert "v-existing" not in recording.plain_text()


def test_the_variables_lie_beside_the_declared_ones(workspace):
    recording = workspace(bucket=BUCKET, integrationSecrets={"GITHUB_TOKEN": "ghp-three"})
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


def test_every_component_says_that_it_is_complete(workspace):
    recording = workspace(bucket=BUCKET)
    assert {item.urn for item in recording.components} == recording.outputs.keys() - {recording.stack}
    said = {"bucket": "payments-sessions", "driver": "s3"}
    component = recording.named("Bucket", "payments/storage")
    assert (component.inputs, recording.outputs[component.urn]) == (said, said)


def test_no_component_holds_a_secret(workspace):
    for bucket in (BUCKET, EXISTING):
        recording = workspace(bucket=bucket)
        assert [item.urn for item in recording.components if holds_secret(item.inputs)] == []


# Order.


def test_namespace_bucket_credentials_secret_list_come_in_this_order(workspace):
    recording = workspace(**FULL, bucket=BUCKET)
    order = [
        recording.named("Namespace", "payments/namespace"),
        recording.named("S3Bucket", "payments/storage/bucket"),
        recording.named("S3Credentials", "payments/storage/credentials"),
        recording.named("WorkspaceSecret", "payments/secret/integrations"),
    ]
    assert {one.urn for one in order} <= recording.follows(recording.named("NamespacePatch", "payments/listed"))
    for index, item in enumerate(order):
        assert {one.urn for one in order[:index]} <= recording.reaches(item)
        assert not {one.urn for one in order[index + 1 :]} & recording.reaches(item)


def test_the_list_waits_for_all_of_it(workspace):
    recording = workspace(**FULL, bucket=EVERYTHING)
    listed = recording.named("NamespacePatch", "payments/listed")
    others = {item.urn for item in recording.below(recording.named("Workspace", "payments")) if item.custom}
    assert recording.follows(listed) >= others - {listed.urn}


def test_nothing_else_waits_for_the_store(workspace):
    recording = workspace(**FULL, bucket=BUCKET)
    store = {item.urn for item in storage(recording)}
    waiting = [item for item in recording if store & recording.reaches(item) and item.urn not in store]
    assert recording.labels(frozenset(item.urn for item in waiting)) == [
        "WorkspaceSecret payments/secret/integrations",
    ]


def test_the_runners_secret_does_not_wait_for_the_store(workspace):
    recording = workspace(**FULL, bucket=BUCKET)
    waiting = recording.reaches(recording.named("WorkspaceSecret", "payments/secret/runner"))
    assert not waiting & {item.urn for item in storage(recording)}


# Life.

STATES = [
    # workspace, bucket; protected, bucket retained, bucket released, keys there, keys retained and released
    ("active", "active", True, False, False, True, False),
    ("active", "released", False, True, True, True, False),
    ("closed", "active", False, False, False, False, False),
    ("closed", "released", False, True, True, False, False),
    ("released", "active", False, True, True, True, True),
    ("released", "released", False, True, True, True, True),
]


@pytest.mark.parametrize(("of_workspace", "of_bucket", "protected", "kept", "released", "opened", "let_go"), STATES)
def test_what_each_state_protects_keeps_and_opens(
    workspace, of_workspace, of_bucket, protected, kept, released, opened, let_go
):
    # What is let go is not this tool's to delete.
    given = EVERYTHING if of_bucket == "active" else without(without(EVERYTHING, "onDelete"), "force")
    recording = workspace(**FULL, bucket={**given, "state": of_bucket}, state=of_workspace)
    bucket = recording.named("S3Bucket", "payments/storage/bucket")
    assert (bucket.protect, bucket.retain_on_delete, bucket.inputs.get("released")) == (
        protected,
        kept,
        True if released else None,
    )
    keys = by_kind(recording, "S3Credentials")
    assert len(keys) == opened
    for key in keys:
        assert (key.protect, key.retain_on_delete, key.inputs.get("released")) == (False, let_go, let_go or None)
    if opened:
        assert variables(recording).keys() >= set(NAMES)
    else:
        assert recording.of("WorkspaceSecret") == []


@pytest.mark.parametrize("state", ["active", "closed", "released"])
@pytest.mark.parametrize("bucket", [BUCKET, {**BUCKET, "state": "released"}], ids=["active", "released"])
def test_only_the_bucket_is_ever_kept_where_its_workspace_is_not_released(workspace, state, bucket):
    recording = workspace(**FULL, bucket=bucket, state=state)
    kept = {recording.label(item.urn) for item in recording if item.retain_on_delete and item.custom}
    if state != "released":
        expected = {"S3Bucket payments/storage/bucket"} if bucket.get("state") == "released" else set()
        assert kept == expected
    assert [item.urn for item in storage(recording) if item.deleted_with] == []


def test_the_bucket_has_a_protection_of_its_own(workspace):
    recording = workspace(bucket=BUCKET)
    assert {recording.label(item.urn) for item in recording if item.protect} == {
        "Namespace payments/namespace",
        "S3Bucket payments/storage/bucket",
    }
    recording = workspace(bucket={**BUCKET, "protect": False})
    assert [recording.label(item.urn) for item in recording if item.protect] == ["Namespace payments/namespace"]
    recording = workspace(bucket=BUCKET, protect=False)
    assert [recording.label(item.urn) for item in recording if item.protect] == ["S3Bucket payments/storage/bucket"]


def test_a_release_of_the_bucket_changes_the_bucket_alone(workspace):
    active, released = (workspace(**FULL, bucket={**BUCKET, "state": state}) for state in ("active", "released"))
    assert active.registrations.keys() == released.registrations.keys()
    for before in active:
        after = released.registrations[before.urn]
        if before.type.endswith(":S3Bucket"):
            assert after.inputs == {**before.inputs, "released": True}
            assert plain(after, "inputs", "protect", "retain_on_delete") == plain(
                before, "inputs", "protect", "retain_on_delete"
            )
        else:
            assert plain(after) == plain(before)


def test_closing_leaves_the_bucket_as_it_is(workspace):
    active, closed = workspace(**FULL, bucket=EVERYTHING), workspace(**FULL, bucket=EVERYTHING, state="closed")
    before, after = (one.named("S3Bucket", "payments/storage/bucket") for one in (active, closed))
    assert plain(after, "protect") == plain(before, "protect")
    assert variables(active)
    assert closed.of("WorkspaceSecret") == []


def test_a_new_generation_is_another_user_in_the_same_place(workspace):
    first, second = (workspace(bucket={**BUCKET, "credentials": {"generation": one}}) for one in (1, 2))
    assert first.registrations.keys() == second.registrations.keys()
    assert inputs_of_credentials(first)["user"] != inputs_of_credentials(second)["user"]


@pytest.mark.parametrize("state", ["active", "closed", "released"])
@pytest.mark.parametrize("bucket", [BUCKET, {**BUCKET, "shared": True}, EXISTING], ids=["s3", "shared", "existing"])
def test_a_preview_asks_for_what_the_update_asks_for(workspace, bucket, state):
    preview, update = (workspace(**FULL, bucket=bucket, state=state, preview=preview) for preview in (True, False))
    assert preview.registrations.keys() == update.registrations.keys()
    for item in preview:
        other = update.registrations[item.urn]
        assert item.depends_on == other.depends_on
        if item.type.endswith(":WorkspaceSecret") and "integrations" in item.name and bucket is not EXISTING:
            # They are not minted yet.
            assert {name for name, value in item.inputs["values"].items() if value == Secret(UNKNOWN)} == {
                "S3_ACCESS_KEY",
                "S3_SECRET_KEY",
            }
            continue
        differing = {key for key in item.inputs | other.inputs if item.inputs.get(key) != other.inputs.get(key)}
        assert differing <= {"serviceAccountUid"}


# On its own.


def alone(record, args, name="sessions", opts=None, **surroundings):
    made = []

    def program():
        both = ClusterProviders.of("cluster").both
        given_ = {"owner": "project/fleet", **BUCKET, **args}
        made.append(Bucket(name, given_, pulumi.ResourceOptions(providers=both, **(opts or {}))))
        for variable, value in made[0].variables.items():
            pulumi.export(variable, value)

    return record(program, **surroundings), made[0]


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
    wanted = recording.named("S3Credentials", "sessions/credentials").inputs
    assert (wanted.get("prefix"), wanted.get("usedIn")) == (None, None)
    assert wanted["user"].startswith("ambient-sessions-")
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
    args = {"workspace": "payments", "usedIn": "payments/ambient-non-vertex-integrations", "shared": True}
    recording, bucket = alone(record, args)
    wanted = recording.named("S3Credentials", "sessions/credentials").inputs
    assert (wanted["prefix"], wanted["user"], wanted["usedIn"]) == ("payments/", USER, args["usedIn"])
    assert bucket.bucket is None


def test_two_buckets_share_no_logical_name(record):
    def program():
        for name in ("one", "two"):
            Bucket(name, {"owner": "p/f", **BUCKET, "name": f"of-{name}"})

    assert len(record(program).of("S3Bucket")) == 2


# What is refused.


@pytest.mark.parametrize(
    ("bucket", "told"),
    [
        ({"name": "Payments"}, "bucket.name: 'Payments' is not a name for a bucket"),
        ({"name": ""}, "bucket.name: '' is not a name for a bucket"),
        ({"driver": "S3"}, "driver: 'S3' is not a driver; allowed: s3, aws, existing; did you mean 's3'?"),
        ({"endpoint": ""}, "endpoint: is missing"),
        ({"endpoint": "minio:9000"}, "endpoint: has no scheme that a store is reached by"),
        ({"endpoint": "https://user:v-secret@host"}, "endpoint: has credentials in it"),
        ({"state": "closed"}, "state: 'closed' is not a state of a bucket; allowed: active, released"),
        ({"onDelete": "remove"}, "onDelete: 'remove' is not a way to leave; allowed: keep, delete"),
        ({"force": True}, "force: has no meaning: the bucket is kept when it leaves"),
        ({"force": True, "onDelete": "keep"}, "force: has no meaning: the bucket is kept when it leaves"),
        ({"encryption": "aes"}, "encryption: 'aes' is not a way of encryption; allowed: AES256, aws:kms"),
        ({"objectLock": True, "versioning": False}, "versioning: is false, and objectLock is true"),
        ({"expireAfterDays": 0}, "expireAfterDays: 0 is too low; allowed: whole days, at least 1"),
        ({"expireAfterDays": 1.5}, "expireAfterDays: a whole number from 0 is expected"),
        (
            {"tags": {"ambient-components/owner": "me"}},
            "tags.ambient-components/owner: begins with 'ambient-components/', which is reserved",
        ),
        ({"tags": {"AWS:x": "me"}}, "tags['AWS:x']: begins with 'aws:', which is reserved"),
        ({"accessKey": "a"}, "accessKey: is for driver: existing, and the driver is s3"),
        ({"secretKey": "v-secret"}, "secretKey: is for driver: existing, and the driver is s3"),
        ({"driver": "existing"}, "accessKey: is missing: the driver is existing"),
        ({"driver": "existing", "accessKey": "a"}, "secretKey: is missing: the driver is existing"),
        ({"driver": "existing", "accessKey": "a", "secretKey": ""}, "secretKey: is missing: the driver is existing"),
        (
            {"driver": "existing", **KEYS, "shared": True},
            "shared: is for what this tool makes, and the driver is existing",
        ),
        (
            {"driver": "existing", **KEYS, "versioning": False},
            "versioning: is for what this tool makes, and the driver is existing",
        ),
        (
            {"driver": "existing", **KEYS, "credentials": {}},
            "credentials: is for what this tool makes, and the driver is existing",
        ),
        (
            {"driver": "existing", **KEYS, "state": "released"},
            "state: is for what this tool makes, and the driver is existing",
        ),
        (
            {"shared": True, "expireAfterDays": 3},
            "expireAfterDays: is for a bucket of the workspace's own, and this one is shared",
        ),
        (
            {"shared": True, "versioning": False},
            "versioning: is for a bucket of the workspace's own, and this one is shared",
        ),
        (
            {"shared": True, "onDelete": "delete", "force": True},
            "force: is for a bucket of the workspace's own, and this one is shared",
        ),
        ({"driver": "aws", "adopt": True}, "adopt: is true, and with driver aws nothing is taken over"),
        ({"credentials": {"generation": 0}}, "credentials.generation: 0 is too low"),
        (
            {"credentials": {"never": True, "lifetimeSeconds": 86_400}},
            "lifetimeSeconds: is the life of an access key that never expires",
        ),
        (
            {"credentials": {"lifetimeSeconds": 3_600}},
            "credentials.lifetimeSeconds: 3600 is too short; allowed: whole seconds from 86400 (1d)",
        ),
        ({"credentials": {"lifetimeSeconds": 31_536_001}}, "credentials.lifetimeSeconds: 31536001 is too long"),
        ({"credentials": {"rotateBeforeSeconds": 7_776_000}}, "credentials: a notice of 90d is not shorter"),
        (
            {"credentials": {"overlapSeconds": 600}},
            "credentials: leaves less than 1h between a renewal and the end of the access key before",
        ),
        ({"credentials": {"runEverySeconds": 1_296_000}}, "credentials: a notice of 14d is too short"),
    ],
    ids=str,
)
def test_what_a_store_would_refuse_is_refused_before_anything_is_declared(workspace, bucket, told):
    with pytest.raises(ValueError, match=r"workspace 'payments': bucket") as refused:
        workspace(bucket={**BUCKET, **bucket})
    assert told in str(refused.value)
    assert "v-" not in str(refused.value)


def test_a_bucket_on_its_own_is_judged_by_the_same_rules(record):
    with pytest.raises(ValueError, match="bucket 'sessions': shared: needs a workspace"):
        alone(record, {"shared": True})
    with pytest.raises(ValueError, match="bucket 'sessions': workspaceState: 'shut' is not a state"):
        alone(record, {"workspaceState": "shut"})


def test_everything_that_is_wrong_with_a_bucket_is_told_at_once(workspace):
    with pytest.raises(ValueError, match="bucket") as refused:
        workspace(bucket={"name": "A", "endpoint": "x", "force": True, "credentials": {"generation": 0}})
    assert len(str(refused.value).splitlines()) == 4


def test_whoever_saves_in_the_ui_may_not_win_over_the_bucket(workspace):
    with pytest.raises(ValueError, match=r"onDrift\.integrations: is keep, and the bucket's credentials lie in"):
        workspace(bucket=BUCKET, onDrift={"integrations": "keep"})
    assert workspace(bucket=BUCKET, onDrift={"runner": "keep"}).of("S3Bucket")


def test_a_closed_workspace_needs_no_keys_of_an_existing_bucket(workspace):
    closed = workspace(bucket=without(without(EXISTING, "accessKey"), "secretKey"), state="closed")
    assert closed.of("WorkspaceSecret") == []


@pytest.mark.parametrize("field", ["accessKey", "secretKey"])
def test_an_empty_key_is_no_key_wherever_it_comes_from(record, field):
    def program():
        Bucket("sessions", {"owner": "project/fleet", **EXISTING, field: pulumi.Output.secret("")})

    with pytest.raises(pulumi.RunError, match=f"bucket 'payments-sessions': {field} is empty"):
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
        "accessKey": st.sampled_from(["", "AKIA"]),
        "secretKey": st.sampled_from(["", "v-secret"]),
        "credentials": st.sampled_from([{}, {"never": True}, {"generation": 2}]),
        "onDelete": st.sampled_from(["keep", "delete"]),
        "force": SOMETIMES,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ARGS, st.sampled_from(["active", "closed", "released"]), SOMETIMES)
def test_the_variables_are_complete_or_there_are_none(workspace, bucket, state, preview):
    try:
        recording = workspace(bucket=bucket, state=state, preview=preview)
    except ValueError as error:
        told = str(error)
        event("refused")
        assert "v-" not in told
        return
    secrets = recording.of("WorkspaceSecret")
    event(f"{len(secrets)} secrets of {bucket.get('driver')}")
    assert len(secrets) == (state != "closed")
    for secret in secrets:
        assert sorted(secret.inputs["values"]) == sorted(NAMES)
        assert all(isinstance(value, Secret) and value.value for value in secret.inputs["values"].values())
