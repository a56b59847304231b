"""docs/reference/guardrails.md shows what is really said: each text on the page, made by the code."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components.access import GuardrailSettings
from ambient_components.errors import AmbientError
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import expired_exceptions, ledger_of
from ambient_components.rules.guardrail_names import EXPIRE_AFTER, GUARDRAILS, STACK_GUARDRAILS, WORKSPACE_GUARDRAILS
from ambient_components.stackfile import load_stack, parse_stack
from ambient_components.stacks import destruction
from tests.support.ledgers import fleet_refusals, refusals, refused

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "guardrails.md").read_text(encoding="utf-8")
SHOWN = [text.strip() for text in re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
FILE = re.search(r"^```yaml\n# stacks/prod.yaml\n.*?^```$", PAGE, re.MULTILINE | re.DOTALL)

LEADS = ["group:payments-leads"]
KEYS = {f"k{number}": {"role": "view", "generation": 1} for number in range(10)}
DEPLOY = {"deploy": {"role": "admin", "generation": 1}}
PEOPLE = dict.fromkeys(("group:devs", "group:ops", "user:bob", "user:carol"), "edit")


def entry(owners: Any = (), **rest: Any) -> dict[str, Any]:
    return {"state": "active", "owners": list(owners), "grants": {}, "keys": {}, **rest}


CHANGES: dict[str, tuple[Any, Any, GuardrailSettings]] = {
    "massRemoval": (entry(LEADS, grants=PEOPLE), entry(LEADS), GuardrailSettings()),
    "noAdmin": (entry(LEADS), entry(), GuardrailSettings()),
    "publicAccess": (entry(), entry(grants={"group:system:authenticated": "edit"}), GuardrailSettings()),
    "adminKey": (entry(), entry(keys=DEPLOY), GuardrailSettings()),
    "nonExpiringKey": (
        entry(),
        entry(keys={"report": {"role": "view", "generation": 1, "never": True}}),
        GuardrailSettings(),
    ),
    "actingKey": (
        entry(),
        entry(keys={"ci": {"role": "edit", "generation": 1, "actsAs": "alice"}}),
        GuardrailSettings(),
    ),
    "actingSchedule": (
        entry(),
        entry(schedules={"review": {"schedule": "0 9 * * *", "runAs": "ci-robot"}}),
        GuardrailSettings(),
    ),
    "tooManyKeys": (
        entry(keys=KEYS),
        entry(keys={**KEYS, "one-more": {"role": "view", "generation": 1}}),
        GuardrailSettings(),
    ),
    "individualGrant": (entry(), entry(grants={"user:bob": "edit"}), GuardrailSettings(groups_only=True)),
    "adminKeyWithEditors": (
        entry(keys=DEPLOY),
        entry(keys=DEPLOY, grants={"group:payments-devs": "edit"}),
        GuardrailSettings(isolate_admin_keys=True),
    ),
}


@pytest.mark.parametrize("guardrail", CHANGES)
def test_the_text_of_each_guardrail_is_the_real_one(guardrail: str) -> None:
    before, after, settings = CHANGES[guardrail]
    (problem,) = refused({"payments": before}, {"payments": after}, settings)
    assert problem.text in SHOWN
    assert f"\n## {guardrail}\n" in PAGE


ACCOUNTS: dict[str, tuple[Any, GuardrailSettings]] = {
    "adminKey": (entry(["serviceaccount:payments:ambient-key-ci-17a5b2bc"]), GuardrailSettings()),
    "adminKeyWithEditors": (
        entry(["serviceaccount:payments:default"], grants={"group:payments-devs": "edit"}),
        GuardrailSettings(isolate_admin_keys=True),
    ),
}


@pytest.mark.parametrize("guardrail", ACCOUNTS)
def test_the_text_about_an_account_is_the_real_one(guardrail: str) -> None:
    after, settings = ACCOUNTS[guardrail]
    (problem,) = refused({}, {"payments": after}, settings)
    assert (problem.rule, problem.text in SHOWN) == (guardrail, True)


def test_every_guardrail_has_its_line() -> None:
    assert {*CHANGES, EXPIRE_AFTER} == {*GUARDRAILS}
    rows = dict(re.findall(r"^\| \[`(\w+)`\]\([^)]+\) \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE))
    where = {
        guardrail: ", ".join(
            [*["workspace"] * (guardrail in WORKSPACE_GUARDRAILS), *["stack"] * (guardrail in STACK_GUARDRAILS)]
        )
        for guardrail in GUARDRAILS
    }
    assert {guardrail: by.replace("the ", "") for guardrail, by in rows.items()} == where


def test_the_text_of_a_source_that_is_not_allowed_is_the_real_one() -> None:
    page = PAGE[PAGE.index("# stacks/vault.yaml") :]
    text = page[: page.index("```")]
    assert parse_stack(text, "s.yaml").file.guardrails.secret_sources
    elsewhere = text.replace("{namespace: vault-sync, name: payments,", "{namespace: vault-sync, name: other,", 1)
    with pytest.raises(AmbientError) as caught:
        parse_stack(elsewhere, "s.yaml")
    (problem,) = caught.value.problems
    assert "\n  ".join((problem.problem, *problem.lines[1:])) in SHOWN
    with pytest.raises(AmbientError) as caught:
        parse_stack(text.replace("SEARCH_API_TOKEN", "DOCKER_AUTH_CONFIG"), "s.yaml")
    (problem,) = caught.value.problems
    assert "\n  ".join((problem.problem, *problem.lines[1:])) in SHOWN


def test_the_text_of_an_adoption_by_an_included_file_is_the_real_one(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text("workspaces: {monitoring: {adopt: true}}\n")
    path = tmp_path / "stack.yaml"
    path.write_text("include: [team.yaml]\nworkspaces: {}\n")
    with pytest.raises(AmbientError) as caught:
        load_stack(path)
    (problem,) = caught.value.problems
    assert "\n  ".join((problem.problem, *problem.lines[1:])) in SHOWN


def test_the_warning_of_an_allowance_that_ended_is_the_real_one() -> None:
    assert FILE is not None
    text = FILE[0].removeprefix("```yaml\n").removesuffix("```")
    loaded = parse_stack(text, "stacks/prod.yaml")
    calendar = Calendar.of(loaded.file, datetime(2027, 4, 1, tzinfo=UTC))
    received = expired_exceptions(loaded, ledger_of(loaded.file.workspaces, calendar), calendar)
    assert [f"warning: {one.text}" for one in received] == [text for text in SHOWN if text.startswith("warning")]
    # And on the day on which it is written, nothing is refused.
    today = Calendar.of(loaded.file, datetime(2026, 11, 25, tzinfo=UTC))
    settings = GuardrailSettings(groups_only=True, isolate_admin_keys=True)
    assert refusals({}, ledger_of(loaded.file.workspaces, today), settings) == []


def test_the_refusal_of_a_destroy_is_the_real_one() -> None:
    urn = "urn:pulumi:prod::project::kubernetes:core/v1:Namespace::payments/namespace"
    namespace = {"type": "kubernetes:core/v1:Namespace", "urn": urn, "protect": True}
    found = destruction.read_destruction({"deployment": {"resources": [namespace]}})
    assert destruction.refusals(found, "pulumi up --stack prod")[0].text in SHOWN


def test_the_refusal_of_a_fleet_is_the_real_one() -> None:
    before, after = {"prod-05": {"payments": entry()}}, {"prod-03": {"payments": entry()}}
    (found,) = fleet_refusals("prod", before, after, GuardrailSettings())
    assert found.text in SHOWN


def test_nothing_else_is_shown() -> None:
    assert len(SHOWN) == len(CHANGES) + len(ACCOUNTS) + 6
