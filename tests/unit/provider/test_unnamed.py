"""Objects that the run's ledger does not name, over real gRPC."""

import pytest

from ambient_components.platform.naming import key_account
from ambient_components.provider.ledger.unnamed import named_in, unnamed
from tests.program.test_workspaces import declared, run
from tests.support.fake_plugin import LEDGER, SETTINGS, TOKEN, UNKNOWN, running

KEY = {"role": "edit", "generation": 2, "overlapping": 1, "lifetimeSeconds": 86_400}
ENTRY = {"state": "active", "owners": ["user:alice"], "grants": {"user:x": "view"}, "keys": {"ci": KEY}}
ACCOUNT = "urn:pulumi:dev::app::ambient:index:ServiceAccount::key"
BINDING = "urn:pulumi:dev::app::ambient:index:RoleBinding::grant"
CREDENTIALS = "urn:pulumi:dev::app::ambient:index:S3Credentials::credentials"
OBJECTS = (
    (
        TOKEN,
        {
            "namespace": "pay",
            "serviceAccount": key_account("pay", "ci", 2),
            "key": "ci",
            "owner": "app/dev",
            "lifetimeSeconds": 86_400,
        },
    ),
    (SETTINGS, {"namespace": "pay", "inactivityTimeoutSeconds": 60}),
    (
        BINDING,
        {
            "metadata": {"name": "b", "namespace": "pay"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ambient-project-view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "x"}],
        },
    ),
    (CREDENTIALS, {"user": "u", "bucket": "b", "owner": "app/dev", "lifetimeSeconds": 86_400, "usedIn": "pay/secret"}),
)


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as world:
        world.plugin.configure(kubeconfig=world.api.kubeconfig())
        yield world


def refused(world, urn, inputs, olds=None):
    reasons = [failure.reason for failure in world.plugin.check(inputs, olds, urn=urn).failures]
    return [reason for reason in reasons if urn == LEDGER or "no guardrail has evaluated" in reason]


def ledger(world, *names, owner="app/dev"):
    deployed = {"owner": "app/dev", "workspaces": dict.fromkeys(names, ENTRY)}
    return refused(world, LEDGER, {**deployed, "owner": owner}, deployed)


@pytest.mark.parametrize(("urn", "inputs"), OBJECTS, ids=lambda one: one.split(":")[-3] if isinstance(one, str) else "")
def test_only_objects_of_workspaces_that_the_ledger_names_are_made(world, urn, inputs):
    (before,) = refused(world, urn, inputs)
    assert "workspace 'pay': no ledger was checked" in before
    assert refused(world, urn, inputs, inputs) == []  # --target of what is deployed
    assert refused(world, urn, inputs, {**inputs, "changed": True}) == [before]
    assert ledger(world, "red", "pay") == []
    assert refused(world, urn, inputs) == []
    assert ledger(world, "red") == []
    for olds in (None, inputs):
        (other,) = refused(world, urn, inputs, olds)
        assert "workspace 'pay': the program's ledger does not name it" in other
    world.plugin.configure(kubeconfig=world.api.kubeconfig(), unguarded="true")
    assert refused(world, urn, inputs) == []


def test_a_refused_ledger_names_nothing(world):
    assert ledger(world, "pay", owner="")
    assert refused(world, *OBJECTS[0])


def binding(role="view", *subjects, kind="ClusterRole", namespace="pay"):
    """A stand-alone RoleBinding of the platform's form, to one user or several subjects."""
    named = subjects or ({"kind": "User", "name": "x"},)
    inputs = {
        "metadata": {"name": "b", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": f"ambient-project-{role}"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", **subject} for subject in named],
    }
    return BINDING, inputs


def account(name, namespace="pay"):
    return ACCOUNT, {"metadata": {"name": name, "namespace": namespace}}


def token(key_id, service_account):
    return TOKEN, {**OBJECTS[0][1], "key": key_id, "serviceAccount": service_account}


OWN = [key_account("pay", "ci", generation) for generation in (1, 2, 3)]
IN_THE_ENTRY = (
    binding(),
    binding("admin", {"kind": "User", "name": "alice"}),
    binding("edit", {"kind": "ServiceAccount", "name": OWN[1], "namespace": "pay"}),
    account(OWN[0]),
    account(OWN[1]),
    token("ci", OWN[0]),
)
NOT_IN_THE_ENTRY = {
    "another role": (*binding("admin"), "ClusterRole/ambient-project-admin of user:x"),
    "another subject": (*binding("view", {"kind": "User", "name": "y"}), "of user:y"),
    "a group of the user's name": (*binding("view", {"kind": "Group", "name": "x"}), "of group:x"),
    "one more subject": (
        *binding("view", {"kind": "User", "name": "x"}, {"kind": "User", "name": "y"}),
        "of user:x, user:y",
    ),
    "no subject": (BINDING, {**binding()[1], "subjects": []}, "view of "),
    "a Role of the same name": (*binding(kind="Role"), "Role/ambient-project-view of user:x"),
    "an account of another generation": (*account(OWN[2]), f"ServiceAccount of {OWN[2]}"),
    "an account of no key": (*account("default"), "ServiceAccount of default"),
    "a token of another account": (*token("ci", "default"), "key ci of ServiceAccount default"),
    "a token of another key": (*token("deploy", OWN[1]), "key deploy of"),
}


@pytest.mark.parametrize(("urn", "inputs"), IN_THE_ENTRY)
def test_access_in_the_entry_is_made(world, urn, inputs):
    assert ledger(world, "pay") == []
    assert refused(world, urn, inputs) == []


@pytest.mark.parametrize(("urn", "inputs", "what"), NOT_IN_THE_ENTRY.values(), ids=NOT_IN_THE_ENTRY)
def test_access_that_the_workspaces_entry_does_not_have_is_refused(world, urn, inputs, what):
    assert ledger(world, "pay") == []
    for olds in (None, inputs):
        (reason,) = refused(world, urn, inputs, olds)
        assert "workspace 'pay': its entry in the program's ledger does not have" in reason
        assert what in reason


@pytest.mark.parametrize(("urn", "inputs"), [binding(), account(OWN[1]), token("ci", OWN[1])])
def test_an_empty_entry_names_a_workspace_and_no_access_to_it(world, urn, inputs):
    entry = {**ENTRY, "owners": [], "grants": {}, "keys": {}}
    assert refused(world, LEDGER, {"owner": "app/dev", "workspaces": {"pay": entry}}) == []
    assert refused(world, SETTINGS, {"namespace": "pay", "inactivityTimeoutSeconds": 60}) == []
    assert refused(world, urn, inputs)


def test_an_excluded_workspace_keeps_what_it_had(world):
    entry = {**ENTRY, "grants": {}}
    new = {"owner": "app/dev", "workspaces": {"pay": entry, "red": entry}, "excluded": ["pay"]}
    assert refused(world, LEDGER, new, {"owner": "app/dev", "workspaces": {"pay": ENTRY, "red": ENTRY}}) == []
    assert refused(world, *binding()) == []
    assert refused(world, *binding(namespace="red"))


def test_all_that_workspaces_declare_is_in_the_ledger():
    more = {"keys": {"ci": {}, "old": {"generation": 2, "overlap_until": "2999-01-01"}}}
    recording = run(lambda: declared(more) and None)
    ledger_inputs = recording.named("AccessLedger", "access").inputs
    named, own = named_in({}, ledger_inputs), [item for item in recording if item.type.startswith("ambient:index:")]
    kinds = {item.type.rpartition(":")[2] for item in own}
    assert kinds >= {"RoleBinding", "ServiceAccount", "AccessToken", "WorkspaceSecret", "ProjectSettings"}
    for item in own:
        assert unnamed(named, item.type, item.inputs, is_changed=True) == [], item.urn


def test_what_is_not_known_yet_is_asked_about_in_the_update(world):
    assert ledger(world, "pay") == []
    assert refused(world, SETTINGS, {"namespace": UNKNOWN, "inactivityTimeoutSeconds": 60}) == []
    _, inputs = binding("admin")
    assert refused(world, BINDING, {**inputs, "metadata": {"name": "b", "namespace": UNKNOWN}}) == []
    assert refused(world, BINDING, {**inputs, "subjects": [{"kind": "User", "name": UNKNOWN}]}) == []
    assert refused(world, ACCOUNT, {"metadata": {"name": UNKNOWN, "namespace": "pay"}}) == []


def test_unguarded_is_true_or_false(world):
    assert [world.plugin.check_config(unguarded=one).failures[0].reason for one in ("yes", "1")]
    assert not world.plugin.check_config(unguarded="true").failures
