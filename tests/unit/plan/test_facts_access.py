"""The facts of a plan out of ledgers and a state: workspaces, access and keys."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from ambient_components.access.endings import Ended
from ambient_components.engine.steps import Preview
from ambient_components.plan import facts
from ambient_components.plan.facts import Change, DateComing, KeyChange, WorkspaceChange
from ambient_components.plan.headline import headline
from ambient_components.plan.making import pending
from ambient_components.stacks.deployed import Deployed, DeployedWorkspace
from tests.support.ledgers import (
    deployed_keys,
    from_ledgers,
    from_preview,
    of_ledger,
    recorded_of,
    stack_guardrail_changes,
)
from tests.support.plan_facts import AT, online, plan
from tests.support.plans import LEDGERS, RULES, entry, key, ledger_step, preview


def test_a_changed_role_is_one_lost_and_one_gained():
    planned = plan({"pay": entry(grants={"group:devs": "view"})}, {"pay": entry(grants={"group:devs": "admin"})})
    assert [(change.subject, change.role) for change in planned.access.gained] == [("group:devs", "admin")]
    assert [(change.subject, change.role) for change in planned.access.lost] == [("group:devs", "view")]
    assert planned.changes


@given(LEDGERS, LEDGERS)
def test_what_was_less_what_is_lost_and_what_is_gained_is_what_will_be(before, after):
    kept = {name: entry for name, entry in before.items() if name in after or entry["state"] != "released"}
    diff = plan(before, after).access
    assert (of_ledger(kept) - set(diff.lost)) | set(diff.gained) == of_ledger(after)


@given(LEDGERS, LEDGERS, RULES, RULES)
def test_the_engine_and_the_files_say_the_same(before, after, was, now):
    offline = plan(before, after, guardrail_changes=stack_guardrail_changes(was, now))
    recorded = recorded_of(before)
    online = from_preview(
        Preview.of(preview(before, after, (was, now))), before, stack="prod", at=AT, recorded=recorded
    )
    assert replace(online, online=False, steps=()) == offline


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (None, entry(), facts.MADE),
        (None, entry(adopt=True), facts.ADOPTED),
        (entry(), entry(state="closed"), facts.CLOSED),
        (entry(state="closed"), entry(), facts.OPENED),
        (entry(), entry(state="released"), facts.RELEASED),
        (entry(state="released"), entry(), facts.TAKEN_BACK),
        (entry(state="closed"), None, facts.REMOVED),
        (entry(state="released"), None, facts.FORGOTTEN),
    ],
)
def test_what_becomes_of_a_workspace(before, after, what):
    planned = plan({"pay": before} if before else {}, {"pay": after} if after else {})
    assert planned.workspaces == (WorkspaceChange("pay", what),)
    assert planned.changes


def test_a_forgotten_workspace_loses_nothing():
    released = entry(state="released", grants={"user:a": "edit"}, keys={"ci": key()})
    planned = plan({"pay": released}, {})
    assert (planned.access.lost, planned.keys) == ((), ())


def keys(before, after, recorded=None, at=AT):
    return [(change.key, change.generation, change.what, change.why) for change in from_ledgers(
        {"pay": entry(keys=before)}, {"pay": entry(keys=after)}, stack="prod", at=at, recorded=recorded
    ).keys]  # fmt: skip


def test_what_becomes_of_keys_by_the_files():
    assert keys({}, {"ci": key()}) == [("ci", 1, facts.ISSUED, "a new key; lifetime 90d")]
    assert keys({"ci": key()}, {}) == [("ci", 1, facts.REVOKED, "it is gone from the files")]
    assert keys({"ci": key()}, {"ci": key(generation=2)}) == [
        ("ci", 1, facts.REVOKED, "generation 2 takes its place"),
        ("ci", 2, facts.ISSUED, "replaces generation 1"),
    ]
    assert keys({"ci": key()}, {"ci": key(generation=2, overlapping=1)}) == [
        ("ci", 2, facts.ISSUED, "generation 1 stays valid until it is ended"),
    ]
    assert keys({"ci": key(generation=2, overlapping=1)}, {"ci": key(generation=2)}) == [
        ("ci", 1, facts.REVOKED, "its overlap is over"),
    ]
    assert keys({"ci": key()}, {"ci": key(role="view", lifetimeSeconds=86400)}) == [
        ("ci", 1, facts.CHANGED, "role edit -> view, lifetime 90d -> 1d"),
    ]


def test_an_interrupted_rotation_is_counted_once():
    ledger = {"pay": entry(keys={"ci": key(generation=2)})}
    (old,) = recorded(declared=False).workspaces[0].keys
    new = replace(old, generation=2, declared=True, made=False)
    has = Deployed("", AT, (DeployedWorkspace("pay", "active", (), (old, new)),))
    planned = plan(ledger, ledger, recorded=has, pending=pending(has))
    assert len(planned.pending) == 2
    assert headline(planned) == "access unchanged · 1 key revoked · 1 key issued"


def recorded(**more):
    return deployed_keys("pay", "ci", **more)


def test_what_becomes_of_keys_by_what_the_state_has():
    soon, due = AT + timedelta(days=3), AT - timedelta(hours=1)
    same = {"ci": key()}
    assert keys(same, same, recorded(next_action="rotate", next_at=soon, expires_at=soon)) == []
    assert keys(same, same, recorded(next_action="rotate", next_at=due, expires_at=soon)) == [
        ("ci", 1, facts.ROTATED, "the token expires on 2026-11-28T12:00:00Z")
    ]
    assert keys(same, same, recorded(dead="its token Secret is gone")) == [
        ("ci", 1, facts.ROTATED, "the token no longer works: its token Secret is gone")
    ]
    assert keys(same, same, recorded(next_action="revoke", next_at=due))[0][2] == facts.ENDED
    assert keys(same, same, recorded(manual=True, next_action="expire", next_at=soon, expires_at=soon))[0][2] == (
        facts.EXPIRING
    )
    assert keys(same, same, recorded(made=False)) == [("ci", 1, facts.ISSUED, "declared before, but has no token")]
    assert keys({}, {}, recorded()) == [
        ("ci", 1, facts.REVOKED, "it is not declared any more, and the last run did not end it")
    ]
    # The future: what is not due yet is.
    assert keys(same, same, recorded(next_action="rotate", next_at=soon), at=soon)[0][2] == facts.ROTATED


def test_a_key_that_only_ends_soon_is_no_change():
    ending = recorded(manual=True, next_action="expire", next_at=AT + timedelta(days=1))
    ledger = {"pay": entry(keys={"ci": key()})}
    planned = plan(ledger, ledger, recorded=ending)
    assert [key.what for key in planned.keys] == [facts.EXPIRING]
    assert not planned.changes


def test_access_that_ends_exposes_the_keys_that_stay():
    before = {"pay": entry(grants={"user:bob": "edit"}, keys={"ci": key()})}
    after = {"pay": entry(keys={"ci": key()})}
    assert plan(before, after).exposed == (Ended("pay", ("edit of user:bob",), ("ci",)),)


def test_dates_that_come_soon_are_told_in_the_zone_of_the_stack():
    dates = {
        "group:x": [{"role": "edit", "until": "2026-11-30"}, {"role": "view", "from": "2026-12-01T00:00:00Z"}],
        "group:far": [{"role": "edit", "from": "2027-06-01"}],
    }
    ledger = {"pay": entry(grants={"group:x": "edit"}, dates=dates)}
    planned = plan(ledger, ledger, zone=ZoneInfo("Europe/Berlin"))
    assert planned.dates == (
        DateComing("2026-11-30T23:00:00Z", "pay", "group:x", "edit", "ends", "2026-11-30"),
        DateComing("2026-12-01T00:00:00Z", "pay", "group:x", "view", "begins", "2026-12-01T00:00:00Z"),
    )
    assert not planned.changes


def test_a_new_workspace_is_told_with_its_content():
    dates = {"group:x": [{"role": "view", "from": "2027-01-01", "until": "2027-02-01"}]}
    new = entry(
        dates=dates, exceptions=["noAdmin"], settings=["featureFlags"], secrets={"runner": {"A": "env A"}}, adopt=True
    )
    planned = plan({}, {"pay": new | {"keys": {"ci": key(manual=True, deliver="ci/token")}}})
    assert planned.other == (
        "pay: dates: +group:x view from 2027-01-01 until 2027-02-01",
        "pay: settings: +featureFlags",
    )
    assert planned.guardrail_changes == (Change("pay", "noAdmin", facts.ALLOWED),)
    assert [key.why for key in planned.keys] == [
        "its workspace is new; lifetime 90d, manual, delivered to ci/token",
    ]


def test_what_a_new_generation_is_otherwise_is_told():
    never = {"role": "edit", "generation": 2, "never": True, "static": True}
    assert keys({"ci": key()}, {"ci": never})[1] == (
        "ci", 2, facts.ISSUED, "replaces generation 1; lifetime 90d -> never, static no -> yes",
    )  # fmt: skip


def test_the_user_of_a_key_is_told():
    assert keys({"ci": key()}, {"ci": key(actsAs="alice")}) == [
        ("ci", 1, facts.CHANGED, "acts as itself -> alice"),
    ]
    new = plan({}, {"pay": entry(keys={"ci": key(actsAs="alice")})})
    assert [key.why for key in new.keys] == ["its workspace is new; lifetime 90d, acts as alice"]


def test_the_end_of_an_overlap_that_moves_is_told_by_the_files_and_by_the_engine():
    before = {"pay": entry(keys={"ci": key(generation=2, overlapping=1, overlapUntil="2026-12-01")})}
    after = {"pay": entry(keys={"ci": key(generation=2, overlapping=1, overlapUntil="2027-12-01")})}
    reported = (KeyChange("pay", "ci", 2, facts.CHANGED, "edit", "overlap until 2026-12-01 -> 2027-12-01"),)
    assert plan(before, after).keys == reported
    assert online({"steps": [ledger_step(before, after)]}, before).keys == reported
