"""Strict YAML: plain data, and the line and column of every key and value.

YAML 1.1 is surprising (`NO` is false, `017` is 15, `1:20` is 80, a date is an object, the last of two equal keys wins).
Here only true, false, null, decimal numbers and text exist, and ambiguous input is refused.

Also refused: tags; a second document; the merge key `<<`, which YAML 1.2 dropped and which hides an entry's content
from reviewers. Anchors and aliases are allowed, because their values are in the same file.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from ambient_components.errors import Problem, Where, fail
from ambient_components.stackfile.regular import STACK_FILE_MAX, Unreadable, read_regular
from ambient_components.stackfile.yaml.build import Builder
from ambient_components.stackfile.yaml.positions import Marks, SourceMap
from ambient_components.stackfile.yaml.syntax import explain_syntax

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Line endings of the parsers.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class ParsedYaml:
    """The content of a file, and its YAML problems that leave it readable."""

    data: dict[str, object]
    """Mappings, lists, text, whole numbers, floats, booleans and None; keys are text as written."""

    marks: Marks
    """Positions of all keys and values."""

    problems: tuple[Problem, ...] = ()
    """Duplicate keys (the first wins), tags and merge keys, which are reported together with other problems."""

    @property
    def sources(self) -> SourceMap:
        """Positions of all keys and values, by path."""
        return SourceMap(self.marks)


def read_text(path: str | Path) -> str:
    """Read a stack file as UTF-8.

    Raises:
        AmbientError: The file cannot be read, is not a regular file, is too large, or is not UTF-8.
    """
    try:
        content = read_regular(str(path), STACK_FILE_MAX)
    except Unreadable as error:
        fail(Where(str(path)), "", error.problem, error.hint)
    return decoded(content, str(path))


def decoded(content: bytes, file: str) -> str:
    """Return the text of a file's content.

    Raises:
        AmbientError: The content is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        fail(_where_after(before, file), "", "not UTF-8", "save the file as UTF-8")


def parse_yaml(text: str, file: str) -> ParsedYaml:
    """Parse one document with a mapping at its top.

    Raises:
        AmbientError: The text is not YAML, is empty, is too deep or too large, or its top is not a mapping.
    """
    if unprintable := _UNPRINTABLE.search(text):
        # Before the parsers see it: they differ in counting characters or bytes.
        what = f"a character that YAML doesn't allow, U+{ord(unprintable[0]):04X}"
        fail(_where_after(text[: unprintable.start()], file), "", what, "remove it")
    builder = Builder(file)
    try:
        loader = _Loader(text)
        while not builder.done:
            builder.take(loader.get_event())
    except yaml.MarkedYAMLError as error:
        where, problem, remedy = explain_syntax(error, text, file)
        builder.problems.add(where, "", problem, remedy)
    if not builder.done:  # the parser failed, so the data is incomplete
        builder.problems.raise_if_any()
    if not isinstance(builder.top, dict):
        problem = "the file is empty" if builder.top is None else "the top of the file is not a mapping"
        fail(Where(file, 1, 1), "", problem, "allowed: a mapping such as 'workspaces: {}'")
    return ParsedYaml(builder.top, builder.marks, tuple(builder.problems))


def _where_after(before: str, file: str) -> Where:
    lines = _BREAK.split(before)
    return Where(file, len(lines), len(lines[-1]) + 1)
