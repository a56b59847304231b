"""What others changed, from a preview with a refresh: objects by name, and access that the repair gives or ends."""

import json
from dataclasses import replace

import pytest

from ambient_components.engine.steps import Preview
from ambient_components.errors import Acknowledged, refusal
from ambient_components.plan.facts import CHANGED, DELETED, Change, Drift, Step
from ambient_components.plan.headline import headline
from ambient_components.plan.making import covered_warnings
from ambient_components.plan.page import as_text
from ambient_components.rules.warnings import ADMIN, Acknowledgements, WarningRule
from ambient_components.stacks.deployed import Deployed, DeployedAccess, DeployedWorkspace
from tests.support.plan_facts import AT, online
from tests.support.plans import entry, key, step

BINDING = "ambient:index:RoleBinding"
QUOTA = "kubernetes:core/v1:ResourceQuota"
SECRET = "ambient:index:WorkspaceSecret"
PAY = {"inputs": {"metadata": {"name": "pay"}}}
LEDGER = {"pay": entry(owners=["user:o"], grants={"user:bob": "view"})}


def binding(*names, role="view"):
    subjects = [{"kind": "User", "name": name} for name in names]
    return {
        "metadata": {"name": "b"},
        "roleRef": {"kind": "ClusterRole", "name": f"ambient-project-{role}"},
        "subjects": subjects,
    }


def drifted(kind, name, was, now, paths=()):
    """The two steps of an object: what the last run recorded, and what the cluster has, with its repair."""
    recorded, there = (
        {"inputs": inputs, "modified": f"2026-11-25T12:0{minute}:00Z"} for minute, inputs in enumerate((was, now))
    )
    repair = {"newState": there | {"inputs": was}} | ({} if now is None else {"oldState": there})
    differing = {path: {"kind": "update"} for path in paths}
    op = "create" if now is None else "update"
    return [
        step("refresh", kind, name, oldState=recorded, newState=recorded),
        step(op, kind, name, detailedDiff=differing, **repair),
    ]


def plan_of(*steps):
    return online({"steps": [*steps]}, LEDGER)


def roles(plan):
    return [(role.subject, role.role) for role in plan.access.gained], [
        (role.subject, role.role) for role in plan.access.lost
    ]


def test_declared_values_are_on_the_page_and_no_drift():
    sides = [{"inputs": {"metadata": {"name": "q"}, "spec": {"hard": {"pods": pods}}}} for pods in ("60", "70")]
    secret = [{"inputs": {"stringData": {"A": value}}} for value in ("one", "two")]
    changed = plan_of(
        step("update", QUOTA, "pay/quota", oldState=sides[0], newState=sides[1]),
        step("update", SECRET, "pay/runner-secret", oldState=secret[0], newState=secret[1]),
    )
    assert changed.other == ("pay: ResourceQuota spec.hard.pods: 60 -> 70",)
    assert changed.drift == ()
    assert "pay: ResourceQuota spec.hard.pods: 60 -> 70" in as_text(changed)
    again = plan_of(*drifted(QUOTA, "pay/quota", sides[0]["inputs"], sides[1]["inputs"], ["spec.hard.pods"]))
    assert again.other == ()


def test_a_changed_field_has_both_values_and_a_file_that_changed_is_no_drift():
    quota = [{"metadata": {"name": "q"}, "spec": {"hard": {"pods": pods, "cpu": "4"}}} for pods in ("20", "999")]
    plan = plan_of(*drifted(QUOTA, "pay/quota", *quota, paths=["spec.hard.pods"]))
    assert plan.drift == (Drift("pay", "ResourceQuota q", CHANGED, ("spec.hard.pods 20 -> 999",)),)
    assert "1 object changed in the cluster" in as_text(plan)
    assert roles(plan) == ([], [])
    # The refresh wrote nothing: only the files differ.
    refresh, update = drifted(QUOTA, "pay/quota", *quota, paths=["spec.hard.pods"])
    update["newState"]["modified"] = refresh["newState"]["modified"]
    assert plan_of(refresh, update).drift == ()
    # The run restores a field, and not all that begin alike; without the engine's word none.
    longer = [{"spec": {"hard": {"pods": "20", "podsX": side}}} for side in ("1", "2")]
    for paths, fields in (["spec.hard.pods"], ["spec.hard.pods"]), (["spec"], ["spec.hard.podsX 1 -> 2"]), ([], []):
        assert [[*change.fields] for change in plan_of(*drifted(QUOTA, "pay/quota", *longer, paths)).drift] == [fields]
    # And without a refresh nothing is known.
    assert plan_of(update).drift == ()


@pytest.mark.parametrize(
    ("now", "fields", "access"),
    [
        (None, (), ([("user:bob", "view")], [])),
        (
            binding("bob", "eve"),
            ("subjects user:bob -> user:bob, user:eve",),
            ([], [("user:eve", "view")]),
        ),
        (
            binding("bob", role="admin"),
            ("roleRef.name ambient-project-view -> ambient-project-admin",),
            ([("user:bob", "view")], [("user:bob", "admin")]),
        ),
    ],
)
def test_access_that_the_repair_gives_or_ends(now, fields, access):
    plan = plan_of(*drifted(BINDING, "pay/grant/user:bob", binding("bob"), now, paths=["subjects[1]", "roleRef.name"]))
    (drift,) = plan.drift
    assert (drift.what, drift.fields) == (DELETED if now is None else CHANGED, fields)
    assert roles(plan) == access
    assert f"{drift.what} in the cluster\n" in as_text(plan)


@pytest.mark.parametrize("now", [None, binding("account", role="view")])
def test_a_key_keeps_the_access_of_its_other_generation(now):
    ledger = {"pay": entry(keys={"ci": key(generation=2, overlapping=1)})}
    both = [drifted(BINDING, f"pay/key/ci/g{number}", binding("account", role="edit"), now) for number in (1, 2)]
    kept = online({"steps": both[0]}, ledger)
    assert len(kept.drift) == 1
    assert roles(kept)[0] == []
    assert roles(online({"steps": both[0] + both[1]}, ledger))[0] == [("key:ci", "edit")]


def test_values_of_secrets_are_not_shown():
    data = [{"metadata": {"name": "s"}, "data": {"A": value}} for value in ("sk-ant-old", "sk-ant-new")]
    plan = plan_of(*drifted(SECRET, "pay/secret/runner", *data, paths=["data.A"]))
    assert [drift.fields for drift in plan.drift] == [("data.A",)]
    masked = [{"spec": {"a": "[secret]", "b": {"c": [1]}}}, {"spec": {"a": "found", "b": {"c": [2]}}}]
    plan = plan_of(*drifted(QUOTA, "pay/quota", *masked, paths=["spec.a", "spec.b.c[0]"]))
    assert [drift.fields for drift in plan.drift] == [("spec.a", "spec.b.c")]
    assert "sk-ant" not in json.dumps(as_text(plan))


def test_a_deleted_namespace_stands_for_everything_in_it():
    plan = plan_of(
        *drifted("kubernetes:core/v1:Namespace", "pay/namespace", {}, None),
        *drifted(BINDING, "pay/grant/user:bob", binding("bob"), None),
        *drifted(BINDING, "pay/owner/user:o", binding("o", role="admin"), None),
    )
    assert plan.drift == (Drift("pay", "Namespace", DELETED, ("with everything in it",), ("user:bob", "user:o")),)
    assert "1 admin gained · 1 view gained · 0 lowered · 0 removed · 1 object deleted in the cluster" in as_text(plan)


def warning(rule, *rows):
    return replace(refusal("pay has it", rule=rule, workspaces=("pay",)), data=rows)


def test_a_warning_is_covered_by_what_the_run_makes_and_ends_and_by_nothing_else():
    made = step("create", "kubernetes:core/v1:Namespace", "pay/namespace", newState=PAY)
    left = DeployedWorkspace("pay", "active", (DeployedAccess("user:bob", None, ("view",)),), ())
    gone = warning(WarningRule.NAMESPACE_GONE, ("Namespace", "pay"))
    ended = warning(WarningRule.UNDECLARED_ACCESS, ("view of user:bob",))
    others = warning(WarningRule.NAMESPACE_GONE), warning(WarningRule.UNDECLARED_ACCESS, ("edit of user:bob",))
    steps, plan = Preview.of({"steps": [made]}).steps, replace(plan_of(), warnings=(gone, ended, *others))
    assert [*covered_warnings(plan, steps, Deployed("", AT, (left,)))] == [gone, ended]


def test_a_headline_begins_with_what_only_a_refresh_restores():
    plan = replace(plan_of(), warnings=(warning(WarningRule.NAMESPACE_GONE), warning(WarningRule.CHANGED_ACCESS)))
    here = replace(plan, refreshed=False)
    drift = "1 namespace deleted in the cluster · 1 workspace with changed access in the cluster"
    assert headline(here) == f"{drift} · no other changes without --refresh"
    assert not plan.changes
    assert headline(plan) == "No changes"  # after a refresh it has steps of its own
    # Whatever else is pending, and refused.
    also = replace(here, steps=(Step("update", QUOTA, "lab/quota"),), guardrail_changes=(Change("lab", "x", CHANGED),))
    left = " · ".join(f"{part} (restored only with --refresh)" for part in drift.split(" · "))
    assert headline(also) == headline(also, done=True) == f"{left} · access unchanged · 1 guardrail changed"
    refused = as_text(replace(also, guardrails=(refusal("no"),)))
    assert "  requested changes: access unchanged · 1 guardrail changed\n" in refused
    assert f"  in the cluster: {left}\n" in refused


def test_a_headline_has_access_that_no_file_declares_but_for_what_is_known():
    rows = ("admin of user:eve (RoleBinding quick)", ADMIN), ("edit of user:bob",), ("view of group:audit",)
    known = Acknowledgements({"pay": {"undeclaredAccess: edit of user:bob": Acknowledged("agreed", "2026-11-01")}})
    plan = replace(plan_of(), warnings=tuple(known.marked([warning(WarningRule.UNDECLARED_ACCESS, *rows)])))
    assert headline(plan) == "2 undeclared grants or keys in the cluster (1 admin) · no changes"
    page = as_text(plan, lambda text, look: f"<{look}>{text}")
    assert "\n<loud>Admin that no file declares (1)\n  <bold>!  pay has it [undeclaredAccess]" in page
    assert "Warnings" not in page
    # Nobody can acknowledge an admin, and one whom all know of is in no headline.
    name = f"undeclaredAccess: {rows[0][0]}"
    assert Acknowledgements({"*": {name: Acknowledged("", "")}}).of(replace(plan.warnings[0], data=rows[:1])) is None
    quiet = replace(plan, warnings=tuple(known.marked([warning(WarningRule.UNDECLARED_ACCESS, rows[1])])))
    assert headline(quiet) == "No changes"


def test_a_run_that_has_ended_has_no_changes_pending():
    plan = replace(plan_of(), steps=(Step("update", QUOTA, "pay/quota"),))
    assert headline(plan) == "Changes pending, none in access, keys or buckets"
    assert headline(plan, done=True) == "Access, keys and buckets unchanged"
