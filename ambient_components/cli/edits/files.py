"""Edited stack files: their new texts, and writing them, all or none."""

import codecs
from collections.abc import Mapping, Sequence
from pathlib import Path

from ambient_components.errors import AmbientError, Problem, Problems
from ambient_components.stackfile.changes import Edit
from ambient_components.stackfile.editing import edited
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stackfile.yaml.reader import read_text
from ambient_components.writing import write_files


def edited_texts(changes: Mapping[str, Sequence[Edit]]) -> dict[str, str]:
    """Return the new texts by file. Nothing is written."""
    problems = Problems()
    texts = {}
    for file, of_file in changes.items():
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
