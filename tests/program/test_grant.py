import pytest

from ambient_components import Grant

KINDS = {
    "user:Bob@Example.com": ("User", "Bob@Example.com", "bob-example-com-user"),
    "group:Platform Team (EU)": ("Group", "Platform Team (EU)", "platform-team-eu-group"),
    "group:system:authenticated": ("Group", "system:authenticated", "system-authenticated-group"),
}


def grant(record, subject, role=None, **more):
    args = {"namespace": "payments", "subject": subject} | ({"role": role} if role else {})
    return record(lambda: Grant(f"payments/grant/{subject}", args, **more))


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
@pytest.mark.parametrize("subject", KINDS)
def test_a_grant_is_the_platforms_to_the_letter(record, subject, role):
    kind, name, tail = KINDS[subject]
    recording = grant(record, subject, role)
    assert recording.named("RoleBinding", f"payments/grant/{subject}").inputs == {
        "metadata": {
            "name": f"ambient-permission-{role}-{tail}",
            "namespace": "payments",
            "labels": {"app": "ambient-permission"},
            "annotations": {
                "ambient-code.io/subject-kind": kind,
                "ambient-code.io/subject-name": name,
                "ambient-code.io/role": role,
            },
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": f"ambient-project-{role}",
        },
        "subjects": [{"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name}],
    }
    assert recording.tree() == {
        f"Grant payments/grant/{subject}": [f"RoleBinding payments/grant/{subject}"],
        "stack": [f"Grant payments/grant/{subject}"],
    }


def test_a_grant_without_a_role_is_a_view(record):
    binding = grant(record, "user:bob").named("RoleBinding", "payments/grant/user:bob")
    assert binding.inputs["roleRef"]["name"] == "ambient-project-view"
    assert binding.metadata["annotations"]["ambient-code.io/role"] == "view"


def test_a_new_role_is_a_new_object_under_the_same_logical_name(record):
    view = grant(record, "user:bob", "view").named("RoleBinding", "payments/grant/user:bob")
    admin = grant(record, "user:bob", "admin").named("RoleBinding", "payments/grant/user:bob")
    assert view.urn == admin.urn
    assert (view.object_name, admin.object_name) == (
        "ambient-permission-view-bob-user",
        "ambient-permission-admin-bob-user",
    )
    # Create before delete: nobody is without access in between.
    assert not admin.delete_before_replace


def test_nothing_outlives_the_entry(record):
    recording = grant(record, "user:bob")
    assert [item.urn for item in recording if item.protect or item.retain_on_delete or item.deleted_with] == []


def test_a_grant_says_that_it_is_complete(record):
    recording = grant(record, "user:bob", "edit")
    component = recording.named("Grant", "payments/grant/user:bob")
    assert recording.outputs[component.urn] == {"role": "edit", "subject": "user:bob"}


def test_a_grant_to_a_service_account_is_refused(record):
    with pytest.raises(ValueError, match=r"serviceaccount:ci:bot.*users and groups only"):
        grant(record, "serviceaccount:ci:bot")


def test_an_unknown_role_is_refused(record):
    with pytest.raises(ValueError, match=r"'admni' is not a role; allowed: view, edit, admin; did you mean 'admin'[?]"):
        grant(record, "user:bob", "admni")
