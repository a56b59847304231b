"""Edited stack files: their new texts, writing them, all or none, and what is refused."""

import codecs
from collections.abc import Iterable, Mapping
from pathlib import Path

from ambient_components.errors import AmbientError, Problem, Problems, format_path
from ambient_components.stackfile.editing import Change, edited
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stackfile.yaml.reader import read_text
from ambient_components.suggest import nearest_or_some
from ambient_components.writing import write_files


def edited_texts(stack: LoadedStack, changes: Iterable[Change]) -> dict[str, str]:
    """Return the new texts by file, with changes of workspaces' entries. Nothing is written."""
    by_file: dict[str, list[Change]] = {}
    for change in changes:
        by_file.setdefault(stack.sources.key(change.path[:2]).file, []).append(change)
    problems = Problems()
    texts = {}
    for file, of_file in by_file.items():
        try:
            texts[file] = edited(_exact(file), file, of_file)
        except AmbientError as error:
            problems.extend(error.problems)
    problems.raise_if_any()
    return texts


def write_stack(path: str, texts: Mapping[str, str]) -> LoadedStack:
    """Write a stack's edited files, all or none, and return the resulting stack."""
    before = {file: Path(file).read_bytes() for file in texts}
    try:
        write_files({file: text.encode() for file, text in texts.items()})
        return load_stack(path)
    except AmbientError as error:
        write_files(before)
        note = Problem(None, "", "nothing is written: the stack would not be valid with what was asked for")
        raise AmbientError([note, *error.problems]) from None


def _exact(file: str) -> str:
    """Return a file's exact text, including a byte order mark."""
    text = read_text(file)
    return "\ufeff" + text if Path(file).read_bytes().startswith(codecs.BOM_UTF8) else text


def of_workspace(stack: LoadedStack, name: str, problem: str, *hints: str) -> Problem:
    workspaces = stack.file.workspaces
    if name not in workspaces:
        hint = nearest_or_some(name, workspaces)
        return Problem(None, "", f"{stack.path} has no workspace {name!r}", (hint,))
    path = ("workspaces", name)
    return Problem(stack.sources.key(path), format_path(path), problem, hints)
