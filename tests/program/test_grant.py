import pulumi
import pytest

from ambient_components import ClusterProviders, Grant

KINDS = {
    "user:Bob@Example.com": ("User", "Bob@Example.com", "bob-example-com-user"),
    "group:Platform Team (EU)": ("Group", "Platform Team (EU)", "platform-team-eu-group"),
    "group:system:authenticated": ("Group", "system:authenticated", "system-authenticated-group"),
}


def grant(record, subject, opts=None, **args):
    kind, _, name = subject.partition(":")
    given = {"namespace": "payments", kind: name, **args}
    return record(lambda: Grant(f"payments/grant/{subject}", opts=opts and opts(), **given))


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
@pytest.mark.parametrize("subject", KINDS)
def test_a_grant_is_the_platforms_to_the_letter(record, subject, role):
    kind, name, tail = KINDS[subject]
    recording = grant(record, subject, role=role)
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
    view = grant(record, "user:bob", role="view").named("RoleBinding", "payments/grant/user:bob")
    admin = grant(record, "user:bob", role="admin").named("RoleBinding", "payments/grant/user:bob")
    assert view.urn == admin.urn
    assert (view.object_name, admin.object_name) == (
        "ambient-permission-view-bob-user",
        "ambient-permission-admin-bob-user",
    )
    # Create before delete: nobody is without access in between.
    assert not admin.delete_before_replace


def test_a_grant_says_that_it_is_complete(record):
    recording = grant(record, "user:bob", role="edit")
    component = recording.named("Grant", "payments/grant/user:bob")
    assert recording.outputs[component.urn] == {"role": "edit", "subject": "user:bob"}


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        ({}, ["namespace: is missing; add it", "names neither a user nor a group"]),
        ({"namespace": "payments"}, ["names neither a user nor a group; allowed: exactly one of them"]),
        ({"namespace": "payments", "user": "a", "group": "b"}, ["names a user and a group"]),
        ({"namespace": "payments", "user": None}, ["names neither a user nor a group"]),
        ({"namespace": "Pay", "user": "a"}, ["namespace: is not the name of a namespace; allowed: "]),
        ({"namespace": "payments", "subject": "user:a"}, ["subject: 'subject' is not a field; allowed: user, group,"]),
        (
            {"namespace": "payments", "user": 5, "role": "admni", "rol": "view"},
            [
                "user: is a number; allowed: text; put it in quotes",
                "role: 'admni' is not a role; allowed: view, edit, admin; did you mean 'admin'?",
                "rol: 'rol' is not a field; allowed: user, group, pipeline, role, namespace; did you mean 'role'?",
            ],
        ),
    ],
)
def test_everything_wrong_is_one_error(record, args, lines):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the lines are compared
        record(lambda: Grant("alice", **args))
    found = str(caught.value).splitlines()
    assert len(found) == len(lines)
    for line, expected in zip(found, lines, strict=True):
        assert line.startswith(f"grant 'alice': {expected}")


def test_only_the_namespace_may_be_an_output(record):
    def program(**args):
        return record(lambda: Grant("alice", **{name: pulumi.Output.from_input(one) for name, one in args.items()}))

    with pytest.raises(ValueError, match=r"grant 'alice': user: is an Output, and this value decides names or"):
        program(namespace="payments", user="alice")
    recording = record(lambda: Grant("alice", namespace=pulumi.Output.from_input("payments"), user="alice"))
    assert recording.named("RoleBinding", "alice").metadata["namespace"] == "payments"


def test_options_are_those_of_the_binding_too_but_access_is_never_retained(record):
    def options():
        return pulumi.ResourceOptions(
            protect=True,
            retain_on_delete=True,
            provider=ClusterProviders.of("cluster", unguarded=True).ambient,
        )

    binding = grant(record, "user:bob", opts=options).named("RoleBinding", "payments/grant/user:bob")
    assert (binding.protect, binding.retain_on_delete, binding.provider) == (True, False, "cluster")
