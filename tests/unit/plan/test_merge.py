"""Plans of shards as one plan of a fleet, and plans of several stacks as one page."""

from dataclasses import fields, replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ambient_components.engine.steps import Preview
from ambient_components.errors import Problem, Where, refusal
from ambient_components.plan.facts import Plan, Shards, Step, Waiting
from ambient_components.plan.headline import verdict
from ambient_components.plan.merge import OF_WORKSPACES, PROBLEMS, STEPS, TEXTS, merge, together
from ambient_components.problem_json import MISSING_VALUE
from tests.support.ledgers import from_ledgers, from_preview, recorded_of, stack_guardrail_changes
from tests.support.plans import LEDGERS, RULES, entry, key, preview

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOMES = st.fixed_dictionaries({name: st.integers(0, 2) for name in ("pay", "lab", "ops", "web")})
WARNINGS = st.lists(st.sampled_from([refusal("a"), refusal("b")]), max_size=2)

MANY = refusal("too many", rule="massRemoval")
MOVED = refusal("is elsewhere", rule="otherShard", workspaces=("pay",))
OF_FILES, W, X = map(refusal, ("of the files", "w", "x"))


def part(ledger, homes, shard):
    return {name: one for name, one in ledger.items() if homes[name] == shard}


def plan(name="prod-00", **parts):
    return Plan(name, AT, True, **parts)


def test_every_fact_is_merged():
    merged = {part.partition(".")[0] for part in (*OF_WORKSPACES, *TEXTS, *PROBLEMS, *STEPS, "unknown")}
    others = {"stack", "at", "online", "refreshed", "state_at", "shards", "in_part", "replay"}
    assert merged == {field.name for field in fields(Plan)} - others


@given(LEDGERS, LEDGERS, HOMES, RULES, RULES, WARNINGS)
def test_the_plans_of_all_shards_are_the_plan_of_the_whole(before, after, homes, was, now, warnings):
    more = {
        "guardrail_changes": stack_guardrail_changes(was, now),
        "warnings": warnings,
        "at": AT,
    }
    whole = replace(from_ledgers(before, after, stack="prod", **more), unknown=("z", "y"))
    parts = [
        from_ledgers(part(before, homes, shard), part(after, homes, shard), stack=f"prod-{shard:02d}", **more)
        for shard in range(3)
    ]
    parts = [replace(plan, unknown=("z", "y")) for plan in parts]
    merged = merge("prod", AT, parts, online=False)
    assert replace(merged, shards=None) == whole
    assert merged.shards == Shards(("prod-00", "prod-01", "prod-02"))
    assert merged.changes == whole.changes


@given(LEDGERS, LEDGERS, HOMES)
def test_so_are_the_engines_previews(before, after, homes):
    def requested(old, new, stack):
        return from_preview(
            Preview.of(preview(old, new)), old, stack=stack, at=AT, recorded=recorded_of(old)
        )  # fmt: skip

    whole = requested(before, after, "prod")
    parts = [
        requested(part(before, homes, shard), part(after, homes, shard), f"prod-{shard:02d}") for shard in range(3)
    ]
    merged = merge("prod", AT, parts, online=True)

    def without_ledgers(one):
        # Each shard has a ledger of its own.
        return replace(one, shards=None, steps=tuple(step for step in one.steps if step.name != "access"))

    assert without_ledgers(merged) == without_ledgers(whole)
    assert merged.changes == whole.changes


def test_what_all_shards_say_is_said_once_and_what_one_says_is_said_with_its_name():
    killed = Waiting("", "a run was killed")
    parts = [
        plan(warnings=(W,), guardrails=(MANY,), pending=(killed,), unevaluated=("gone",)),
        plan("prod-01", warnings=(W, X), guardrails=(MANY,), errors=(refusal("no cluster"),)),
    ]
    merged = merge(
        "prod", AT, parts, online=True, skipped=["prod-02"], failed={"prod-03": [refusal("locked")]},
        guardrails=[MOVED], warnings=[W, OF_FILES],
    )  # fmt: skip
    assert merged.warnings == (OF_FILES, W, X)
    assert merged.guardrails == (MANY, MOVED)
    assert merged.pending == (Waiting("", "prod-00: a run was killed"),)
    assert merged.unevaluated == ("prod-00: gone",)
    assert tuple(map(str, merged.errors)) == ("prod-01: no cluster", "prod-03: locked")
    assert merged.shards == Shards(("prod-00",), ("prod-02",), ("prod-01", "prod-03"))


def test_a_shard_that_failed_hides_nothing_of_the_others():
    step = Step("create", "kubernetes:core/v1:Namespace", "pay/namespace")
    parts = [plan(steps=(step,)), plan("prod-01", errors=(refusal("no cluster"),))]
    merged = merge("prod", AT, parts, online=True, skipped=["prod-02"])
    assert verdict(merged) == "1 of 3 shards could not be evaluated, and in the others changes are pending."
    assert merged.steps == (step,)
    quiet = merge("prod", AT, [plan()], online=True, failed={"prod-01": [refusal("x")]})
    assert verdict(quiet) == "1 of 2 shards could not be evaluated, and in the others there are no changes."
    none = merge("prod", AT, [], online=True, failed={"prod-00": [refusal("x")], "prod-01": [refusal("y")]})
    assert verdict(none) == "2 of 2 shards could not be evaluated."


def test_the_same_workspace_in_two_clusters_is_two_things():
    was, now = {"pay": entry()}, {"pay": entry(grants={"group:devs": "edit"}, keys={"ci": key()}, limits=["quota"])}
    plans = [
        from_ledgers(
            was,
            now,
            stack=stack,
            at=AT,
            warnings=[W],
            guardrails=[refusal("an admin key", rule="adminKey", workspaces=("pay",))],
        )
        for stack in ("prod-eu", "prod-us")
    ]
    whole = together("world", AT, plans)
    assert [assignment.workspace for assignment in whole.access.gained if assignment.subject == "group:devs"] == [
        "prod-eu/pay",
        "prod-us/pay",
    ]
    assert [one.workspace for one in whole.keys] == ["prod-eu/pay", "prod-us/pay"]
    assert whole.other == ("prod-eu/pay: limits: +quota", "prod-us/pay: limits: +quota")
    assert tuple(map(str, whole.warnings)) == ("prod-eu: w", "prod-us: w")
    assert [(guardrail.workspaces, str(guardrail)) for guardrail in whole.guardrails] == [
        (("prod-eu/pay",), "prod-eu: an admin key"),
        (("prod-us/pay",), "prod-us: an admin key"),
    ]
    assert whole.shards is None


def test_fleets_and_plain_stacks_count_together():
    fleet = merge(
        "prod-eu", AT, [plan("prod-eu-00")], online=True, skipped=["prod-eu-01"], failed={"prod-eu-02": [refusal("x")]}
    )
    whole = together("world", AT, [fleet, plan("prod-us"), plan("prod-ap", errors=(refusal("no cluster"),))])
    assert whole.shards == Shards(("prod-eu-00", "prod-us"), ("prod-eu-01",), ("prod-ap", "prod-eu-02"))
    assert tuple(map(str, whole.errors)) == ("prod-ap: no cluster", "prod-eu: prod-eu-02: x")
    assert whole.online


def test_a_secret_without_a_value_fails_the_run_of_an_evaluated_shard():
    missing = Problem(Where("stacks/prod.yaml", 3, 5), "workspaces.a", "not set", (), MISSING_VALUE, ("a",))
    parts = [Plan("prod-00", AT, online=True, errors=(missing,)), Plan("prod-01", AT, online=True)]
    whole = merge("prod", AT, parts, online=True)
    assert whole.shards == Shards(evaluated=("prod-00", "prod-01"))
    assert verdict(whole) == "`ambient up` would fail: 1 error."
    assert [error.path for error in whole.errors] == ["prod-00: workspaces.a"]


def test_a_verdict_names_the_workspaces_that_alone_are_refused():
    def said(*problems, **more):
        return verdict(replace(merge("prod", AT, [], online=True), guardrails=problems, **more))

    no, rest = refusal("no", workspaces=("pay",)), "the rest would be deployed"
    assert said(no, in_part=True) == f"Refused: pay stays unchanged, and {rest} (1 to settle first)."
    both = said(no, refusal("x", workspaces=("lab", "pay")), in_part=True)
    assert both == f"Refused: lab, pay stay unchanged, and {rest} (2 to settle first)."
    missing = refusal("not set", rule=MISSING_VALUE, workspaces=("ops",))
    found = said(no, errors=(missing,), in_part=True)
    assert found == f"Refused: ops, pay stay unchanged, and {rest} (2 to settle first)."
    # Not if one is about the fleet, or was found only over all of it.
    assert said(no, MANY, in_part=True) == "Refused: nothing would be changed (2 to settle first)."
    assert said(no) == "Refused: nothing would be changed (1 to settle first)."
    failed = Shards(("prod-00",), (), ("prod-01",))
    found = said(no, in_part=True, shards=failed, steps=(Step("create", "t", "lab"),))
    assert (
        found
        == "Refused: pay stays unchanged. 1 of 2 shards could not be evaluated, and in the others changes are pending."
    )
    # Of several stacks, each name has its stack; a single stack's other refusals stop it as before.
    fleet = replace(merge("prod", AT, [], online=True), guardrails=(no,), in_part=True)
    assert together("all", AT, [fleet, plan("eu")]).refused_alone == ("prod/pay",)
    assert together("all", AT, [fleet, plan("eu", guardrails=(MANY,))]).refused_alone == ()
    assert together("all", AT, [replace(fleet, in_part=False), plan("eu")]).refused_alone == ()
