"""A bucket over the states of its workspace and its own: what is kept, protected and opened."""

import pytest

from tests.program.test_states import _without as without
from tests.program.test_states import plain
from tests.program.test_workspace import FULL
from tests.support.registrations import UNKNOWN, Secret
from tests.support.workspace_bucket import (
    BUCKET,
    EVERYTHING,
    EXISTING,
    NAMES,
    inputs_of_credentials,
    storage,
    variables,
)


def by_kind(recording, *kinds):
    return [item for item in storage(recording) if item.type.split(":")[-1] in kinds]


STATES = [
    # workspace, bucket; protected, bucket retained, bucket released, keys there, keys retained and released
    ("active", "active", True, False, False, True, False),
    ("active", "released", False, True, True, True, False),
    ("closed", "active", False, False, False, False, False),
    ("closed", "released", False, True, True, False, False),
    ("released", "active", False, True, True, True, True),
    ("released", "released", False, True, True, True, True),
]


@pytest.mark.parametrize(
    ("of_workspace", "of_bucket", "protected", "kept", "bucket_released", "opened", "keys_released"), STATES
)
def test_what_each_state_protects_keeps_and_opens(
    workspace, of_workspace, of_bucket, protected, kept, bucket_released, opened, keys_released
):
    # What is released is not this tool's to delete.
    given = EVERYTHING if of_bucket == "active" else without(without(EVERYTHING, "on_delete"), "force")
    recording = workspace(**FULL, bucket={**given, "state": of_bucket}, state=of_workspace)
    bucket = recording.named("S3Bucket", "payments/storage/bucket")
    assert (bucket.protect, bucket.retain_on_delete, bucket.inputs.get("released")) == (
        protected,
        kept,
        True if bucket_released else None,
    )
    keys = by_kind(recording, "S3Credentials")
    assert len(keys) == opened
    for key in keys:
        assert (key.protect, key.retain_on_delete, key.inputs.get("released")) == (
            False,
            keys_released,
            keys_released or None,
        )
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
