"""`ambient:index:AccessLedger` over real gRPC, with a real HTTP server for a cluster: what its check refuses."""

import pytest

from ambient_components.access.deployer import ALL_FEATURES, BESIDE_RUNS, Feature, rights_for
from ambient_components.errors import refusal
from tests.support.access_ledger import MINE, OWNER, entry, ledger, ledger_with_everything, reasons
from tests.support.fake_plugin import UNKNOWN, output, secret

OF_RUNS = rights_for(ALL_FEATURES - BESIDE_RUNS)
"""Rights that some run needs: those of `ambient adopt` are no run's."""


def asked(world):
    """The rights that the cluster was asked for, each once."""
    requested = world.api.reviewed()
    assert len(requested) == len(set(requested))
    return set(requested)


def places(rights):
    return {(right.group, right.resource, right.verb, right.name) for right in rights}


def test_every_right_is_asked_for_and_nothing_is_changed(world):
    assert reasons(world, ledger_with_everything()) == []
    assert asked(world) == places(OF_RUNS)
    assert world.writes() == []


def test_no_right_is_asked_for_that_the_run_does_not_need(world):
    assert reasons(world, ledger(pay=entry(grants={"group:devs": "edit"}))) == []
    assert asked(world) == places(rights_for(()))


def test_rights_are_asked_for_what_the_run_removes(world):
    key = {"ci": {"role": "edit", "generation": 1}}
    assert reasons(world, ledger(pay=entry()), ledger(pay=entry(keys=key))) == []
    assert asked(world) == places(rights_for({Feature.KEYS}))


def test_a_shard_needs_the_rights_for_its_run_record(world):
    assert reasons(world, ledger(pay=entry()) | {"record": "ambient-code/record-00"}) == []
    assert asked(world) >= places(rights_for({Feature.CONFIG_MAPS}))


def test_a_vanished_workspace_is_refused_whatever_else_is_wrong(world):
    world.api.denied.add(("watch", "namespaces", ""))
    vanished, right = reasons(world, ledger(), ledger(pay=entry()))
    assert "workspace 'pay' is gone from the files, but it was not closed" in vanished
    assert "no right to watch namespaces" in right


@pytest.mark.parametrize("right", OF_RUNS, ids=str)
def test_a_missing_right_is_named_with_its_use_and_the_remedy(world, right):
    world.api.denied.add((right.verb, right.resource, right.name))
    (reason,) = reasons(world, ledger_with_everything())
    assert f"the deployer has no right to {right}, needed for {right.why}; as a cluster admin: ambient rbac" in reason


def test_a_new_ledger_declares_all_that_the_stack_has(world):
    """14: its state was lost, or another ledger was deployed: what is not in it would leave without a question."""
    gone = world.api.add("/api/v1/namespaces", "gone", annotations=MINE)
    gone["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    world.api.add("/api/v1/namespaces", "lost", annotations=MINE)
    (reason,) = reasons(world, ledger(pay=entry()))
    assert "namespace 'lost' belongs to this stack, but is not in its new ledger" in reason
    assert reasons(world, ledger(pay=entry(), lost=entry())) == []
    # A deletion that failed is tried again, and blocks nothing until then.
    assert reasons(world, ledger(pay=entry()), ledger(pay=entry())) == []


@pytest.mark.parametrize(
    "place", ["ambient:index:AccessLedger::access2", "my:index:Team$ambient:index:AccessLedger::access"]
)
def test_a_ledger_under_another_name_is_refused(world, place):
    """14: its last deployment would not be compared."""
    answer = world.plugin.check(ledger(), urn=f"urn:pulumi:dev::app::{place}")
    (failure,) = answer.failures
    assert "a stack has one ledger, which is named 'access' and has no parent" in failure.reason


def test_what_a_shell_has_left_over_is_told_in_every_run(world, monkeypatch):
    """14: a moved clock issues and revokes, and Pulumi's log holds secrets."""
    assert reasons(world, ledger()) == []
    assert world.engine.texts("warning") == []
    world.later(86_400)
    monkeypatch.setenv("PULUMI_DEBUG_GRPC", "log.json")
    assert reasons(world, ledger()) == []
    moved, logged = world.engine.texts("warning")
    assert moved.startswith("AMBIENT_CLOCK_OFFSET is set to '86400s': the clock is moved by that")
    assert logged.startswith("PULUMI_DEBUG_GRPC is set: Pulumi writes every secret of this run in plain text")


def test_what_the_cluster_says_is_one_line_and_no_command(world):
    """13: in a message, in a refusal, in an error of the cluster."""
    evil = "\x1b]0;x\x07\n::error::\u202e"
    world.api.add("/api/v1/namespaces", "pay", annotations={"ambient-components/owner": f"o/{evil}"})
    (reason,) = reasons(world, ledger(pay=entry()))
    assert r"o/\x1b]0;x\x07\n::error::\u202e" in reason
    world.api.fail("GET", "/namespaces", 403, f"no{evil}")
    (reason,) = reasons(world, ledger(pay=entry()))
    assert reason.isprintable()
    world.plugin.servicer._engine.warning("urn", refusal(evil))
    assert world.engine.texts("warning")[-1].isprintable()


def test_a_namespace_on_a_later_page_is_found_too(world):
    world.api.page = 1
    world.api.add("/api/v1/namespaces", "zoo")
    assert len(reasons(world, ledger(zoo=entry()))) == 1


def test_another_cluster_is_refused_by_both_uids(world):
    world.plugin.configure(kubeconfig=world.api.kubeconfig(), clusterUid="another")
    (reason,) = reasons(world, ledger())
    assert "uid-of-the-cluster" in reason
    assert "another" in reason
    assert world.api.seen("POST") == []


def test_a_cluster_that_does_not_answer_is_a_reason_and_no_crash(world):
    world.plugin.configure(kubeconfig=world.api.kubeconfig().replace(world.api.url, "http://127.0.0.1:1"))
    vanished, reason = reasons(world, ledger(), ledger(pay=entry()))
    assert "'pay'" in vanished
    assert "does not answer" in reason


@pytest.mark.parametrize("unknown", [UNKNOWN, secret(UNKNOWN), output()])
def test_access_that_is_not_known_yet_is_refused(world, unknown):
    news = ledger(pay=entry(grants={"user:a": unknown}))
    assert reasons(world, news) == ["its inputs must be known before the update; give names and roles as plain text"]
    assert reasons(world, ledger(pay=entry(owners=[unknown])))
    assert world.api.log == []


def test_workspaces_of_a_wrong_shape_are_refused_as_text(world):
    assert reasons(world, {"owner": OWNER, "workspaces": ["pay"]})
