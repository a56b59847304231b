"""The pages of docs/reference that are made from the code: commands, exit codes, the JSON of plans."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from ambient_components.cli.app import app
from ambient_components.output import CHANGES, INTERRUPTED, REFUSED, USAGE
from ambient_components.plan.document import plan_schema

_DEFAULT = re.compile(r" ?Default: (?P<value>[^.]+)\.")
_CODES = re.compile(r"^exit codes: (.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)

MEANINGS = {
    0: "Success, or nothing to do.",
    1: "An error. Its text says what to do.",
    CHANGES: "Changes are pending, or something needs attention.",
    REFUSED: "A guardrail refuses the change. Nothing was changed.",
    USAGE: "Wrong usage: an unknown option or value.",
    INTERRUPTED: "Ended by Ctrl-C.",
}


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command with its name, a group before its commands."""
    yield from _below("ambient", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for verb in _verbs(command):
        yield from _below(f"{name} {verb}", command.get_command(None, verb))


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


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    for name, part in schema["properties"].items():
        kind = part.get("type", "")
        yield _row(f"`{name}`", " or ".join(kind) if isinstance(kind, list) else kind, part.get("description", ""))


PAGES = {"cli.md": commands_page, "exit-codes.md": exit_codes_page, "json.md": json_page}
