"""Objects of workspaces that the run's ledger does not name, over real gRPC."""

import pytest

from tests.support.fake_plugin import LEDGER, SETTINGS, TOKEN, UNKNOWN, running

ENTRY = {"state": "active", "owners": ["user:alice"], "grants": {}, "keys": {}}
BINDING = "urn:pulumi:dev::app::ambient:index:RoleBinding::grant"
CREDENTIALS = "urn:pulumi:dev::app::ambient:index:S3Credentials::credentials"
OBJECTS = (
    (TOKEN, {"namespace": "pay", "serviceAccount": "sa", "key": "ci", "owner": "app/dev", "lifetimeSeconds": 86_400}),
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
    reasons = [one.reason for one in world.plugin.check(inputs, olds, urn=urn).failures]
    return [one for one in reasons if urn == LEDGER or "no guardrail has evaluated" in one]


def ledger(world, *names, owner="app/dev"):
    return refused(world, LEDGER, {"owner": owner, "workspaces": dict.fromkeys(names, ENTRY)})


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


def test_a_namespace_that_is_not_known_yet_is_asked_about_in_the_update(world):
    assert ledger(world, "pay") == []
    assert refused(world, SETTINGS, {"namespace": UNKNOWN, "inactivityTimeoutSeconds": 60}) == []


def test_unguarded_is_true_or_false(world):
    assert [world.plugin.check_config(unguarded=one).failures[0].reason for one in ("yes", "1")]
    assert not world.plugin.check_config(unguarded="true").failures
