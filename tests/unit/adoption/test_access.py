"""Owners and grants: exactly what a run would declare, and a note with what to do for all other access."""

import pytest

from tests.support.existing import (
    binding,
    creator,
    of_pay,
    plain,
    rules,
    session,
    settings,
    shared,
    subject_entry,
)

LABEL = {"app": "ambient-permission"}


def only_note(workspace):
    assert len(workspace.notes) == 1, [note.what for note in workspace.notes]
    return workspace.notes[0]


def test_a_new_workspace_of_the_ui_has_its_creator_as_owner_and_needs_no_note():
    workspace = of_pay()
    assert workspace.entry == {"adopt": True, "owners": ["user:alice@example.com"]}
    assert workspace.notes == ()


def test_grants_of_the_sharing_page_are_grants_with_their_roles():
    workspace = of_pay(
        shared("pay", "user:Carol@Example.com", "admin"), shared("pay", "group:devs", "edit"),
        shared("pay", "user:kube:dora"), shared("pay", "pipeline:github:acme/pay:7@main"),
        creator("pay", "serviceaccount:ops:breakglass"),
    )  # fmt: skip
    assert workspace.entry["grants"] == [
        {"group": "devs", "role": "edit"},
        {"pipeline": {"github": {"repository": "acme/pay", "id": 7, "branch": "main"}}, "role": "view"},
        {"user": "Carol@Example.com", "role": "admin"},
        {"user": "kube:dora", "role": "view"},
    ]
    assert workspace.entry["owners"] == ["serviceaccount:ops:breakglass", "user:alice@example.com"]
    assert workspace.notes == ()


def test_further_labels_and_annotations_of_a_binding_stay_and_do_not_matter():
    item = shared("pay", "group:devs", labels={**LABEL, "team": "x"})
    item["metadata"]["annotations"]["example.com/why"] = "ticket 12"
    workspace = of_pay(item)
    assert workspace.entry["grants"] == [{"group": "devs", "role": "view"}]
    assert workspace.notes == ()


def test_a_binding_of_another_name_is_noted_with_the_grant_and_the_deletion():
    note = only_note(of_pay(binding("pay", "devs; rm -rf ~", "edit", "group:devs")))
    assert (note.rule, note.object, note.subject, note.role) == (
        "otherBinding", "RoleBinding devs; rm -rf ~", "group:devs", "edit",
    )  # fmt: skip
    assert "grants: [{group: devs, role: edit}]" in note.hints[0]
    assert note.hints[-1].endswith("kubectl delete rolebinding --namespace pay 'devs; rm -rf ~'")


def test_the_same_access_a_second_time_can_just_be_deleted():
    workspace = of_pay(shared("pay", "group:devs", "edit"), binding("pay", "by-hand", "edit", "group:devs"))
    assert workspace.entry["grants"] == [{"group": "devs", "role": "edit"}]
    assert "a second time" in only_note(workspace).what


@pytest.mark.parametrize("role", ["ClusterRole/admin", "Role/ambient-project-admin", "Role/reader"])
def test_a_role_that_is_not_the_platforms_is_noted(role):
    note = only_note(of_pay(binding("pay", "theirs", role, "user:bob")))
    assert (note.rule, note.role, note.subject) == ("otherRole", role, "user:bob")


def test_a_binding_with_several_subjects_names_all_of_them():
    item = binding("pay", "team", "edit", *(f"user:u{number:02}" for number in range(30)))
    note = only_note(of_pay(item))
    assert note.rule == "severalSubjects"
    assert "user:u00, user:u01" in note.what
    assert "and 20 more" in note.what


@pytest.mark.parametrize("name", [" bob", "bob\u200bby", "bob\x07", "x" * 300])
def test_subjects_that_the_stack_file_refuses_are_noted(name):
    entry = {**subject_entry("user:bob"), "name": name}
    note = only_note(of_pay(binding("pay", "theirs", "view", subjects=[entry])))
    assert note.rule in ("refusedSubject", "otherBinding")


def test_a_grant_of_the_platform_to_a_refused_subject_is_noted_with_the_reason():
    note = only_note(of_pay(shared("pay", "user:bob ")))
    assert note.rule == "refusedSubject"
    assert "begins or ends with a space" in note.what


def test_of_two_roles_of_a_subject_the_stronger_is_the_grant():
    workspace = of_pay(shared("pay", "user:bob", "view"), shared("pay", "user:bob", "edit"))
    assert workspace.entry["grants"] == [{"user": "bob", "role": "edit"}]
    note = only_note(workspace)
    assert (note.rule, note.role) == ("secondGrant", "view")
    assert note.hints[0].endswith("kubectl delete rolebinding --namespace pay ambient-permission-view-bob-user")


def test_subjects_that_differ_only_in_case_are_one_in_a_stack_file():
    workspace = of_pay(shared("pay", "user:Bob", "view"), shared("pay", "user:bob", "admin"))
    assert workspace.entry["grants"] == [{"user": "bob", "role": "admin"}]
    assert (only_note(workspace).rule, only_note(workspace).subject) == ("secondGrant", "user:Bob")


def test_of_two_subjects_that_sanitise_alike_the_one_with_the_platforms_binding_is_the_grant():
    workspace = of_pay(shared("pay", "user:a@b"), binding("pay", "by-hand", "view", "user:a-b"))
    assert workspace.entry["grants"] == [{"user": "a@b", "role": "view"}]
    note = only_note(workspace)
    assert (note.rule, note.subject) == ("sameName", "user:a-b")
    assert "give one of them another role, or access through a group" in note.hints


def test_a_binding_of_the_platforms_name_with_other_content_is_not_declared():
    item = shared("pay", "user:bob", annotations={})
    note = only_note(of_pay(item))
    assert note.rule == "metadata"
    assert "grants: [{user: bob, role: view}]" in note.hints[0]


@pytest.mark.parametrize("field", [{"finalizers": ["example.com/x"]}, {"ownerReferences": [{"uid": "u"}]}])
def test_a_binding_with_finalizers_or_owners_would_change_and_is_not_declared(field):
    workspace = of_pay(shared("pay", "user:bob", **field))
    assert "grants" not in workspace.entry
    assert rules(workspace) == ["otherOwner"]


def test_other_field_managers_are_named_once():
    managed = [{"manager": "argocd-controller", "operation": "Update"}, {"manager": "kubectl", "operation": "Update"}]
    items = [shared("pay", f"user:u{number}", managedFields=managed) for number in range(5)]
    workspace = of_pay(*items)
    assert len(workspace.entry["grants"]) == 5
    assert rules(workspace) == ["otherOwner"]
    assert "argocd-controller" in workspace.notes[0].what


def test_access_of_programs_of_other_namespaces_is_noted_with_a_key_as_the_way():
    note = only_note(of_pay(binding("pay", "robot", "edit", "serviceaccount:ops:robot")))
    assert note.rule == "otherBinding"
    assert "declare a key" in note.hints[0]


def test_group_access_of_project_settings_is_noted():
    label = {"ambient-code.io/managed": "true"}
    workspace = of_pay(
        binding("pay", "devs-edit", "edit", "group:devs", labels=label),
        settings("pay", groupAccess=[{"groupName": "devs", "role": "edit"}]),
    )
    assert rules(workspace) == ["groupAccess", "groupAccess"]


def test_the_platforms_own_bindings_and_those_without_subjects_are_no_access():
    assert of_pay(*session("pay", "x"), binding("pay", "empty", "edit")).notes == ()


def test_access_in_the_platforms_clothes_is_noted():
    """A session's binding without the session, and the account of schedules with a right more."""
    of_no_session = session("pay", "x")[1:]
    widened = next(item for item in plain("pay") if item["kind"] == "Role")
    widened = {
        **widened,
        "rules": [*widened["rules"], {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}],
    }
    workspace = of_pay(*of_no_session, widened)
    assert rules(workspace) == ["otherRole", "otherRole"]
    assert {note.object for note in workspace.notes} == {
        "RoleBinding ambient-session-x-rb",
        "RoleBinding ambient-session-trigger",
    }


def test_what_the_control_plane_makes_is_its_own():
    title = "ambient-control-plane-project-manager"
    own = "serviceaccount:ambient-code:control-plane"
    assert of_pay(binding("pay", title, f"Role/{title}", own)).notes == ()
    there = binding("pay", title, f"Role/{title}", "serviceaccount:acp:control-plane")
    assert of_pay(there, platform_namespace="acp").notes == ()
    assert rules(of_pay(binding("pay", title, f"Role/{title}", own), platform_namespace="acp")) == ["otherRole"]
    for other in (["user:mallory"], ["serviceaccount:evil:default"], [own, "serviceaccount:evil:default"]):
        assert rules(of_pay(binding("pay", title, f"Role/{title}", *other))) == ["otherRole"]


def test_notes_of_one_kind_are_bounded():
    workspace = of_pay(*(binding("pay", f"x{number:04}", "view", f"user:u{number}") for number in range(500)))
    assert len(workspace.notes) == 101
    assert workspace.notes[-1].what == "and 400 more of this kind"
