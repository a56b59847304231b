"""The names of warnings: each is used, and no warning is without one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components.rules import guardrail_names
from ambient_components.rules.warnings import IN_FILES, LOUD, MANY, LoudWarning, WarningRule

PACKAGE = Path(__file__).parents[3] / "ambient_components"
PAGE = (PACKAGE.parent / "docs/reference/warnings.md").read_text()
NAMES = (*WarningRule, *LoudWarning)


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield path.relative_to(PACKAGE), node


def test_no_two_warnings_have_one_name_and_none_has_that_of_a_guardrail() -> None:
    assert len({*NAMES, *guardrail_names.GUARDRAILS}) == len(NAMES) + len(guardrail_names.GUARDRAILS)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in NAMES)


def test_every_finding_that_warns_has_a_name() -> None:
    found = []
    for path, call in calls():
        given = {one.arg: one.value for one in call.keywords}
        if isinstance(given.get("warning"), ast.Constant) and getattr(call.func, "id", "") == "Finding":
            found.append((str(path), "rule" in given))
    assert len(found) > 15
    assert [path for path, named in found if not named] == []


@pytest.mark.parametrize("kind", [WarningRule, LoudWarning])
def test_every_name_is_used(kind: type[WarningRule | LoudWarning]) -> None:
    code = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "warnings.py")
    assert [one.name for one in kind if f"{kind.__name__}.{one.name}" not in code] == []


def test_what_is_decided_and_folded_are_warnings() -> None:
    assert {*IN_FILES, *MANY} <= {*WarningRule}
    assert not LOUD & {*WarningRule}


def meanings(kind: type[WarningRule | LoudWarning]) -> dict[str, str]:
    """The texts after the names."""
    tree = ast.parse((PACKAGE / "rules/warnings.py").read_text())
    (body,) = (one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == kind.__name__)
    found = {}
    for name, text in zip(body[1::2], body[2::2], strict=True):
        assert isinstance(name, ast.Assign)
        assert isinstance(text, ast.Expr)
        found[ast.literal_eval(name.value)] = ast.literal_eval(text.value)
    return found


@pytest.mark.parametrize("kind", [WarningRule, LoudWarning])
def test_the_page_lists_them(kind: type[WarningRule | LoudWarning]) -> None:
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in meanings(kind).items())
    assert [*meanings(kind)] == [*kind]
    assert f"| name | meaning |\n|---|---|\n{rows}" in PAGE
