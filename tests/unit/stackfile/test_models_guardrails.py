"""Models of guardrails and of the exceptions from them."""

import pytest
from pydantic import ValidationError

from ambient_components.rules.guardrail_names import GUARDRAILS, STACK_GUARDRAILS, WORKSPACE_GUARDRAILS
from ambient_components.stackfile import Guardrail, GuardrailException, Guardrails, StackFile
from tests.support.stack_models import workspace


def test_an_exception():
    (got,) = workspace(exceptions=[{"guardrail": "expireAfter", "reason": "agreed", "until": "2026-12-31"}]).exceptions
    assert got == GuardrailException(guardrail=Guardrail.EXPIRE_AFTER, reason="agreed", until="2026-12-31")
    (got,) = workspace(exceptions=[{"guardrail": "expireAfter", "reason": "x" * 200}]).exceptions
    assert got.until is None


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
