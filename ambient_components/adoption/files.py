"""The texts of a stack's files after an adoption: entries, with comments on what they can't say. Nothing is written."""

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from ambient_components.adoption.notes import Note, NoteRule
from ambient_components.adoption.settings import STORAGE
from ambient_components.adoption.workspaces import ExistingWorkspace
from ambient_components.errors import Where, fail
from ambient_components.printable import one_line
from ambient_components.stackfile.editing import Change, edited, scalar, with_workspaces
from ambient_components.stackfile.schema import SCHEMA_FILE
from ambient_components.stackfile.yaml.dumping import block_of
from ambient_components.stackfile.yaml.reader import parse_yaml

_INCLUDE: Final = "include"
_GUARDRAILS: Final = "guardrails"
_ADOPT: Final = "adopt"

Current = Callable[[str], str | None]
"""Returns the present text of a file by its path from the folder of stack files. None if there is none."""


class Layout(StrEnum):
    ONE = "one"
    """The stack file."""

    PER_WORKSPACE = "per-workspace"
    """A file for each workspace, in a folder with the stack's name."""

    def file_of(self, stack: str, workspace: str) -> str:
        """Return the file of a workspace, by its path from the folder of stack files."""
        return f"{stack}.yaml" if self is Layout.ONE else f"{stack}/{workspace}.yaml"


def texts(stack: str, layout: Layout, workspaces: Sequence[ExistingWorkspace], current: Current) -> dict[str, str]:
    """Return the new text of each file that changes, by its path from the folder of stack files."""
    by_file: dict[str, dict[str, str]] = {}
    for workspace in workspaces:
        by_file.setdefault(layout.file_of(stack, workspace.name), {})[workspace.name] = block(workspace)
    main = f"{stack}.yaml"
    patterns, named = list[str](), list[str]()
    if layout is Layout.PER_WORKSPACE:
        patterns = [f"{stack}/*.yaml"]
        named = [workspace.name for workspace in workspaces if workspace.entry.get(_ADOPT)]
    before = current(main)
    if before is None:
        text = stack_file(stack, patterns, named)
    else:
        text = _naming(_including(before, main, patterns), main, named)
    changed = {main: text} if text != before else {}
    for file, blocks in sorted(by_file.items()):
        there = text if file == main else current(file)
        changed[file] = with_workspaces(included_file() if there is None else there, file, blocks)
    return changed


def _including(text: str, file: str, patterns: Iterable[str]) -> str:
    included = parse_yaml(text, file).data.get(_INCLUDE)
    items = included if isinstance(included, list) else []
    there = [item.get("path") if isinstance(item, Mapping) else item for item in items]
    missing = [pattern for pattern in patterns if pattern not in there]
    if not missing:
        return text
    if included is not None:
        fail(Where(file), _INCLUDE, f"{missing[0]} is not included", f"add it to the list: - {missing[0]}")
    return f"{text.rstrip()}\n\n{inclusion(missing)}"


def _naming(text: str, file: str, names: Sequence[str]) -> str:
    """Return a stack file's text with guardrails that name the workspaces that included files take over."""
    data = parse_yaml(text, file).data
    guardrails = data.get(_GUARDRAILS)
    there = guardrails.get(_ADOPT) if isinstance(guardrails, Mapping) else None
    missing = [scalar(name) for name in names if name not in (there or ())]
    if not missing:
        return text
    if _GUARDRAILS not in data:
        return f"{text.rstrip()}\n\n{leave(missing)}"
    if there:
        return edited(text, file, [Change((_GUARDRAILS, _ADOPT), None, name) for name in missing])
    return edited(text, file, [Change((_GUARDRAILS,), _ADOPT, f"[{', '.join(missing)}]")])


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
