"""The facts of a plan where a program has several ledgers, loses one, or makes things that no ledger records."""

from datetime import UTC, datetime

from ambient_components.engine.steps import Preview
from ambient_components.plan import facts
from ambient_components.plan.facts import WorkspaceChange
from ambient_components.plan.ledger_steps import ledger_after
from tests.support.ledgers import from_preview, ledger, recorded_of
from tests.support.plans import beside, entry, key, ledger_step, step

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMESPACE = "kubernetes:core/v1:Namespace"
ROLE_BINDING = "ambient:index:RoleBinding"


def online(document, before):
    return from_preview(Preview.of(document), before, stack="prod", at=AT, recorded=recorded_of(before))


def test_a_ledger_that_leaves_with_all_it_recorded_is_loud_and_its_access_lost():
    before = {name: entry(grants={"user:a": "admin"}) for name in ("lab", "pay")}
    steps = [ledger_step(before, None), *(step("delete", NAMESPACE, f"{name}/namespace") for name in before)]
    plan = online({"steps": steps}, before)
    assert plan.unevaluated == (
        "no AccessLedger any more: no guardrail evaluates this run, and nothing is recorded of who has access",
    )
    assert [(assignment.workspace, assignment.subject) for assignment in plan.access.lost] == [
        ("lab", "user:a"),
        ("pay", "user:a"),
    ]
    assert plan.workspaces == (WorkspaceChange("lab", facts.REMOVED), WorkspaceChange("pay", facts.REMOVED))
    assert ledger_after(Preview.of({"steps": steps}).steps, ledger(before)) == {}


def test_a_ledger_that_leaves_alone_is_loud_and_only_what_is_deleted_lost():
    grants = {"user:a": "edit", "user:b": "view"}
    before = {"pay": entry(owners=["user:o"], grants=grants, keys={"ci": key(), "old": key()})}
    plan = online({"steps": [ledger_step(before, None)]}, before)
    assert (len(plan.unevaluated), plan.access.lost, plan.workspaces) == (1, (), ())
    gone = [step("delete", ROLE_BINDING, f"pay/{name}") for name in ("grant/user:a", "owner/user:o", "key/old/g1")]
    lost = online({"steps": [ledger_step(before, None), *gone]}, before).access.lost
    assert [one.subject for one in lost] == ["key:old", "user:a", "user:o"]


def test_of_several_ledgers_each_says_its_own():
    pay, lab, ops = ({name: entry(grants={"user:a": "view"})} for name in ("pay", "lab", "ops"))
    before = pay | lab | ops
    more = {"lab": entry(grants={"user:a": "admin"})}
    moved = [ledger_step(pay, {}, name="one"), ledger_step(lab, more | pay, name="two")]
    assert ledger_after(Preview.of({"steps": moved}).steps, ledger(before)) == ledger(more | pay | ops)
    left = online({"steps": [ledger_step(pay, None, name="one"), step("delete", NAMESPACE, "pay/namespace")]}, before)
    assert [assignment.workspace for assignment in left.access.lost] == ["pay"]
    assert left.unevaluated == (
        "AccessLedger one leaves the program: no guardrail evaluates what becomes of what it recorded",
    )
    # A refresh looks at a ledger, and says nothing of what is asked for.
    seen = {"op": "refresh", "urn": moved[0]["urn"], "newState": {"inputs": {"workspaces": pay}}}
    assert ledger_after(Preview.of({"steps": [seen, *moved]}).steps, ledger(before)) == ledger(more | pay | ops)
    assert online({"steps": [ledger_step(pay, None, name="one"), seen]}, before).unevaluated == left.unevaluated


def test_what_the_program_makes_beside_the_workspaces_is_told_rights_first():
    rights = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
    steps = [
        beside("create", "kubernetes:core/v1:ConfigMap", "a"),
        beside("create", f"my:index:Thing${rights}", "root"),
        beside("update", "pulumi:providers:kubernetes", "cluster"),
        beside("same", rights, "old"),
        beside("create", f"my:index:Team$ambient:index:Workspace${ROLE_BINDING}", "pay/grant/x"),
        step("create", ROLE_BINDING, "pay/grant/y"),
        ledger_step({}, {"pay": entry(keys={"ci": key()})}),
    ]
    plan = online({"steps": steps}, {})
    assert [(one.op, one.name, one.rights) for one in plan.beside] == [
        ("create", "root", True),
        ("create", "a", False),
    ]
