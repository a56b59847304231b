"""The reference says what the code does: generated pages are fresh, and every rule and variable has its place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ambient_components import problem_json
from ambient_components.access.deployer import RIGHTS
from ambient_components.cli.app import app
from ambient_components.documentation import ERROR_RULES, rule_page
from ambient_components.output import CHANGES, INTERRUPTED, REFUSED, USAGE
from ambient_components.plan.document import plan_schema
from ambient_components.rules.guardrail_names import GUARDRAILS
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import WarningRule

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs/reference"

_DEFAULT = re.compile(r" ?Default: (?P<value>[^.]+)\.")
_CODES = re.compile(r"^exit codes: (.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)

MEANINGS = {
    0: "Success, or nothing to do.",
    1: "An error. Its text says what to do.",
    CHANGES: "Changes are pending, or something needs attention.",
    REFUSED: "A guardrail refuses the change. Nothing was changed, but in a fleet the shards that it does not concern.",
    USAGE: "Wrong usage: an unknown option or value.",
    INTERRUPTED: "Ended by Ctrl-C.",
}


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command with its name, a group before its commands."""
    yield from _below("ambient", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for verb in _verbs(command):
        yield from _below(f"{name} {verb}", command.get_command(typer.Context(command), verb))


def _verbs(command: Any) -> list[str]:
    return command.list_commands(None) if hasattr(command, "list_commands") else []


def epilog(command: Any) -> str:
    return re.sub(r"^\x08\n", "", command.epilog or "", flags=re.MULTILINE).strip("\n")


def exit_codes(command: Any) -> dict[int, str]:
    """Return the exit codes that the help of a command lists."""
    listed = _CODES.search(epilog(command))
    parts = re.split(r"; (?=\d+ )", " ".join(listed[1].split())) if listed else []
    return {int(code): text for code, _, text in (part.partition(" ") for part in parts)}


def commands_page() -> str:
    lines = [
        "# Commands",
        "",
        "Generated from the commands: `ambient COMMAND --help` prints the same. Every command has `--help`.",
    ]
    for name, command in commands():
        lines += ["", f"## {name}", "", command.help, ""]
        lines += [
            f"- [{name} {verb}](#{name}-{verb})".replace(f"#{name}", f"#{_anchor(name)}") for verb in _verbs(command)
        ]
        if params := [param for param in command.params if not param.name.endswith("_completion")]:
            lines += ["", "| argument or option | default | meaning |", "|---|---|---|", *map(_param, params)]
        if command.epilog:
            lines += ["", "```text", epilog(command), "```"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _param(param: Any) -> str:
    """Return the row of an argument or an option; a text may say its default."""
    value = param.metavar or ("" if getattr(param, "is_flag", True) else "VALUE")
    choices = value.strip("[]").split("|") if "|" in value else []
    value = "VALUE" if choices else value
    meaning = _DEFAULT.sub("", param.help) + (
        f" Values: {', '.join(f'`{word}`' for word in choices)}." if choices else ""
    )
    if param.param_type_name == "argument":
        names = [param.metavar or param.name.upper()]
    else:
        names = [f"{name} {value}".strip() for name in (*param.opts, *param.secondary_opts)]
    described = _DEFAULT.search(param.help)
    default = described["value"] if described else ""
    if not described and param.default not in (None, "", False) and not getattr(param, "is_flag", False):
        default = f"`{param.default}`"
    return _row(", ".join(f"`{name}`" for name in names), default, meaning)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def exit_codes_page() -> str:
    lines = [
        "# Exit codes",
        "",
        "Generated from the commands. Every command can end with 64 and 130.",
        "",
        "| code | meaning |",
        "|---|---|",
        *(_row(f"`{code}`", meaning) for code, meaning in MEANINGS.items()),
        "",
        "## By command",
        "",
        "| command | 0 | 1 | 2 | 3 |",
        "|---|---|---|---|---|",
    ]
    for name, command in commands():
        if not _verbs(command):
            codes = exit_codes(command)
            lines.append(_row(f"[`{name}`](cli.md#{_anchor(name)})", *(codes.get(code, "") for code in range(4))))
    return "\n".join(lines) + "\n"


def json_page() -> str:
    schema = plan_schema()
    lines = [
        "# JSON",
        "",
        "What commands print with `--format json`. Their [help](cli.md) lists the fields. Two formats have a schema:",
        "",
        "- [plan.schema.json](plan.schema.json): `ambient plan --format json`. Below are its fields, generated.",
        "- `stack.schema.json`: the stack file, for editors. `ambient schema` prints it; see its [fields](fields.md).",
        "",
        "## The plan",
        "",
        *_fields(schema),
    ]
    for name, part in schema["properties"].items():
        inner = part.get("items", part)
        if inner.get("properties"):
            lines += ["", f"### {name}", "", *_fields(inner)]
    return "\n".join(lines) + "\n"


def rights_page() -> str:
    lines = [
        "# Rights",
        "",
        "Generated: what a run asks the cluster for. [What they amount to](deployer-rights.md).",
        "",
        "| API group | resource | verb | for | in a stack with |",
        "|---|---|---|---|---|",
    ]
    for right in RIGHTS:
        objects = f"`{right.resource}`" + (f" `{right.name}`" if right.name else "")
        features = ", ".join(f"`{feature}`" for feature in sorted(right.features)) or "everything"
        lines.append(
            _row(f"`{right.group}`" if right.group else "core", objects, f"`{right.verb}`", right.why, features)
        )
    return "\n".join(lines) + "\n"


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    for name, part in schema["properties"].items():
        kind = part.get("type", "")
        yield _row(f"`{name}`", " or ".join(kind) if isinstance(kind, list) else kind, part.get("description", ""))


PAGES = {"cli.md": commands_page, "exit-codes.md": exit_codes_page, "json.md": json_page, "rights.md": rights_page}


COMMANDS = dict(commands())
VERBS = {name: command for name, command in COMMANDS.items() if not hasattr(command, "list_commands")}


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_fresh(request: pytest.FixtureRequest, name: str) -> None:
    page, text = REFERENCE / name, PAGES[name]()
    if request.config.getoption("--update-golden"):
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text, "run this test with --update-golden"


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_lists_its_exit_codes(name: str) -> None:
    codes = exit_codes(VERBS[name])
    assert list(codes) == sorted(codes)
    assert {0, 1, 64, 130} <= codes.keys() <= MEANINGS.keys()


def test_every_rule_has_an_anchor() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    section = page[page.index("\n## Rules\n") :].split("\n## ")[1]
    rules = [*GUARDRAILS, *Rule, problem_json.MISSING_VALUE]
    assert sorted(re.findall(r"^### (\S+)$", section, re.MULTILINE)) == sorted(rules) == sorted(ERROR_RULES)
    for rule in rules:
        assert rule_page(rule) == f"ambient docs errors {rule}"
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
    # These name variables of sessions, what no stack file may name as a source, and what shells set.
    others = {
        "platform/contract.py", "platform/schedules.py", "rules/secrets.py", "rules/warnings.py",
        "stackfile/privacy.py", "buckets/access_keys.py", "adoption/notes.py", "cli/completing.py",
    }  # fmt: skip
    read = {
        name
        for path in (ROOT / "ambient_components").rglob("*.py")
        if not str(path).endswith(tuple(others))
        for name in _variables(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert "AMBIENT_EXCLUDE" in read
    assert sorted(read - documented) == []
