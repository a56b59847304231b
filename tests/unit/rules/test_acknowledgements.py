"""Which warnings an acknowledgement hides."""

from dataclasses import replace

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


def access(*objects: str, workspace: str = "pay") -> Problem:
    return replace(warning("undeclaredAccess", workspace), data=tuple((one,) for one in objects))


KNOWN = Acknowledgements(
    {
        STACK: {"undeclaredAccess: view of group:audit": OF_STACK},
        "pay": {"undeclaredAccess: edit of user:bob": OF_PAY, "undeclaredAccess": OF_PAY},
    }
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (access("edit of user:bob"), OF_PAY),
        (access("view of group:audit"), OF_STACK),
        (access("view of group:audit", workspace="ads"), OF_STACK),
        (access("edit of user:bob", "view of group:audit"), OF_PAY),
        (access("edit of user:bob", workspace="ads"), None),
        (access("edit of user:bob", "edit of user:mallory"), None),
        (access("view of user:bob"), None),
        (access("edit of user:bob (RoleBinding x)"), None),
        # An object without a name, and a list without its objects: nothing says which they are.
        (access(""), None),
        (access(), None),
    ],
)
@pytest.mark.parametrize("form", [KNOWN, Acknowledgements.named(KNOWN.names)], ids=["values", "names"])
def test_access_is_acknowledged_object_by_object(
    form: Acknowledgements, found: Problem, expected: Acknowledged | None
) -> None:
    assert (form.of(found) is None) == (expected is None)
    assert form is not KNOWN or form.of(found) == expected


def test_the_ledger_gets_names_alone() -> None:
    assert IN_FORCE.names == {"*": ["grantEnding"], "pay": ["noRunnerSecret"]}
    again = Acknowledgements.named(IN_FORCE.names)
    assert again.of(warning("noRunnerSecret", "pay")) is not None
    assert again.of(warning("noRunnerSecret", "ads")) is None
