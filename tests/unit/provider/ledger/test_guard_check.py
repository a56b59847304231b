"""What the ledger's check says of the guard: missing, changed, or not for this deployer."""

import pytest

from ambient_components._version import VERSION
from ambient_components.guard.manifest import GuardOptions, objects
from ambient_components.platform.contract import GUARD_LABEL
from ambient_components.problem_json import AS_JSON, VARIABLE, decode
from ambient_components.rules.guard import GuardMode
from tests.support.access_ledger import MINE, entry, ledger, reasons

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
COLLECTIONS = {
    "ValidatingAdmissionPolicy": f"{ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{ADMISSION}/validatingadmissionpolicybindings",
}
UNGUARDED = ledger(pay=entry(owners=()), free=entry(owners=()))
GUARDED = ledger(pay=entry(owners=()) | {"guard": {"mode": "audit"}}, free=entry(owners=()))


@pytest.fixture(autouse=True)
def deployed(world, monkeypatch):
    monkeypatch.setenv(VARIABLE, AS_JSON)
    for name in ("pay", "free"):
        world.api.add("/api/v1/namespaces", name, annotations=MINE)


def install(world, floor=None):
    for item in objects(GuardOptions(floor=floor)):
        if collection := COLLECTIONS.get(item["kind"]):
            metadata = item["metadata"]
            notes = {"labels": metadata["labels"], "annotations": metadata["annotations"]}
            world.api.add(collection, metadata["name"], **notes, spec=item["spec"])


def warned(world, news=GUARDED):
    assert reasons(world, news, news) == []
    assert world.writes() == []
    problems = [problem for text in world.engine.texts("warning") for problem in decode(text)]
    return [(one.rule, one.problem, one.workspaces) for one in problems if (one.rule or "").startswith("guard")]


@pytest.mark.parametrize("floor", [None, *GuardMode])
def test_an_installed_guard_is_no_news(world, floor):
    install(world, floor)
    assert warned(world) == []


def test_a_binding_of_a_floor_that_went_is_named(world):
    install(world, GuardMode.WARN)
    del world.api.objects[f"{COLLECTIONS['ValidatingAdmissionPolicyBinding']}/ambient-guard-roles-floor"]
    ((rule, problem, _),) = warned(world)
    assert rule == "guardChanged"
    assert "(gone: ambient-guard-roles-floor)" in problem


def test_a_guard_that_is_not_there_is_a_warning(world):
    problem = "the cluster has no guard: none of the rules that the file names applies in pay"
    assert warned(world) == [("guardMissing", problem, ("pay",))]


def test_a_changed_guard_is_named_by_its_objects(world):
    install(world)
    world.api.change(f"{COLLECTIONS['ValidatingAdmissionPolicy']}/ambient-guard-tokens", {"spec": {"validations": []}})
    del world.api.objects[f"{COLLECTIONS['ValidatingAdmissionPolicyBinding']}/ambient-guard-roles-deny"]
    ((rule, problem, _),) = warned(world)
    assert rule == "guardChanged"
    assert "(gone: ambient-guard-roles-deny; changed: ambient-guard-tokens)" in problem


def test_a_guard_of_another_version_is_named_by_it(world):
    install(world)
    there = f"{COLLECTIONS['ValidatingAdmissionPolicy']}/ambient-guard-tokens"
    world.api.change(there, {"metadata": {"labels": {GUARD_LABEL: "0.0.1"}}})
    ((rule, problem, _),) = warned(world)
    assert rule == "guardChanged"
    assert f"is not that of this version (not of version {VERSION}: 0.0.1): its rules may not apply" in problem


def test_a_deployer_that_the_guard_does_not_exempt_is_refused_before_anything_is_changed(world):
    install(world)
    world.api.denied.add(("bypass", "workspaces", ""))
    (reason,) = reasons(world, GUARDED, GUARDED)
    assert "the cluster's guard does not exempt the deployer, and would refuse the steps of this run" in reason
    assert "ambient guard --deployer SUBJECT | kubectl apply -f -" in reason
    assert world.writes() == []


def asked(world):
    return [request.path for request in world.api.log if request.path.startswith(ADMISSION)]


def test_without_the_field_one_request_looks_for_the_guard(world):
    world.api.denied.add(("bypass", "workspaces", ""))
    assert reasons(world, UNGUARDED, UNGUARDED) == []
    assert asked(world) == [f"{COLLECTIONS['ValidatingAdmissionPolicy']}/ambient-guard-workspaces"]


@pytest.mark.parametrize("before", [UNGUARDED, GUARDED], ids=["never", "until this run"])
def test_without_the_field_a_deployer_that_is_not_exempt_is_refused_too(world, before):
    install(world)
    assert reasons(world, UNGUARDED, before) == []
    world.api.denied.add(("bypass", "workspaces", ""))
    (reason,) = reasons(world, UNGUARDED, before)
    assert "the cluster's guard does not exempt the deployer" in reason
    assert world.writes() == []


@pytest.mark.parametrize(
    ("status", "said", "refused"),
    [
        (403, "ValidatingAdmissionPolicy 'ambient-guard-workspaces' denied request: guard workspaces: no.", True),
        (403, "exceeded quota", False),
        (409, "already exists", False),
    ],
)
def test_who_may_not_see_the_guard_learns_of_it_by_a_dry_run(world, status, said, refused):
    world.api.fail("GET", "/ambient-guard-workspaces", 403, "cannot get resource")
    world.api.fail("POST", "/namespaces$", status, said)
    refusals = reasons(world, UNGUARDED, UNGUARDED)
    assert ["does not exempt the deployer" in reason for reason in refusals] == [True] * refused
    (probe,) = world.api.seen("POST", "/namespaces$")
    assert probe.query == {"dryRun": "All"}
