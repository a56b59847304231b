"""What allows the crossing of a guardrail, and what a stack says of its guardrails."""

import pytest

from ambient_components.access.entries import guardrail_misfits
from ambient_components.access.violations import declared
from ambient_components.model.derive import read
from ambient_components.model.guardrails import BUILT_IN, GuardrailsRecord
from ambient_components.rules.guardrail_names import (
    GUARDRAILS,
    STACK_GUARDRAILS,
    WORKSPACE_GUARDRAILS,
)
from tests.support.guardrails import ADMIN, BOSS, COMING, ENDED, EVERYBODY, FOUR, NOW, dated, entry, key, keys, of_pay
from tests.support.ledgers import crossed, existing_violations, refusals
from tests.support.ledgers import entry as typed

# What allows them.

CROSSING = {
    "noAdmin": (entry(ADMIN), entry(), {}),
    "publicAccess": (entry(), entry(grants={EVERYBODY: "view"}), {}),
    "adminKey": (entry(), entry(keys=BOSS), {}),
    "adminPipeline": (entry(), entry(grants={"pipeline:github:acme/pay:7@main": "admin"}), {}),
    "nonExpiringKey": (entry(), entry(keys={"k": key(never=True)}), {}),
    "actingKey": (entry(), entry(keys={"k": key(actsAs="alice")}), {}),
    "actingSchedule": (entry(), entry(schedules={"s": {"schedule": "0 9 * * *", "runAs": "alice"}}), {}),
    "tooManyKeys": (entry(), entry(keys=keys(11)), {}),
    "individualGrant": (entry(), entry(grants={"user:bob": "view"}), {"groups_only": True}),
    "adminKeyWithEditors": (entry(keys=BOSS), entry(keys={**BOSS, **keys(1)}), {"isolate_admin_keys": True}),
    "unreviewedAccess": (entry(), entry(grants={"user:bob": "view"}), {"unreviewed_access": "refuse"}),
    "massRemoval": (entry(ADMIN, grants=FOUR), entry(ADMIN), {}),
}


def test_every_guardrail_but_the_buckets_own_is_here():
    assert {*CROSSING, "expireAfter"} == {*GUARDRAILS}


@pytest.mark.parametrize("guardrail", CROSSING)
def test_a_guardrail_is_allowed_by_name_at_its_levels(guardrail):
    before, after, settings = CROSSING[guardrail]
    assert of_pay(before, after, **settings) == [guardrail]
    assert of_pay(before, {**after, "exceptions": [guardrail]}, **settings) == (
        [] if guardrail in WORKSPACE_GUARDRAILS else [guardrail]
    )
    assert of_pay(before, after, **settings, exceptions=[guardrail]) == []
    assert guardrail in STACK_GUARDRAILS
    others = {*WORKSPACE_GUARDRAILS} - {guardrail}
    assert of_pay(before, {**after, "exceptions": sorted(others)}, **settings) == [guardrail]


@pytest.mark.parametrize("guardrail", CROSSING)
def test_each_says_that_nothing_is_changed_and_how_to_allow_it(guardrail):
    before, after, settings = CROSSING[guardrail]
    (text,) = refusals({"pay": before}, {"pay": after}, GuardrailsRecord.model_construct(**settings))
    where = "at the top of the stack file" if guardrail == "massRemoval" else "in the workspace's entry"
    assert ": nothing is changed; " in text
    assert f"if that is meant, write {where}: exceptions: [{{guardrail: {guardrail}, reason: WHY" in text
    assert text.startswith("4 of the 5 grants" if guardrail == "massRemoval" else "workspace 'pay': ")


def test_another_workspaces_allowance_is_of_no_use():
    after = {"pay": entry(keys=BOSS), "lab": entry(keys=BOSS, exceptions=["adminKey"])}
    assert [violation.workspace for violation in crossed({}, after)] == ["pay"]


@pytest.mark.parametrize("guardrail", sorted(CROSSING.keys() - {"massRemoval", "noAdmin"}))
def test_what_stands_is_told_allowed_or_not_and_never_refused(guardrail):
    _, after, settings = CROSSING[guardrail]
    after = {**after, "exceptions": sorted(WORKSPACE_GUARDRAILS)}
    assert guardrail in [
        violation.guardrail
        for violation in existing_violations(
            {"pay": after}, GuardrailsRecord.model_construct(exceptions=[guardrail], **settings)
        )
    ]
    assert of_pay({**after, "exceptions": [guardrail]}, {**after, "exceptions": []}, **settings) == []


def test_what_is_declared_is_the_most_that_a_subject_holds_or_will():
    one = entry(
        ["user:o"],
        grants={"user:a": "view", "user:o": "view"},
        dates={
            "user:a": [{"role": "view", "until": COMING}, {"role": "admin", "from": COMING}],
            "user:b": dated(ENDED),
        },
    )
    assert declared(typed(one), NOW) == {"user:a": "admin", "user:o": "owner"}
    assert declared(typed(one), None) == {"user:a": "admin", "user:b": "edit", "user:o": "owner"}


# What a stack says of its guardrails, as it comes over the wire.


def test_settings_come_from_the_ledgers_input():
    assert read(GuardrailsRecord, "ledger", None) == read(GuardrailsRecord, "ledger", {}) == BUILT_IN
    got = read(
        GuardrailsRecord,
        "ledger",
        {"exceptions": ["massRemoval"], "maxKeys": 3.0, "groupsOnly": True, "isolateAdminKeys": True},
    )
    assert (got.exceptions, got.max_keys, got.groups_only, got.isolate_admin_keys) == (["massRemoval"], 3, True, True)


@pytest.mark.parametrize(
    "bad",
    [
        [],
        "massRemoval",
        3,
        {"exceptions": "massRemoval"},
        {"exceptions": ["removal"]},
        {"exceptions": ["expireAfter"]},
        {"exceptions": [["massRemoval"]]},
        {"exceptions": None},
        {"maxKeys": 0},
        {"maxKeys": 1.5},
        {"maxKeys": True},
        {"maxKeys": "3"},
        {"maxKeys": None},
        {"maxKeys": float("nan")},
        {"groupsOnly": "yes"},
        {"groupsOnly": None},
        {"isolateAdminKeys": 1},
        {"adopt": "a"},
        {"secretSources": [1]},
        {"keyMax": 3},
        {1: 2},
    ],
)
def test_settings_of_another_form_are_found(bad):
    assert len(guardrail_misfits(bad)) == 1


@pytest.mark.parametrize("exceptions", ["adminKey", ["massRemoval"], ["adminKeys"], [None], {"adminKey": True}])
def test_an_entry_that_allows_what_it_cant_is_of_a_wrong_form(exceptions):
    (text,) = refusals({}, {"pay": entry(keys=BOSS, exceptions=exceptions)})
    assert text.startswith("workspace 'pay': exceptions")
