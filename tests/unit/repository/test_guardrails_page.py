"""docs/reference/guardrails.md shows what is really said: each text on the page, made by the code."""

import re
from pathlib import Path
from typing import Any

import pytest

from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.rules.guardrail_names import (
    GUARDRAILS,
    STACK_GUARDRAILS,
    WORKSPACE_GUARDRAILS,
    Guardrail,
)
from tests.support.ledgers import refused

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "guardrails.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```text\n(.*?)$", PAGE, re.MULTILINE)
"""First lines: the hints of a refusal are its own."""


LEADS = ["group:payments-leads"]
KEYS = {f"k{number}": {"role": "view", "generation": 1} for number in range(10)}
DEPLOY = {"deploy": {"role": "admin", "generation": 1}}
PEOPLE = dict.fromkeys(("group:devs", "group:ops", "user:bob", "user:carol"), "edit")


def entry(owners: Any = (), **rest: Any) -> dict[str, Any]:
    return {"state": "active", "owners": list(owners), "grants": {}, "keys": {}, **rest}


# Name: what is declared before and after, and the settings where they are not the built-in ones.
CHANGES: dict[str, tuple[Any, Any] | tuple[Any, Any, GuardrailsRecord]] = {
    "massRemoval": (entry(LEADS, grants=PEOPLE), entry(LEADS)),
    "noAdmin": (entry(LEADS), entry()),
    "publicAccess": (entry(), entry(grants={"group:system:authenticated": "edit"})),
    "adminKey": (entry(), entry(keys=DEPLOY)),
    "adminPipeline": (entry(), entry(grants={"pipeline:github:acme/payments:123456@main": "admin"})),
    "nonExpiringKey": (
        entry(),
        entry(keys={"report": {"role": "view", "generation": 1, "never": True}}),
    ),
    "actingKey": (
        entry(),
        entry(keys={"ci": {"role": "edit", "generation": 1, "actsAs": "alice"}}),
    ),
    "actingSchedule": (
        entry(),
        entry(schedules={"review": {"schedule": "0 9 * * *", "runAs": "ci-robot"}}),
    ),
    "tooManyKeys": (
        entry(keys=KEYS),
        entry(keys={**KEYS, "one-more": {"role": "view", "generation": 1}}),
    ),
    "individualGrant": (
        entry(),
        entry(grants={"user:bob": "edit"}),
        GuardrailsRecord.model_construct(groups_only=True),
    ),
    "adminKeyWithEditors": (
        entry(keys=DEPLOY),
        entry(keys=DEPLOY, grants={"group:payments-devs": "edit"}),
        GuardrailsRecord.model_construct(isolate_admin_keys=True),
    ),
    "unreviewedAccess": (
        entry(),
        entry(grants={"user:bob": "edit"}),
        GuardrailsRecord.model_construct(unreviewed_access="refuse"),
    ),
}


@pytest.mark.parametrize("guardrail", CHANGES)
def test_the_text_of_each_guardrail_is_the_real_one(guardrail: str) -> None:
    before, after, *settings = CHANGES[guardrail]
    (problem,) = refused({"payments": before}, {"payments": after}, *settings)
    assert problem.text.splitlines()[0] in SHOWN
    assert f"\n## {guardrail}\n" in PAGE


ACCOUNTS: dict[str, tuple[Any] | tuple[Any, GuardrailsRecord]] = {
    "adminKey": (entry(["serviceaccount:payments:ambient-key-ci-17a5b2bc"]),),
    "adminKeyWithEditors": (
        entry(["serviceaccount:payments:default"], grants={"group:payments-devs": "edit"}),
        GuardrailsRecord.model_construct(isolate_admin_keys=True),
    ),
}


@pytest.mark.parametrize("guardrail", ACCOUNTS)
def test_the_text_about_an_account_is_the_real_one(guardrail: str) -> None:
    after, *settings = ACCOUNTS[guardrail]
    (problem,) = refused({}, {"payments": after}, *settings)
    assert (problem.rule, problem.text.splitlines()[0] in SHOWN) == (guardrail, True)


def test_every_guardrail_has_its_line() -> None:
    assert {*CHANGES, Guardrail.EXPIRE_AFTER} == {*GUARDRAILS}
    rows = dict(re.findall(r"^\| \[`(\w+)`\]\([^)]+\) \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE))
    where = {
        guardrail: ", ".join(
            [*["workspace"] * (guardrail in WORKSPACE_GUARDRAILS), *["stack"] * (guardrail in STACK_GUARDRAILS)]
        )
        for guardrail in GUARDRAILS
    }
    assert {guardrail: by.replace("the ", "") for guardrail, by in rows.items()} == where
