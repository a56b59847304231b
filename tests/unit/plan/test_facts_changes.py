"""The facts of a plan out of ledgers and a state: buckets, secrets, guardrails, dates, and what is told by name."""

from datetime import timedelta

from ambient_components.plan import facts
from ambient_components.plan.facts import Change, SourceChange
from ambient_components.plan.role_changes import role_changes
from tests.support.ledgers import deployed_access_key, deployed_keys, stack_guardrail_changes
from tests.support.plan_facts import AT, online, plan
from tests.support.plans import entry, key, ledger_step


def test_buckets_and_their_access_keys():
    own = {"name": "b", "driver": "s3", "generation": 1}

    def buckets(before, after, state="active", recorded=None):
        ends = [{"pay": entry(state=state, **({"bucket": bucket} if bucket else {}))} for bucket in (before, after)]
        return [(change.what, change.why) for change in plan(*ends, recorded=recorded).buckets]

    assert buckets(None, own) == [(facts.MADE, ""), (facts.NEW_ACCESS_KEY, "the first one")]
    assert buckets(own, own | {"expireAfterDays": 30}) == [(facts.CHANGED, "expireAfterDays unset -> 30")]
    assert buckets(own, own | {"state": "released"}) == [(facts.RELEASED, "")]
    assert buckets(own, own | {"generation": 2}) == [
        (facts.CHANGED, "generation of its access keys 1 -> 2"),
        (facts.NEW_ACCESS_KEY, "of another bucket or generation"),
    ]
    lives = own | {"lifetimeSeconds": 7776000}
    assert buckets(lives, own | {"never": True}) == [(facts.CHANGED, "lifetime of its access keys 90d -> never")]
    # A workspace that is closed has none.
    closed = {part: own[part] for part in ("name", "driver")}
    assert buckets(lives, closed, state="closed") == [(facts.ACCESS_KEY_ENDED, "")]
    assert buckets(None, lives | {"onDelete": "delete", "force": True})[0] == (
        facts.MADE,
        "onDelete delete, force true, lifetime of its access keys 90d",
    )
    due = deployed_access_key("pay", next_action="rotate", next_at=AT)
    assert buckets(own, own, recorded=due) == [(facts.NEW_ACCESS_KEY, "it is due")]
    gone = plan({"pay": entry(state="closed", bucket={"name": "b", "driver": "s3", "onDelete": "delete"})}, {})
    assert gone.buckets == (Change("pay", "b", facts.DELETED, "onDelete: delete was deployed: if it is empty"),)


def test_schedules():
    def schedules(before, after, state="active"):
        ends = [{"pay": entry(state=state, schedules=schedules)} for schedules in (before, after)]
        return [(change.name, change.what, change.why) for change in plan(*ends).schedules]

    nightly = {"schedule": "0 9 * * *", "digest": "a"}
    assert schedules({}, {"s": nightly}) == [("s", facts.MADE, "0 9 * * *")]
    assert schedules({}, {"s": nightly | {"runAs": "bob", "suspend": True}}) == [
        ("s", facts.MADE, "0 9 * * *, runs as bob, suspended")
    ]
    ((_, what, why),) = schedules({}, {"s": nightly | {"cronJob": "schedule-1"}})
    assert (what, "runs as itself instead of" in why, "name" in why) == (facts.ADOPTED, True, True)
    assert "runs as bob instead of" in schedules({}, {"s": nightly | {"cronJob": "schedule-1", "runAs": "bob"}})[0][2]
    ((_, what, why),) = schedules({"s": nightly | {"cronJob": "schedule-1"}}, {"s": nightly})
    assert (what, why) == (facts.CHANGED, "CronJob schedule-1 -> of this project")
    assert schedules({"s": nightly}, {"s": nightly}) == schedules({"s": nightly}, {"s": nightly}, "closed") == []
    assert schedules({"s": nightly}, {}) == [("s", facts.REMOVED, "its sessions stay")]
    changed = {"schedule": "0 8 * * *", "digest": "b", "runAs": "bob", "suspend": False}
    assert schedules({"s": nightly}, {"s": changed}) == [
        (
            "s",
            facts.CHANGED,
            "schedule 0 9 * * * -> 0 8 * * *, suspend as set in the UI -> false, runs as itself -> bob, its sessions",
        )
    ]
    assert plan({"pay": entry(schedules={"s": nightly})}, {"pay": entry(schedules={})}).changes


def test_what_else_changes_is_told_by_name():
    planned = plan(
        {"pay": entry(settings=["idleTimeout"])},
        {"pay": entry(settings=["mcpServers"], exceptions=["adminKey"])},
    )
    assert planned.guardrail_changes == (Change("pay", "adminKey", facts.ALLOWED),)
    assert planned.other == ("pay: settings: +mcpServers, -idleTimeout",)
    assert planned.changes


def test_a_weaker_guard_is_a_change_of_the_guardrails_and_a_stronger_one_is_not():
    strong, weak = {"mode": "deny", "sharing": "none"}, {"mode": "warn", "off": ["ties"]}
    weakened = plan({"pay": entry(guard=strong)}, {"pay": entry(guard=weak)})
    assert weakened.guardrail_changes == (
        Change("pay", "guard mode", facts.CHANGED, "deny -> warn"),
        Change("pay", "guard rules off", facts.CHANGED, "removesKeys -> ties"),
        Change("pay", "guard sharing", facts.CHANGED, "none -> own"),
    )
    assert weakened.other == ()
    strengthened = plan({"pay": entry()}, {"pay": entry(guard=strong)})
    assert strengthened.guardrail_changes == ()
    assert strengthened.other == ("pay: guard mode: none -> deny", "pay: guard sharing: own -> none")
    assert plan({"pay": entry(guard=strong)}, {"pay": entry()}).guardrail_changes[0].why == "deny -> none"


def test_another_source_of_a_secret_is_told_and_no_value():
    before = {
        "pay": entry(
            secrets={"runner": {"A": "config pay/a", "B": "env B"}, "integrations": {"GONE": "file x", "SAME": "value"}}
        ),
        "removed": entry(secrets={"runner": {"A": "env A"}}),
    }
    after = {
        "pay": entry(
            secrets={
                "runner": {"A": "Secret vault/pay, key a", "B": "env B"},
                "integrations": {"NEW": "env NEW", "SAME": "value"},
                "storage": {"secretKey": "config s3"},
            }
        )
    }
    planned = plan(before, after)
    assert planned.sources == (
        SourceChange("pay", "integrations", "GONE", "file x", ""),
        SourceChange("pay", "integrations", "NEW", "", "env NEW"),
        SourceChange("pay", "runner", "A", "config pay/a", "Secret vault/pay, key a"),
        SourceChange("pay", "storage", "secretKey", "", "config s3"),
    )
    assert planned.other == ()
    assert plan({"pay": before["pay"]}, after).changes
    assert not plan(after, after).changes


def test_another_place_for_secrets_is_a_change_of_the_guardrails():
    old, new = {"secretSources": ["namespace vault", "folder /run/x"]}, {"secretSources": ["namespace vault", "n b"]}
    assert stack_guardrail_changes(old, new) == [
        Change("", "secretSources", facts.CHANGED, "+n b"),
        Change("", "secretSources", facts.CHANGED, "-folder /run/x"),
    ]
    assert stack_guardrail_changes({}, {"secretSources": ["a"]}) == [
        Change("", "secretSources", facts.CHANGED, "+a"),
    ]


def test_the_guardrails_of_the_stack_that_change_are_a_change():
    ledger = {"pay": entry()}
    changed = stack_guardrail_changes(
        {"exceptions": ["noAdmin"]}, {"exceptions": ["massRemoval"], "maxKeys": 1000.0, "groupsOnly": True}
    )
    assert changed == [
        Change("", "groupsOnly", facts.CHANGED, "no -> yes"),
        Change("", "massRemoval", facts.ALLOWED),
        Change("", "maxKeys", facts.CHANGED, "10 -> 1000"),
        Change("", "noAdmin", facts.DISALLOWED),
    ]
    assert plan(ledger, ledger, guardrail_changes=changed).changes
    assert stack_guardrail_changes({"maxKeys": 10.0, "groupsOnly": False, "exceptions": []}, {}) == []
    step_ = ledger_step(ledger, ledger, ({}, {"exceptions": ["massRemoval"]}))
    assert online({"steps": [step_]}, ledger).guardrail_changes == (Change("", "massRemoval", facts.ALLOWED),)


def test_what_comes_by_date_is_told_as_early_as_the_files_say():
    dates = {"group:x": [{"role": "edit", "until": "2027-01-31"}], "user:a": [{"role": "view", "from": "2026-12-01"}]}
    ledger = {"pay": entry(grants={"group:x": "edit"}, dates=dates, keys={"ci": key(), "b": key()})}
    ahead = {
        ("pay", "group:x", "edit", "2027-01-31"): timedelta(days=90),
        ("pay", "user:a", "view", "2026-12-01"): timedelta(days=2),
        ("pay", "ci"): timedelta(days=90),
    }
    recorded = deployed_keys("pay", "ci", "b", next_action="expire", next_at=AT + timedelta(days=60))
    assert [date.subject for date in plan(ledger, ledger).dates] == ["user:a"]
    for planned in (
        plan(ledger, ledger, ahead=ahead, recorded=recorded),
        online({"steps": []}, ledger, ahead=ahead, recorded=recorded),
    ):
        assert [(date.subject, date.what) for date in planned.dates] == [("group:x", "ends")]
        assert [(key.key, key.what) for key in planned.keys] == [("ci", facts.EXPIRING)]


NIGHTLY = {"role": "edit", "generation": 1, "serviceAccount": "ambient-key-nightly-build-3f2a91bc"}


def test_a_key_that_the_platform_made():
    def keys(before, after):
        ends = [{"pay": entry(keys={"ci": key} if key else {})} for key in (before, after)]
        return [(change.generation, change.what, change.why) for change in plan(*ends).keys]

    ((generation, what, why),) = keys(None, NIGHTLY)
    assert (generation, what) == (1, facts.ADOPTED)
    assert "none is issued" in why
    assert keys(NIGHTLY, NIGHTLY) == []
    assert keys(NIGHTLY, NIGHTLY | {"role": "view"}) == [(1, facts.CHANGED, "role edit -> view")]
    second = NIGHTLY | {"generation": 2, "lifetimeSeconds": 7776000}
    assert keys(NIGHTLY, second) == [
        (1, facts.REVOKED, "generation 2 takes its place"),
        (2, facts.ISSUED, "replaces generation 1; lifetime unknown -> 90d"),
    ]
    until = second | {"overlapping": 1, "overlapUntil": "2026-12-31"}
    assert [(generation, what) for generation, what, _ in keys(NIGHTLY, until)] == [(2, facts.ISSUED)]
    assert [(generation, what) for generation, what, _ in keys(until, second)] == [
        (1, facts.REVOKED),
        (2, facts.CHANGED),
    ]


def test_the_role_of_an_adopted_key_may_exist_already():
    planned = plan({"pay": entry()}, {"pay": entry(keys={"ci": NIGHTLY})})
    (change,) = role_changes(planned)
    assert (change.subject, change.what, change.adopted) == ("key:ci", "gained", True)
