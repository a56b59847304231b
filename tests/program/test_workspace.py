import pulumi
import pytest

from ambient_components import AccessLedger, ClusterProviders, Workspace
from tests.support.recorder import Recorder
from tests.support.registrations import Secret, holds_secret

FULL = {
    "owners": ["user:alice@example.com", "serviceaccount:ci:deployer"],
    "grants": [{"group": "devs", "role": "edit"}, {"user": "bob@example.com"}],
    "keys": {"ci": {"role": "edit"}, "nightly": {"role": "view", "generation": 3}},
    "secrets": {
        "runner": {"ANTHROPIC_API_KEY": "sk-one", "GEMINI_API_KEY": "sk-two"},
        "integrations": {"GITHUB_TOKEN": "ghp-three"},
    },
}
MARKED = {"ambient-components/owner": "project/fleet", "pulumi.com/patchForce": "true"}
"""Annotations of every Namespace: forced, since after a lost state its fields belong to the stack that was."""


def test_an_empty_workspace_is_a_namespace_that_is_listed(workspace):
    assert workspace().tree("Workspace payments") == {
        "Workspace payments": ["Namespace payments/namespace", "NamespacePatch payments/listed"]
    }


def test_everything_in_the_namespace_comes_after_it(workspace):
    recording = workspace(**FULL)
    namespace = recording.named("Namespace", "payments/namespace")
    inside = [item for item in recording.below(recording.named("Workspace", "payments")) if item is not namespace]
    assert [item.name for item in inside if namespace.urn not in recording.reaches(item)] == []


def test_protect_false_protects_nothing(workspace):
    assert [item for item in workspace(**FULL, protect=False) if item.protect] == []


@pytest.mark.parametrize("protect", [True, False])
def test_protect_of_the_options_is_that_of_the_namespace_alone(workspace, protect):
    recording = workspace(**FULL, protect=not protect, opts={"protect": protect})
    labels = [recording.label(item.urn) for item in recording if item.protect]
    assert labels == (["Namespace payments/namespace"] if protect else [])
    assert [item for item in workspace(**FULL, state="closed", opts={"protect": True}) if item.protect] == []


def test_retain_on_delete_of_the_options_keeps_the_namespace_and_no_access(workspace):
    recording = workspace(**FULL, opts={"retain_on_delete": True})
    labels = [recording.label(item.urn) for item in recording if item.retain_on_delete]
    assert labels == ["Namespace payments/namespace"]


def test_what_the_caller_depends_on_comes_before_the_namespace(record):
    def program():
        providers = ClusterProviders.of("cluster")
        ledger = AccessLedger(
            "access",
            {"owner": "p/f", "workspaces": {"payments": {}}},
            pulumi.ResourceOptions(provider=providers.ambient),
        )
        options = pulumi.ResourceOptions(providers=providers.both, depends_on=[ledger])
        Workspace("payments", owner="p/f", opts=options)

    recording = record(program)
    ledger = recording.named("AccessLedger", "access")
    assert recording.named("Namespace", "payments/namespace").depends_on == {ledger.urn}


@pytest.mark.parametrize(
    ("subject", "binding", "rbac"),
    [
        (
            "user:Alice@Example.com",
            "ambient-admin-alice-example-com",
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "Alice@Example.com"},
        ),
        (
            "group:Platform Team (EU)",
            "ambient-admin-platform-team--eu",
            {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "Platform Team (EU)"},
        ),
        (
            "serviceaccount:team-a:ci-bot",
            "ambient-admin-team-a-ci-bot",
            {"kind": "ServiceAccount", "name": "ci-bot", "namespace": "team-a"},
        ),
    ],
)
def test_an_owner_is_the_platforms_creator_binding(workspace, subject, binding, rbac):
    owner = workspace(owners=[subject]).named("RoleBinding", f"payments/owner/{subject}")
    assert owner.inputs == {
        "metadata": {"name": binding, "namespace": "payments", "labels": {"ambient-code.io/role": "admin"}},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "ambient-project-admin",
        },
        "subjects": [rbac],
    }


def test_the_secrets_are_the_platforms_two_with_values_kept_secret(workspace):
    recording = workspace(**FULL)
    assert recording.named("WorkspaceSecret", "payments/secret/runner").inputs == {
        "namespace": "payments",
        "secret": "ambient-runner-secrets",
        "values": {"ANTHROPIC_API_KEY": Secret("sk-one"), "GEMINI_API_KEY": Secret("sk-two")},
        "onDrift": "overwrite",
    }
    assert recording.named("WorkspaceSecret", "payments/secret/integrations").inputs == {
        "namespace": "payments",
        "secret": "ambient-non-vertex-integrations",
        "values": {"GITHUB_TOKEN": Secret("ghp-three")},
        "onDrift": "overwrite",
    }
    for value in ("sk-one", "sk-two", "ghp-three", "token-of-"):
        assert value not in recording.plain_text()


def test_the_inputs_of_components_hold_no_secret(workspace):
    recording = workspace(**FULL)
    assert len(recording.components) == 3
    assert [item.urn for item in recording.components if holds_secret(item.inputs)] == []


def test_every_component_says_that_it_is_complete(workspace):
    recording = workspace(**FULL)
    assert {item.urn for item in recording.components} == recording.outputs.keys() - {recording.stack}
    assert recording.outputs[recording.named("Workspace", "payments").urn] == {
        "namespace": "payments",
        "keys": ["ci", "nightly"],
    }


def test_openshift_alone_keeps_display_name_and_description(workspace):
    shown = {"display_name": "Payments", "description": "Services that move money"}
    plain = workspace(**shown).named("Namespace", "payments/namespace")
    openshift = workspace(**shown, openshift=True).named("Namespace", "payments/namespace")
    assert plain.metadata["annotations"] == MARKED
    assert openshift.metadata["annotations"] == {
        **MARKED,
        "openshift.io/display-name": "Payments",
        "openshift.io/description": "Services that move money",
    }


def test_on_openshift_the_name_stands_in_for_a_display_name_and_no_description_is_none(workspace):
    namespace = workspace(openshift=True).named("Namespace", "payments/namespace")
    assert namespace.metadata["annotations"] == {
        **MARKED,
        "openshift.io/display-name": "payments",
    }


def test_the_namespace_may_have_another_name_than_the_component(workspace):
    recording = workspace("prod-payments", namespace="payments", **FULL)
    names = {item.metadata["name"] for item in recording if item.type.endswith((":Namespace", ":NamespacePatch"))}
    spaces = {item.metadata["namespace"] for item in recording if "namespace" in item.inputs.get("metadata", {})}
    assert (names, spaces) == ({"payments"}, {"payments"})
    ours = [item.name for item in recording if not item.type.startswith("pulumi:")]
    assert [name for name in ours if name.partition("/")[0] != "prod-payments"] == []


def test_two_workspaces_share_no_logical_name(record):
    def program():
        Workspace("payments", **FULL)
        Workspace("research", **FULL)

    recording = record(program, config={"ambient:unguarded": "true"})
    sizes = [len(recording.below(item)) for item in recording.of("Workspace")]
    assert sizes == [16, 16]


@pytest.mark.parametrize(
    "colliding",
    [
        {"grants": [{"user": "a@b"}, {"user": "a-b"}]},
        {"owners": ["user:a@b", "user:a-b"]},
    ],
)
def test_subjects_that_meet_in_one_object_name_are_refused(workspace, colliding):
    with pytest.raises(ValueError, match="a-b"):
        workspace(**colliding)


def test_everything_that_is_wrong_with_a_workspace_is_told_at_once(workspace):
    with pytest.raises(ValueError, match="workspace 'payments'") as refused:
        workspace(
            state="shut",
            owners=["alice"],
            grants=[
                {"user": "bob", "role": "admni"},
                {"user": "Carol"},
                {"user": "carol", "role": "edit"},
                {"subject": "user:dan"},
            ],
            keys={"CI Key": {"role": "root", "lifetime": "5s", "generation": 0, "name": "x" * 65}},
            secrets={"runner": {"FOO": "bar"}},
        )
    received = [line.removeprefix("workspace 'payments': ") for line in str(refused.value).splitlines()]
    assert [line.split(";")[0] for line in received] == [
        "owners[0]: 'alice' is not a subject",
        "grants[0].role: 'admni' is not a role",
        "grants[3].subject: 'subject' is not a field",
        "keys['CI Key'].name: has 65 characters",
        "keys['CI Key'].role: 'root' is not a role",
        "keys['CI Key'].lifetime: 5s is too short",
        "keys['CI Key'].generation: 0 is too low",
        "state: 'shut' is not a state",
        "secrets.runner.FOO: is a key that the runner secret doesn't take",
        "keys['CI Key']: 'CI Key' can't be a key's id",
    ]


def test_two_keys_cannot_be_one_of_the_platforms(record):
    one = {"service_account": "ambient-key-nightly-build-3f2a91bc"}

    def program():
        Workspace("payments", keys={"ci": one, "cd": one})

    with pytest.raises(ValueError, match=r"keys\.cd\.service_account: .* is the account of key 'ci'"):
        record(program)


def test_a_workspace_that_no_ledger_names_is_refused_before_anything_is_registered():
    recorder = Recorder()

    def program(named, after, **cluster):
        providers = ClusterProviders.of("cluster", **cluster)
        ledger = AccessLedger(
            "access", {"owner": "p/f", "workspaces": named}, pulumi.ResourceOptions(provider=providers.ambient)
        )
        options = pulumi.ResourceOptions(providers=providers.both, depends_on=[ledger] if after else None)
        Workspace("grey", owner="p/f", grants=[{"user": "x", "role": "admin"}], opts=options)

    for named, after in (({"red": {}}, True), ({}, True), ({"grey": {}}, False)):
        with pytest.raises(ValueError, match=r"'grey' depends on no AccessLedger that names it.*unguarded"):
            recorder.run(lambda named=named, after=after: program(named, after))
        assert recorder.last.of("Workspace") == recorder.last.of("Namespace") == []
    for named, cluster in (({"grey": {}}, {}), ({}, {"unguarded": True})):
        assert recorder.run(lambda named=named, cluster=cluster: program(named, True, **cluster)).of("Namespace")


LATER = pulumi.Output.from_input("later")
DECIDES = "is an Output, and this value decides names or structure"
BROKEN = {
    "grant": ({"grant": []}, "grant: 'grant' is not a field"),
    "a list for keys": ({"keys": ["ci"]}, "keys: is a list"),
    "camel case": ({"displayName": "Pay"}, "displayName: 'displayName' is not a field"),
    "a misspelt field of a key": ({"keys": {"ci": {"lifetme": "30d"}}}, "keys.ci.lifetme: 'lifetme' is not a field"),
    "seconds": ({"keys": {"ci": {"lifetimeSeconds": 60}}}, "keys.ci.lifetimeSeconds: 'lifetimeSeconds' is not a field"),
    "a role": ({"keys": {"ci": {"role": "viewer"}}}, "keys.ci.role: 'viewer' is not a role"),
    "a lifetime": ({"keys": {"ci": {"lifetime": "soon"}}}, "keys.ci.lifetime: 'soon' is not a duration"),
    "a key's id": ({"keys": {"CI": {}}}, "keys.CI: 'CI' can't be a key's id"),
    "an output as a role": ({"keys": {"ci": {"role": LATER}}}, f"keys.ci.role: {DECIDES}"),
    "nowhere": ({"keys": {"ci": {"retain": "none"}}}, "keys.ci.retain: is retained nowhere and delivered nowhere"),
    "a misspelt role of a grant": ({"grants": [{"user": "a", "rol": "view"}]}, "grants[0].rol: 'rol' is not a field"),
    "nobody": ({"grants": [{"role": "view"}]}, "grants[0]: names neither a user nor a group"),
    "two subjects": ({"grants": [{"user": "a", "group": "b"}]}, "grants[0]: names a user and a group"),
    "two grants": ({"grants": [{"user": "a"}, {"user": "A"}]}, "grants[1].user: user 'A' has a grant already"),
    "dates": (
        {"grants": [{"user": "a", "from_": "2026-02-01", "until": "2026-01-01"}]},
        "grants[0].until: is before its from_",
    ),
    "an output as a subject": ({"grants": [{"user": LATER}]}, f"grants[0].user: {DECIDES}"),
    "an owner twice": ({"owners": ["user:a", "user:a"]}, "owners[1]: 'user:a' is an owner already"),
    "the owning stack": ({"owner": "me"}, "owner: 'me' is not the owner of a workspace"),
    "a name": ({"namespace": "Pay"}, "'Pay' can't name a workspace"),
    "protect": ({"protect": "no"}, "protect: is text"),
    "a value of a secret": ({"secrets": {"integrations": {"FOO": 5}}}, "secrets.integrations.FOO: is a number"),
    "a kind of secrets": ({"secrets": {"runners": {}}}, "secrets.runners: 'runners' is not a field"),
    "a label": ({"labels": {"team": "a b"}}, "labels.team: 'a b' can't be the value of a label"),
    "a quota": ({"limits": {"quota": {"pods": "many"}}}, "limits.quota.pods: 'many' is not a quantity"),
    "a setting": ({"settings": {"idleTimeout": "12h"}}, "settings.idleTimeout: 'idleTimeout' is not a field"),
    "a field of files": ({"reviewers": ["group:leads"]}, "reviewers: is for stack files and Workspaces"),
    "a schedule": ({"schedules": {"n": {"schedule": "0 9 * * *"}}}, "schedules.n.session_template: is missing"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_call_is_one_line_with_the_path(workspace, broken):
    args, line = BROKEN[broken]
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the lines are compared
        workspace(**{"owner": "project/fleet", **args})
    assert [one.split(";")[0] for one in str(refused.value).splitlines()] == [f"workspace 'payments': {line}"]
