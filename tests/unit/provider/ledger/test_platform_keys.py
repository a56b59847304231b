"""Keys that the platform made: what the ledger's check asks of the cluster before the first adoption."""

import pytest

from tests.support.access_objects import KEY_LABELS, binding
from tests.support.fake_plugin import LEDGER, running

OWNER = "app/dev"
NIGHTLY = "ambient-key-nightly-build-3f2a91bc"
ACCOUNTS = "/api/v1/namespaces/pay/serviceaccounts"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"


def ledger(state="active", keys=True, **more):
    key = {"role": "edit", "generation": 1, "serviceAccount": NIGHTLY, **more}
    return {"pay": {"state": state, "owners": ["user:a"], "grants": {}, "keys": {"ci": key} if keys else {}}}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay", annotations={"ambient-components/owner": OWNER})
        account(all_of_it)
        bind(all_of_it)
        yield all_of_it


def account(world, **metadata):
    world.api.add(ACCOUNTS, NIGHTLY, **{"labels": KEY_LABELS, **metadata})


def bind(world, role="edit", subject=f"serviceaccount:pay:{NIGHTLY}", labels=KEY_LABELS):
    name = f"ambient-key-{role}-nightly-build-3f2a91bc"
    body = binding("pay", name, role, subject, labels=labels)
    world.api.add(BINDINGS, name, labels=labels, roleRef=body["roleRef"], subjects=body["subjects"])


def unbind(world, role="edit"):
    del world.api.objects[f"{BINDINGS}/ambient-key-{role}-nightly-build-3f2a91bc"]


def refused(world, after=None, before=None):
    olds = {"owner": OWNER, "workspaces": ledger(keys=False) if before is None else before}
    answer = world.plugin.check({"owner": OWNER, "workspaces": after or ledger()}, olds, urn=LEDGER)
    assert world.writes() == []
    return [failure.reason for failure in answer.failures]


def test_a_key_as_the_platform_makes_it_is_adopted(world):
    assert refused(world) == []
    assert refused(world, ledger(generation=2, overlapping=1)) == []
    # It is in no file yet, and this stack has a state.
    assert not [text for text in world.engine.texts("warning") if "in no state" in text]


def test_a_binding_that_lost_its_label_gets_it_again(world):
    bind(world, labels={})
    assert refused(world) == []


def test_an_adopted_key_is_not_looked_for_again(world):
    del world.api.objects[f"{ACCOUNTS}/{NIGHTLY}"]
    assert refused(world, before=ledger()) == []
    (warning,) = [text for text in world.engine.texts("warning") if "declared, and not in the cluster" in text]
    assert "an account that the platform made is not made again: ambient keys rotate" in warning


def being_deleted(world):
    world.api.change(f"{ACCOUNTS}/{NIGHTLY}", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})


GONE = "is not in the cluster, so the platform's tokens of it have ended"


@pytest.mark.parametrize(
    ("change", "problem", "hint"),
    [
        pytest.param(
            lambda world: world.api.objects.pop(f"{ACCOUNTS}/{NIGHTLY}"), GONE, "write generation: 2", id="missing"
        ),
        pytest.param(being_deleted, GONE, "", id="being deleted"),
        pytest.param(
            lambda world: account(world, labels={"app": "other"}),
            "lacks the label app=ambient-access-key, which the platform gives to every key",
            "see who made it: kubectl get serviceaccount -n pay",
            id="another label",
        ),
        pytest.param(unbind, "has no role in the cluster", "kubectl get rolebindings -n pay", id="no binding"),
        pytest.param(
            lambda world: bind(world, subject="user:mallory"), "has no role in the cluster", "", id="another subject"
        ),
        pytest.param(
            lambda world: (unbind(world), bind(world, "admin")),
            "its role is admin in the cluster, and edit in the files",
            "write role: admin and deploy",
            id="another role",
        ),
    ],
)
def test_what_is_not_as_the_platform_makes_it_is_refused(world, change, problem, hint):
    change(world)
    (refusal,) = refused(world)
    assert refusal.startswith("workspace 'pay': key 'ci': ")
    assert problem in refusal
    assert hint in refusal


def test_an_overlap_with_an_account_that_is_gone(world):
    del world.api.objects[f"{ACCOUNTS}/{NIGHTLY}"]
    (refusal,) = refused(world, ledger(generation=2, overlapping=1))
    assert refusal.endswith("; remove overlapUntil from its entry: there is nothing to keep")


def test_a_workspace_that_is_made_in_this_run_has_no_key_to_adopt(world):
    del world.api.objects["/api/v1/namespaces/pay"]
    for more in ({}, {"generation": 2, "overlapping": 1}):
        (refusal,) = refused(world, ledger(**more), before={})
        assert GONE in refusal
