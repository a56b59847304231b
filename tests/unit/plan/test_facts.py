"""The facts of a plan: out of ledgers and a state, and out of the engine's preview, which must not differ."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from ambient_components.engine.steps import Preview
from ambient_components.errors import Problem
from ambient_components.plan import Digest, facts
from ambient_components.plan.ahead import Ahead
from ambient_components.plan.facts import (
    BucketChange,
    DateComing,
    Exposed,
    GuardrailChange,
    KeyChange,
    SourceChange,
    WorkspaceChange,
)
from ambient_components.plan.guardrail_changes import stack_guardrail_changes
from ambient_components.plan.ledgers import begins
from ambient_components.plan.recorded import Recorded, RecordedKey
from ambient_components.problem_json import MINT, encode
from tests.support.ledgers import from_ledgers, from_preview, of_ledger, recorded_of
from tests.support.plans import LEDGERS, RULES, entry, key, ledger_step, preview, step

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = "ambient:index:AccessToken"


def plan(before, after, **more):
    return from_ledgers(before, after, stack="prod", at=AT, **more)


def test_nothing_changes_where_nothing_is_said_otherwise():
    ledger = {"pay": entry(owners=["user:a"], grants={"group:devs": "edit"}, keys={"ci": key()})}
    assert not plan(ledger, ledger).changes
    assert not plan({}, {}).changes


def test_a_changed_role_is_one_lost_and_one_gained():
    found = plan({"pay": entry(grants={"group:devs": "view"})}, {"pay": entry(grants={"group:devs": "admin"})})
    assert [(one.subject, one.role) for one in found.access.gained] == [("group:devs", "admin")]
    assert [(one.subject, one.role) for one in found.access.lost] == [("group:devs", "view")]
    assert found.changes


@given(LEDGERS, LEDGERS)
def test_what_was_less_what_is_lost_and_what_is_gained_is_what_will_be(before, after):
    kept = {name: one for name, one in before.items() if name in after or one["state"] != "released"}
    diff = plan(before, after).access
    assert (of_ledger(kept) - set(diff.lost)) | set(diff.gained) == of_ledger(after)


@given(LEDGERS, LEDGERS, RULES, RULES)
def test_the_engine_and_the_files_say_the_same(before, after, was, now):
    offline = plan(before, after, guardrail_changes=stack_guardrail_changes(was, now))
    recorded = recorded_of(before)
    online = from_preview(
        Digest.of(Preview.of(preview(before, after, (was, now)))), before, stack="prod", at=AT, recorded=recorded
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
    found = plan({"pay": before} if before else {}, {"pay": after} if after else {})
    assert found.workspaces == (WorkspaceChange("pay", what),)
    assert found.changes


def test_a_forgotten_workspace_loses_nothing():
    released = entry(state="released", grants={"user:a": "edit"}, keys={"ci": key()})
    found = plan({"pay": released}, {})
    assert (found.access.lost, found.keys) == ((), ())


def keys(before, after, recorded=None, at=AT):
    return [(one.key, one.generation, one.what, one.why) for one in from_ledgers(
        {"pay": entry(keys=before)}, {"pay": entry(keys=after)}, stack="prod", at=at, recorded=recorded
    ).keys]  # fmt: skip


def test_what_becomes_of_keys_by_the_files():
    assert keys({}, {"ci": key()}) == [("ci", 1, facts.MINTED, "a new key; lifetime 90d")]
    assert keys({"ci": key()}, {}) == [("ci", 1, facts.REVOKED, "it is gone from the files")]
    assert keys({"ci": key()}, {"ci": key(generation=2)}) == [
        ("ci", 1, facts.REVOKED, "generation 2 takes its place"),
        ("ci", 2, facts.MINTED, "generation 2 takes the place of 1"),
    ]
    assert keys({"ci": key()}, {"ci": key(generation=2, overlapping=1)}) == [
        ("ci", 2, facts.MINTED, "generation 2 follows 1, which stays valid until its day"),
    ]
    assert keys({"ci": key(generation=2, overlapping=1)}, {"ci": key(generation=2)}) == [
        ("ci", 1, facts.REVOKED, "its overlap is over"),
    ]
    assert keys({"ci": key()}, {"ci": key(role="view", lifetimeSeconds=86400)}) == [
        ("ci", 1, facts.CHANGED, "role edit -> view, lifetime 90d -> 1d"),
    ]


def recorded(**more):
    return Recorded({("pay", "ci", 1): RecordedKey(role="edit", **more)})


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
    assert keys(same, same, recorded(made=False)) == [
        ("ci", 1, facts.MINTED, "declared by the last run, and not made yet")
    ]
    assert keys({}, {}, recorded()) == [
        ("ci", 1, facts.REVOKED, "it is not declared any more, and the last run did not end it")
    ]
    # The future: what is not due yet is.
    assert keys(same, same, recorded(next_action="rotate", next_at=soon), at=soon)[0][2] == facts.ROTATED


def test_a_key_that_only_ends_soon_is_no_change():
    ending = recorded(manual=True, next_action="expire", next_at=AT + timedelta(days=1))
    ledger = {"pay": entry(keys={"ci": key()})}
    found = plan(ledger, ledger, recorded=ending)
    assert [one.what for one in found.keys] == [facts.EXPIRING]
    assert not found.changes


def test_buckets_and_their_access_keys():
    own = {"name": "b", "driver": "s3", "generation": 1}

    def buckets(before, after, state="active", recorded=None):
        ends = [{"pay": entry(state=state, **({"bucket": one} if one else {}))} for one in (before, after)]
        return [(one.what, one.why) for one in plan(*ends, recorded=recorded).buckets]

    assert buckets(None, own) == [(facts.MADE, ""), (facts.NEW_ACCESS_KEY, "none yet")]
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
    due = Recorded({}, {"pay": RecordedKey(next_action="rotate", next_at=AT)})
    assert buckets(own, own, recorded=due) == [(facts.NEW_ACCESS_KEY, "it is due")]
    gone = plan({"pay": entry(state="closed", bucket={"name": "b", "driver": "s3", "onDelete": "delete"})}, {})
    assert gone.buckets == (BucketChange("pay", "b", facts.DELETED, "onDelete: delete was deployed: if it is empty"),)


def test_access_that_ends_exposes_the_keys_that_stay():
    before = {"pay": entry(grants={"user:bob": "edit"}, keys={"ci": key()})}
    after = {"pay": entry(keys={"ci": key()})}
    assert plan(before, after).exposed == (Exposed("pay", ("edit of user:bob",), ("ci",)),)


def test_dates_that_come_soon_are_told_in_the_zone_of_the_stack():
    dates = {
        "group:x": [{"role": "edit", "until": "2026-11-30"}, {"role": "view", "from": "2026-12-01T00:00:00Z"}],
        "group:far": [{"role": "edit", "from": "2027-06-01"}],
    }
    ledger = {"pay": entry(grants={"group:x": "edit"}, dates=dates)}
    found = plan(ledger, ledger, zone=ZoneInfo("Europe/Berlin"))
    assert found.dates == (
        DateComing("2026-11-30T23:00:00Z", "pay", "group:x", "edit", "ends", "2026-11-30"),
        DateComing("2026-12-01T00:00:00Z", "pay", "group:x", "view", "begins", "2026-12-01T00:00:00Z"),
    )
    assert not found.changes


def test_what_else_changes_is_told_by_name():
    found = plan(
        {"pay": entry(settings=["idleTimeout"])},
        {"pay": entry(settings=["mcpServers"], exceptions=["adminKey"])},
    )
    assert found.guardrail_changes == (GuardrailChange("pay", "adminKey", facts.ALLOWED),)
    assert found.other == ("pay: settings: +mcpServers, -idleTimeout",)
    assert found.changes


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
    found = plan(before, after)
    assert found.sources == (
        SourceChange("pay", "integrations", "GONE", "file x", ""),
        SourceChange("pay", "integrations", "NEW", "", "env NEW"),
        SourceChange("pay", "runner", "A", "config pay/a", "Secret vault/pay, key a"),
        SourceChange("pay", "storage", "secretKey", "", "config s3"),
    )
    assert found.other == ()
    assert plan({"pay": before["pay"]}, after).changes
    assert not plan(after, after).changes


def test_what_is_recorded_in_no_known_form_is_left_out():
    new = {"pay": entry(secrets={"runner": {"A": "env A"}})}
    for said in (5, ["A"], {"runner": ["A"], "x": 5}):
        assert plan({"pay": entry(secrets=said)}, new).sources == (SourceChange("pay", "runner", "A", "", "env A"),)


def test_another_place_for_secrets_is_a_change_of_the_guardrails():
    old, new = {"secretSources": ["namespace vault", "folder /run/x"]}, {"secretSources": ["namespace vault", "n b"]}
    assert stack_guardrail_changes(old, new) == [
        GuardrailChange("", "secretSources", facts.CHANGED, "+n b"),
        GuardrailChange("", "secretSources", facts.CHANGED, "-folder /run/x"),
    ]
    assert stack_guardrail_changes(None, {"secretSources": ["a"]}) == [
        GuardrailChange("", "secretSources", facts.CHANGED, "+a"),
    ]


def test_a_new_workspace_is_told_with_its_content():
    dates = {"group:x": [{"role": "view", "from": "2027-01-01", "until": "2027-02-01"}]}
    new = entry(
        dates=dates, exceptions=["noAdmin"], settings=["featureFlags"], secrets={"runner": {"A": "env A"}}, adopt=True
    )
    found = plan({}, {"pay": new | {"keys": {"ci": key(manual=True, deliver="ci/token")}}})
    assert found.other == (
        "pay: dates: +group:x view from 2027-01-01 until 2027-02-01",
        "pay: settings: +featureFlags",
    )
    assert found.guardrail_changes == (GuardrailChange("pay", "noAdmin", facts.ALLOWED),)
    assert [one.why for one in found.keys] == [
        "its workspace is new; lifetime 90d, manual, delivered to ci/token",
    ]


def test_what_a_new_generation_is_otherwise_is_told():
    never = {"role": "edit", "generation": 2, "never": True, "static": True}
    assert keys({"ci": key()}, {"ci": never})[1] == (
        "ci", 2, facts.MINTED, "generation 2 takes the place of 1; lifetime 90d -> never, static no -> yes",
    )  # fmt: skip


def test_the_end_of_an_overlap_that_moves_is_told_by_the_files_and_by_the_engine():
    before = {"pay": entry(keys={"ci": key(generation=2, overlapping=1, overlapUntil="2026-12-01")})}
    after = {"pay": entry(keys={"ci": key(generation=2, overlapping=1, overlapUntil="2027-12-01")})}
    said = (KeyChange("pay", "ci", 2, facts.CHANGED, "edit", "overlap until 2026-12-01 -> 2027-12-01"),)
    assert plan(before, after).keys == said
    assert online({"steps": [ledger_step(before, after)]}, before).keys == said


def test_the_guardrails_of_the_stack_that_change_are_a_change():
    ledger = {"pay": entry()}
    changed = stack_guardrail_changes(
        {"exceptions": ["noAdmin"]}, {"exceptions": ["massRemoval"], "maxKeys": 1000.0, "groupsOnly": True}
    )
    assert changed == [
        GuardrailChange("", "groupsOnly", facts.CHANGED, "no -> yes"),
        GuardrailChange("", "massRemoval", facts.ALLOWED),
        GuardrailChange("", "maxKeys", facts.CHANGED, "10 -> 1000"),
        GuardrailChange("", "noAdmin", facts.DISALLOWED),
    ]
    assert plan(ledger, ledger, guardrail_changes=changed).changes
    assert stack_guardrail_changes({"maxKeys": 10.0, "groupsOnly": False, "exceptions": []}, None) == []
    step_ = ledger_step(ledger, ledger, ({}, {"exceptions": ["massRemoval"]}))
    assert online({"steps": [step_]}, ledger).guardrail_changes == (GuardrailChange("", "massRemoval", facts.ALLOWED),)


def test_what_comes_by_date_is_told_as_early_as_the_files_say():
    dates = {"group:x": [{"role": "edit", "until": "2027-01-31"}], "user:a": [{"role": "view", "from": "2026-12-01"}]}
    ledger = {"pay": entry(grants={"group:x": "edit"}, dates=dates, keys={"ci": key(), "b": key()})}
    ahead = Ahead(
        grants={
            ("pay", "group:x", "edit", "2027-01-31"): timedelta(days=90),
            ("pay", "user:a", "view", "2026-12-01"): timedelta(days=2),
        },
        keys={("pay", "ci"): timedelta(days=90)},
    )
    ends = RecordedKey(role="edit", next_action="expire", next_at=AT + timedelta(days=60))
    recorded = Recorded({("pay", one, 1): ends for one in ("ci", "b")})
    assert [one.subject for one in plan(ledger, ledger).dates] == ["user:a"]
    for found in (
        plan(ledger, ledger, ahead=ahead, recorded=recorded),
        online({"steps": []}, ledger, ahead=ahead, recorded=recorded),
    ):
        assert [(one.subject, one.what) for one in found.dates] == [("group:x", "ends")]
        assert [(one.key, one.what) for one in found.keys] == [("ci", facts.EXPIRING)]


def test_days_and_moments():
    berlin = ZoneInfo("Europe/Berlin")
    assert begins("2027-01-01", berlin) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert begins("2027-01-01T10:00:00Z", berlin) == datetime(2027, 1, 1, 10, tzinfo=UTC)
    for wrong in ("", "tomorrow", "2027-1-1", "2027-13-01", "2027-01-01T10:00"):
        with pytest.raises(ValueError, match=r"day|month|date"):
            begins(wrong, berlin)


# The preview.


def online(document, before, recorded=None, **more):
    has = recorded if recorded is not None else recorded_of(before)
    return from_preview(Digest.of(Preview.of(document)), before, stack="prod", at=AT, recorded=has, **more)


LEDGER = {"pay": entry(keys={"ci": key()})}


def test_a_rotation_is_told_with_the_reason_of_the_plugin():
    urn = f"urn:pulumi:prod::p::ambient:index:Workspace${TOKEN}::pay/key/ci/g1"
    note = {
        "urn": urn,
        "severity": "info",
        "message": encode(
            Problem(None, "a new token would be minted", "the token expires on 2026-12-01T00:00:00Z", ("…",), MINT)
        ),
    }
    token = step("update", TOKEN, "pay/key/ci/g1", detailedDiff={"token": {}, "current": {}})
    token |= {one: {"inputs": {"generation": 1.0}} for one in ("oldState", "newState")}
    found = online({"steps": [token], "diagnostics": [note]}, LEDGER)
    assert found.keys == (
        KeyChange("pay", "ci", 1, facts.ROTATED, "edit", "the token expires on 2026-12-01T00:00:00Z"),
    )
    assert found.changes


def test_an_old_token_that_ends_is_no_rotation():
    token = step("update", TOKEN, "pay/key/ci/g1", detailedDiff={"retiring": {}, "nextAction": {}})
    token |= {one: {"inputs": {"generation": 1}} for one in ("oldState", "newState")}
    assert [one.what for one in online({"steps": [token]}, LEDGER).keys] == [facts.ENDED]


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        (["former"], None),
        (["released", "overlapping"], None),
        (["rotateBeforeSeconds", "former"], "rotateBeforeSeconds"),
        (["deliver.name"], "deliver"),
        (["undelivered"], "it is delivered again"),
    ],
)
def test_an_update_of_a_token_that_mints_nothing(paths, why):
    token = step("update", TOKEN, "pay/key/ci/g1", detailedDiff={path: {} for path in paths})
    token |= {one: {"inputs": {"generation": 1}} for one in ("oldState", "newState")}
    found = online({"steps": [token]}, LEDGER)
    assert [(one.what, one.why) for one in found.keys] == ([(facts.CHANGED, why)] if why else [])
    assert found.changes


def test_what_the_engine_calls_the_same_is_nothing():
    same = step("same", "kubernetes:core/v1:Namespace", "pay/namespace")
    stack = {"op": "update", "urn": "urn:pulumi:prod::p::pulumi:pulumi:Stack::p-prod"}
    assert not online({"steps": [same, stack, step("read", "x:y:Z", "a")]}, LEDGER).changes
    protected = same | {"oldState": {"protect": True}, "newState": {"protect": False}}
    found = online({"steps": [protected]}, LEDGER)
    assert [(one.op, one.name) for one in found.steps] == [("protect", "pay/namespace")]
    assert found.changes


def test_what_is_forgotten_is_retained_and_not_revoked():
    released = {"pay": entry(state="released", keys={"ci": key()})}
    old = {"oldState": {"inputs": {"generation": 1}, "retainOnDelete": True}}
    gone = [ledger_step(released, {}), step("delete", TOKEN, "pay/key/ci/g1", **old)]
    found = online({"steps": gone}, released)
    assert (found.keys, found.access.lost) == ((), ())
    assert [(one.op, one.name) for one in found.steps] == [("update", "access"), ("retain", "pay/key/ci/g1")]


def test_a_grant_to_a_service_account_keeps_its_name():
    (one,) = online({"steps": [step("create", "x:y:Z", "pay/grant/serviceaccount:ci::bot")]}, LEDGER).steps
    assert one.name == "pay/grant/serviceaccount:ci::bot"


def test_warnings_are_told_once_and_without_the_noise_of_plugins():
    said = [
        {"severity": "warning", "message": "warning: a\n  b\n"},
        {"severity": "warning", "message": "warning: a b"},
        {"severity": "warning", "message": "warning: using pulumi-resource-kubernetes from $PATH at /x"},
        {"severity": "info", "message": "info: c"},
    ]
    assert [*map(str, online({"diagnostics": said}, LEDGER).warnings)] == ["a b"]


def test_access_keys_of_buckets_by_the_steps():
    kind = "ambient:index:S3Credentials"
    after = {"pay": entry(bucket={"name": "b", "driver": "s3", "generation": 1})}
    document = {
        "steps": [ledger_step({}, after), step("create", kind, "pay/storage/credentials", newState={"inputs": {}})]
    }
    assert online(document, {}).buckets == (
        BucketChange("pay", "b", facts.MADE),
        BucketChange("pay", "b", facts.NEW_ACCESS_KEY, "none yet"),
    )
