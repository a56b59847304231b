"""Adopted workspaces as YAML: an entry's lines, with comments on what it can't say."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import yaml

from ambient_components.adoption.notes import Note, NoteRule
from ambient_components.adoption.secrets import STORAGE
from ambient_components.adoption.workspaces import ExistingWorkspace
from ambient_components.printable import has_log_command, one_line, yaml_text
from ambient_components.stackfile.schema import SCHEMA_FILE
from ambient_components.stackfile.yaml.build import unquoted

_WIDTH: Final = 118
_ENTRY: Final = 2


_SAID_ONCE: Final = frozenset({NoteRule.KEY_EXPIRY, NoteRule.KEY_USER, NoteRule.SECRETS})
"""Notes that are alike in all workspaces: the summary has them, and an entry's block of secrets says the last."""


class _Dumper(yaml.SafeDumper):
    """Writes lists indented below their key, and nothing as an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indent the items of a list too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write equal values twice: an edit of one must not change the other."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Quote a text that the reader of stack files takes as a number: PyYAML writes 1E3 and 12e03 without quotes.

    Double quotes allow the escape of log commands, since `--dry-run` prints the lines in pipelines too.
    """
    style = '"' if has_log_command(value) else None if unquoted(value) == value else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def block(workspace: ExistingWorkspace) -> str:
    """Return the lines of a workspace's entry, which begin with its name."""
    comments = [*_notes(workspace.notes), *_secrets(workspace.name, workspace.secret_names)]
    lines = [f"{workspace.name}:", *comments, *_yaml(workspace.entry).splitlines()]
    return "\n".join([lines[0], *(f"{' ' * _ENTRY}{line}" for line in lines[1:])]) + "\n"


def stack_file(
    stack: str, defaults: Mapping[str, Any], include: Sequence[str] = (), adopted: Sequence[str] = ()
) -> str:
    """Return a new stack file without workspaces.

    Args:
        stack: Its stack, for the heading.
        defaults: What all adopted workspaces have in common.
        include: Patterns of the files with their entries.
        adopted: Names of the workspaces that these files take over.
    """
    head = f"# yaml-language-server: $schema={SCHEMA_FILE}\n# The workspaces of stack {stack}.\n"
    parts = [inclusion(include)] if include else []
    parts += [leave(adopted)] if adopted else []
    parts += [_yaml({"defaults": dict(defaults)})] if defaults else []
    parts += ["workspaces: {}\n"]
    return "\n".join([head, *parts])


def inclusion(patterns: Iterable[str]) -> str:
    """Return the lines that include further files."""
    return _yaml({"include": list(patterns)})


def leave(names: Iterable[str]) -> str:
    """Return the lines that let included files take workspaces over."""
    return _yaml({"guardrails": {"adopt": list(names)}})


def included_file() -> str:
    """Return a new file for entries of workspaces, in a folder beside the stack file."""
    return f"# yaml-language-server: $schema=../{SCHEMA_FILE}\n\nworkspaces: {{}}\n"


def _yaml(value: Mapping[str, Any]) -> str:
    """Return a mapping on lines of its own; its innermost mappings and lists are in braces."""
    return yaml_text("".join(_field(name, one) for name, one in value.items()))


def _field(name: str, value: Any) -> str:
    text: str = yaml.dump(
        {name: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=_is_visible(value), width=_WIDTH - _ENTRY,
        default_flow_style=None if isinstance(value, Mapping | list) else False,
    )  # fmt: skip
    return text


def _is_visible(value: Any) -> bool:
    """Return whether all characters of a value are visible. Others are escaped: YAML reads some of them as spaces."""
    if isinstance(value, Mapping):
        return all(_is_visible(key) and _is_visible(one) for key, one in value.items())
    if isinstance(value, list):
        return all(map(_is_visible, value))
    return not isinstance(value, str) or value.replace("\n", "").isprintable()


def _notes(notes: Sequence[Note]) -> list[str]:
    lines = []
    for note in notes:
        if note.rule in _SAID_ONCE:
            continue
        what, *hints = note.lines
        lines += _comment(what)
        for hint in hints:
            lines += _comment(hint, "#   ")
    return lines


def _comment(text: str, begins: str = "# - ") -> list[str]:
    return textwrap.wrap(
        one_line(text), _WIDTH - _ENTRY, initial_indent=begins, subsequent_indent=f"{begins[:2]}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _secrets(workspace: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a block to fill in: the names of variables, each with a place for its value."""
    # A note says what to do about the variables of a storage.
    sources = {
        secret: {name: {"config": f"{workspace}/{name}"} for name in variables}
        for secret, variables in names.items()
        if variables and secret != STORAGE
    }
    if not sources:
        return []
    head = _comment("These variables stay unchanged. To declare them, give each a source and remove the '# '", "# ")
    return [*head, *(f"# {line}" for line in _yaml({"secrets": sources}).splitlines())]
