"""The reference says what the code does: generated pages are fresh, and every rule and variable has its place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components import problem_json
from ambient_components.documentation import ERROR_RULES, rule_page
from ambient_components.rules.guardrail_names import GUARDRAILS
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import WarningRule
from tests.support import reference_pages

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs/reference"
COMMANDS = dict(reference_pages.commands())
VERBS = {name: command for name, command in COMMANDS.items() if not hasattr(command, "list_commands")}


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_generated_pages_are_fresh(request: pytest.FixtureRequest, name: str) -> None:
    page, text = REFERENCE / name, reference_pages.PAGES[name]()
    if request.config.getoption("--update-golden"):
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text, "run this test with --update-golden"


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_lists_its_exit_codes(name: str) -> None:
    codes = reference_pages.exit_codes(VERBS[name])
    assert list(codes) == sorted(codes)
    assert {0, 1, 64, 130} <= codes.keys() <= reference_pages.MEANINGS.keys()


def test_every_rule_has_an_anchor() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    section = page[page.index("\n## Rules\n") :].split("\n## ")[1]
    rules = [*GUARDRAILS, *Rule, problem_json.MISSING_VALUE]
    assert sorted(re.findall(r"^### (\S+)$", section, re.MULTILINE)) == sorted(rules) == sorted(ERROR_RULES)
    for rule in rules:
        assert rule_page(rule).endswith(f"/reference/errors.md#{rule.lower()}")
    assert rule_page(WarningRule.NO_RUNNER_SECRET) == rule_page(None) == ""


def _variables(tree: ast.Module) -> Iterator[str]:
    """Yield the environment variables that a module reads, and those that a constant names."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=where, attr="get" | "pop"), args=[ast.Constant(value=str(name)), *_]
            ):
                if ast.unparse(where).endswith("environ"):
                    yield name
            case ast.Subscript(value=where, slice=ast.Constant(value=str(name))) if ast.unparse(where).endswith(
                "environ"
            ):
                yield name
            case (
                ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                | ast.Assign(targets=[ast.Name(id=target)], value=value)
            ) if re.search(r"(^|_)VARIABLES?$", target):
                yield from (str(part.value) for part in ast.walk(value) if isinstance(part, ast.Constant))


def test_every_environment_variable_that_is_read_is_on_its_page() -> None:
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    # These name variables of sessions, and what no stack file may name as a source.
    others = {
        "platform/contract.py", "platform/schedules.py", "rules/forbidden_sources.py", "rules/warnings.py",
        "stackfile/privacy.py", "buckets/access_keys.py", "adoption/notes.py",
    }  # fmt: skip
    read = {
        name
        for path in (ROOT / "ambient_components").rglob("*.py")
        if not str(path).endswith(tuple(others))
        for name in _variables(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert "AMBIENT_EXCLUDE" in read
    assert sorted(read - documented) == []
