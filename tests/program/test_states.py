"""Active, closed, released: what of a workspace's resources differs, and what must not."""

import pytest

from tests.program.test_settings import CERTIFICATE, LIMITS, SETTINGS
from tests.program.test_workspace import FULL

EVERYTHING = {
    **FULL,
    "settings": SETTINGS,
    "ca_bundle": CERTIFICATE,
    "limits": LIMITS,
    "labels": {"team": "pay"},
    "pod_security": "baseline",
}
LEFT_ALONE = (
    *(":AccessToken", ":ApiKey", ":WorkspaceSecret", ":ProjectSettings", ":FeatureFlags", ":ContainerDefaults"),
    *(":RoleBinding", ":ServiceAccount"),
)
"""What is ours and would write, or mint, in a workspace that is somebody else's by then."""
OWNER = "project/fleet"
OWNER_BINDINGS = ["ambient-admin-alice-example-com", "ambient-admin-ci-deployer"]


def plain(registration, *without):
    """A registration as a mapping, for a comparison of all that it asks for."""
    return {name: value for name, value in vars(registration).items() if name not in without}


def kinds(recording):
    return {item.type.split(":")[-1] for item in recording if item.custom}


# Released.


def test_released_everything_is_retained_and_nothing_is_otherwise(workspace):
    released = workspace(**EVERYTHING, state="released")
    custom = [item for item in released.below(released.named("Workspace", "payments")) if item.custom]
    assert {item.type.split(":")[-1] for item in custom} == {
        *("Namespace", "NamespacePatch", "RoleBinding", "ServiceAccount", "AccessToken", "WorkspaceSecret"),
        *("ProjectSettings", "FeatureFlags", "ContainerDefaults", "ConfigMap", "ResourceQuota", "NetworkPolicy"),
    }
    assert [released.label(item.urn) for item in custom if not item.retain_on_delete] == []
    for state in ("active", "closed"):
        assert [item.urn for item in workspace(**EVERYTHING, state=state) if item.retain_on_delete] == []


def test_a_provider_is_never_retained(workspace):
    released = workspace(**EVERYTHING, state="released")
    providers = [item for item in released if item.type.startswith("pulumi:providers:")]
    assert len(providers) == 2
    assert [item.urn for item in providers if item.retain_on_delete] == []


def test_a_release_takes_protection_and_our_mark_and_nothing_else(workspace):
    active, released = workspace(**EVERYTHING), workspace(**EVERYTHING, state="released")
    assert active.registrations.keys() == released.registrations.keys()
    for before in active:
        after = released.registrations[before.urn]
        # retain_on_delete is the point of it, and judged above.
        assert plain(after, "inputs", "retain_on_delete", "protect") == plain(
            before, "inputs", "retain_on_delete", "protect"
        )
        assert before.protect == (before.type.endswith(":Namespace"))
        assert not after.protect
        desired = before.inputs
        if before.type.endswith(":Namespace"):
            notes = before.metadata["annotations"]
            desired = {
                **desired,
                "metadata": {**before.metadata, "annotations": _without(notes, "ambient-components/owner")},
            }
            assert desired != before.inputs
        if before.type.endswith(LEFT_ALONE):
            desired = {**desired, "released": True}
        if before.type.endswith(":NamespacePatch"):
            notes = {**before.metadata["annotations"], "ambient-components/released-by": OWNER}
            desired = {**desired, "metadata": {**before.metadata, "annotations": notes}}
        assert after.inputs == desired
    assert released.exports == active.exports


def test_the_note_of_an_earlier_release_goes_where_a_workspace_is_adopted(workspace):
    note = "ambient-components/released-by"
    active, adopted = workspace(**EVERYTHING), workspace(**EVERYTHING, adopt=True)
    assert note not in active.named("NamespacePatch", "payments/listed").metadata["annotations"]
    assert adopted.named("NamespacePatch", "payments/listed").metadata["annotations"][note] == ""
    released = workspace(**EVERYTHING, adopt=True, state="released")
    # The last step of all writes it, and takes it off again.
    for recording in (active, adopted, released):
        assert note not in recording.named("Namespace", "payments/namespace").metadata["annotations"]
    patch = released.named("NamespacePatch", "payments/listed")
    assert patch.metadata["annotations"][note] == OWNER
    others = [item.urn for item in released.below(released.named("Workspace", "payments")) if item.custom]
    assert released.follows(patch) >= set(others) - {patch.urn}


# Closed.


def test_closed_there_is_a_closure_and_no_access_but_the_owners(workspace):
    recording = workspace(**EVERYTHING, state="closed")
    assert kinds(recording).isdisjoint({"AccessToken", "ServiceAccount", "WorkspaceSecret"})
    assert sorted(item.object_name for item in recording.of("RoleBinding")) == OWNER_BINDINGS
    closure = recording.named("Closure", "payments/closed")
    assert closure.inputs == {
        "namespace": "payments",
        "staying": ["serviceaccount:ci:deployer", "user:alice@example.com"],
    }
    # After the owners' bindings: there is no moment in which nobody reaches the data.
    assert closure.depends_on >= {item.urn for item in recording.of("RoleBinding")}


@pytest.mark.parametrize("state", ["active", "released"])
def test_there_is_a_closure_in_no_other_state(workspace, state):
    assert workspace(**EVERYTHING, state=state).of("Closure") == []


def test_a_closed_workspace_without_owners_keeps_nobody(workspace):
    closure = workspace(grants=FULL["grants"], state="closed").named("Closure", "payments/closed")
    assert closure.inputs == {"namespace": "payments", "staying": []}


def test_closing_and_opening_keeps_the_rest_as_it_is(workspace):
    active, closed = workspace(**EVERYTHING), workspace(**EVERYTHING, state="closed")
    common = active.registrations.keys() & closed.registrations.keys()
    assert len(common) == 14
    for urn in common:
        before, after = active.registrations[urn], closed.registrations[urn]
        if before.type.endswith(":NamespacePatch"):
            assert after.metadata["annotations"] == {"pulumi.com/patchForce": "true"}
            continue
        assert plain(before, "protect") == plain(after, "protect")
    labels = {item.metadata["labels"]["ambient-code.io/managed"] for item in closed.of("NamespacePatch")}
    assert labels == {"false"}


@pytest.mark.parametrize("given", [{}, {"sessions": "deletePods", "wait": "30s"}])
def test_what_becomes_of_sessions_is_the_closures(workspace, given):
    closure = workspace(**FULL, state="closed", on_close=given).named("Closure", "payments/closed")
    assert {name: closure.inputs.get(name) for name in ("sessions", "waitSeconds")} == {
        "sessions": given.get("sessions"),
        "waitSeconds": 30 if given else None,
    }


# All.


@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_the_label_comes_last(workspace, state):
    recording = workspace(**EVERYTHING, state=state)
    listed = recording.named("NamespacePatch", "payments/listed")
    others = {
        item.urn
        for item in recording.below(recording.named("Workspace", "payments"))
        if item.custom and item is not listed
    }
    assert recording.follows(listed) >= others


@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_no_access_goes_with_its_namespace(workspace, state):
    recording = workspace(**EVERYTHING, state=state)
    assert [item.urn for item in recording if item.is_access and item.deleted_with] == []
    assert {item.type.split(":")[-1] for item in recording if item.deleted_with} == {
        *("ProjectSettings", "FeatureFlags", "ContainerDefaults", "ConfigMap", "ResourceQuota", "NetworkPolicy")
    }


@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_a_preview_asks_for_what_the_update_asks_for_in_every_state(workspace, state):
    preview, update = workspace(**EVERYTHING, state=state, preview=True), workspace(**EVERYTHING, state=state)
    assert preview.registrations.keys() == update.registrations.keys()
    for item in preview:
        other = update.registrations[item.urn]
        differing = {key for key in item.inputs | other.inputs if item.inputs.get(key) != other.inputs.get(key)}
        assert differing <= {"serviceAccountUid"}  # the one input that is an output of something else
        assert item.depends_on == other.depends_on


def _without(values, key):
    return {name: value for name, value in values.items() if name != key}
