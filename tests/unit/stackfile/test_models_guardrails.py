"""Models of guardrails and of the exceptions from them."""

import pytest
from pydantic import ValidationError

from ambient_components.rules.guardrail_names import GUARDRAILS, STACK_GUARDRAILS, WORKSPACE_GUARDRAILS
from ambient_components.stackfile import Guardrail, GuardrailException, Guardrails, StackFile
from tests.support.stack_models import in_workspace, workspace


def test_an_exception():
    (got,) = workspace(exceptions=[{"guardrail": "expireAfter", "reason": "agreed", "until": "2026-12-31"}]).exceptions
    assert got == GuardrailException(guardrail=Guardrail.EXPIRE_AFTER, reason="agreed", until="2026-12-31")
    (got,) = workspace(exceptions=[{"guardrail": "expireAfter", "reason": "x" * 200}]).exceptions
    assert got.until is None


@pytest.mark.parametrize(
    ("fields", "path", "problem", "remedy"),
    [
        (
            {"guardrail": "expireafter"},
            ".guardrail",
            "'expireafter' is not a guardrail",
            f"allowed: {', '.join(WORKSPACE_GUARDRAILS)}; did you mean 'expireAfter'?",
        ),
        ({"reason": ""}, ".reason", "is empty", "allowed: text"),
        ({"reason": " \n"}, ".reason", "is blank", "allowed: text that tells a reviewer why"),
        ({"reason": "x" * 201}, ".reason", "has 201 characters", "allowed: up to 200"),
        ({"reason": 5}, ".reason", "is a number", "allowed: text; put it in quotes"),
        ({"until": "soon"}, ".until", "'soon' is not a day", "allowed: a day as YYYY-MM-DD, such as 2026-12-31"),
        ({"until": None}, ".until", "is empty", "allowed: a day as YYYY-MM-DD, such as 2026-12-31"),
    ],
)
def test_faults_of_an_exception(fields, path, problem, remedy):
    got = in_workspace(exceptions=[{"guardrail": "expireAfter", "reason": "agreed", **fields}])
    assert got == [(f"exceptions.0{path}", problem, remedy)]


@pytest.mark.parametrize("missing", ["guardrail", "reason"])
def test_an_allowance_says_what_and_why(missing):
    fields = {"guardrail": "expireAfter", "reason": "agreed"}
    del fields[missing]
    assert in_workspace(exceptions=[fields]) == [(f"exceptions.0.{missing}", "is missing", "add it")]


def test_allowances_are_a_list():
    assert in_workspace(exceptions="expireAfter") == [
        ("exceptions", "is text", "allowed: a list, such as [{guardrail: adminKey, reason: TEXT}]")
    ]


def test_the_guardrails_are_those_that_the_ledger_holds():
    assert tuple(Guardrail) == GUARDRAILS
    assert {*STACK_GUARDRAILS} | {*WORKSPACE_GUARDRAILS} == {*GUARDRAILS}


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_a_guardrail_is_allowed_at_its_levels_alone(guardrail):
    line = {"guardrail": guardrail, "reason": "agreed"}
    for allowed, data in (
        (guardrail in WORKSPACE_GUARDRAILS, {"workspaces": {"pay": {"exceptions": [line]}}}),
        (guardrail in STACK_GUARDRAILS, {"workspaces": {}, "exceptions": [line]}),
    ):
        if allowed:
            StackFile.model_validate(data)
        else:
            with pytest.raises(ValidationError):
                StackFile.model_validate(data)


def test_guardrails_are_as_built_in_where_nothing_is_said():
    assert StackFile.model_validate({"workspaces": {}}).guardrails == Guardrails(maxKeys=10)
    assert (Guardrails().groups_only, Guardrails().isolate_admin_keys) == (False, False)
