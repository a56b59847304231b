"""Models of guardrails and of the exceptions from them."""

import pytest
from pydantic import ValidationError

from ambient_components.rules.guardrail_names import GUARDRAILS, STACK_GUARDRAILS, WORKSPACE_GUARDRAILS
from ambient_components.stackfile import Guardrail, StackFile


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
