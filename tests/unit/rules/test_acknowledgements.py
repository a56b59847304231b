"""Which warnings an acknowledgement hides."""

import pytest

from ambient_components.errors import Acknowledged, Problem, refusal
from ambient_components.rules.acknowledgements import NONE, STACK, Acknowledgements

OF_STACK = Acknowledged("all of them", "2026-11-01")
OF_PAY = Acknowledged("only pay", "2026-11-02")
IN_FORCE = Acknowledgements({STACK: {"grantEnding": OF_STACK}, "pay": {"noRunnerSecret": OF_PAY}})


def warning(rule: str | None, *workspaces: str) -> Problem:
    return refusal("is odd", rule=rule, workspaces=workspaces)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (warning("grantEnding", "pay"), OF_STACK),
        (warning("grantEnding"), OF_STACK),
        (warning("noRunnerSecret", "pay"), OF_PAY),
        (warning("noRunnerSecret", "ads"), None),
        (warning("noRunnerSecret", "pay", "ads"), None),
        (warning("noRunnerSecret"), None),
        (warning("lookalikeName", "pay"), None),
        (warning(None, "pay"), None),
    ],
)
def test_what_is_acknowledged(found: Problem, expected: Acknowledged | None) -> None:
    assert IN_FORCE.of(found) == expected
    assert [one.acknowledged for one in IN_FORCE.marked([found])] == [expected]
    assert NONE.of(found) is None


def test_the_ledger_gets_names_alone() -> None:
    assert IN_FORCE.names == {"*": ["grantEnding"], "pay": ["noRunnerSecret"]}
    again = Acknowledgements.named(IN_FORCE.names)
    assert again.of(warning("noRunnerSecret", "pay")) is not None
    assert again.of(warning("noRunnerSecret", "ads")) is None
