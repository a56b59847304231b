"""Adopted workspaces as YAML: an entry's lines, with comments on what it can't say."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ambient_components.adoption.dumping import block_of
from ambient_components.adoption.notes import Note, NoteRule
from ambient_components.adoption.settings import STORAGE
from ambient_components.adoption.workspaces import ExistingWorkspace
from ambient_components.printable import one_line
from ambient_components.stackfile.schema import SCHEMA_FILE

_WIDTH: Final = 118
_ENTRY: Final = 2


_SAID_ONCE: Final = frozenset({NoteRule.KEY_EXPIRY, NoteRule.KEY_USER, NoteRule.SECRETS})
"""Notes that are alike in all workspaces: the summary has them, and an entry's block of secrets says the last."""


def block(workspace: ExistingWorkspace) -> str:
    comments = [*_notes(workspace.notes), *_secrets(workspace.name, workspace.secret_names)]
    lines = [f"{workspace.name}:", *comments, *_yaml(workspace.entry).splitlines()]
    return "\n".join([lines[0], *(f"{' ' * _ENTRY}{line}" for line in lines[1:])]) + "\n"


def stack_file(stack: str, include: Sequence[str] = (), adopted: Sequence[str] = ()) -> str:
    head = f"# yaml-language-server: $schema={SCHEMA_FILE}\n# The workspaces of stack {stack}.\n"
    parts = [inclusion(include)] if include else []
    parts += [leave(adopted)] if adopted else []
    parts += ["workspaces: {}\n"]
    return "\n".join([head, *parts])


def inclusion(patterns: Iterable[str]) -> str:
    return _yaml({"include": list(patterns)})


def leave(names: Iterable[str]) -> str:
    return _yaml({"guardrails": {"adopt": list(names)}})


def included_file() -> str:
    return f"# yaml-language-server: $schema=../{SCHEMA_FILE}\n\nworkspaces: {{}}\n"


def _yaml(value: Mapping[str, Any]) -> str:
    return block_of(value, _WIDTH - _ENTRY)


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
    """Return a comment. Further lines are indented deeper, so that no name in it can look like a line of its own."""
    return textwrap.wrap(
        one_line(text), _WIDTH - _ENTRY, initial_indent=begins, subsequent_indent=f"#{' ' * (len(begins) + 1)}",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _secrets(workspace: str, names: Mapping[str, Sequence[str]]) -> list[str]:
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
