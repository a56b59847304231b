"""Strict YAML: plain data, and the line and column of every key and value.

YAML 1.1 is surprising (`NO` is false, `017` is 15, `1:20` is 80, a date is an object, the last of two equal keys wins).
Here only true, false, null, decimal numbers and text exist, and ambiguous input is refused.

Also refused: tags; a second document; the merge key `<<`, which YAML 1.2 dropped and which hides an entry's content
from reviewers. Anchors and aliases are allowed, because their values are in the same file.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from ambient_components.errors import Problem, Remedy, Where, fail, hints_of
from ambient_components.stackfile.regular import STACK_FILE_MAX, Unreadable, read_regular
from ambient_components.stackfile.yaml.build import Builder
from ambient_components.stackfile.yaml.positions import Marks, SourceMap

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
    problems: tuple[Problem, ...] = ()
    """Duplicate keys (the first wins), tags and merge keys, which are reported together with other problems."""

    @property
    def sources(self) -> SourceMap:
        return SourceMap(self.marks)


def read_text(path: str | Path) -> str:
    """Read a stack file as UTF-8."""
    try:
        content = read_regular(str(path), STACK_FILE_MAX)
    except Unreadable as error:
        fail(Where(str(path)), "", error.problem, error.hint)
    return decoded(content, str(path))


def decoded(content: bytes, file: str) -> str:
    """Return the text of a file's content."""
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


# Syntax errors. A parser reports the violated rule and the position where it noticed. Users need the position where
# the mistake starts, and its probable cause. The file is never quoted, because the line may contain a secret.

_CONFLICT: Final = re.compile(r"^(?:<{7}|={7}|>{7})(?: .*)?$", re.MULTILINE)
_OTHERWISE: Final = "check quotes, brackets and indentation here and on the line above"
_TWICE: Final = "write a ' in single quotes twice"
_TAB: Final = ("a tab", "indent with spaces, and put a text that holds a tab in quotes")


class _Slip(NamedTuple):
    """Part of a message of libyaml or PyYAML, and its meaning."""

    message: str
    problem: str
    remedy: Remedy
    at_start: bool = False
    """Whether to report the start of the faulty construct instead of the parser's position."""


_SLIPS: Final = (
    _Slip(
        "mapping values are not allowed",
        "a ': ' that belongs to no key",
        ("quote a text that holds one", "else check the indentation here and the colon on the line above"),
    ),
    _Slip(
        "could not find expected ':'",
        "a line that is neither 'KEY: VALUE' nor '- ITEM'",
        ("add the colon or the dash, and a space behind it", "begin a text of several lines with |"),
        at_start=True,
    ),
    _Slip("found unexpected end of stream", "a quote that is never closed", "close it", at_start=True),
    _Slip(
        "found unexpected document indicator",
        "a quote that is never closed",
        "close it before the '---' or '...'",
        at_start=True,
    ),
    _Slip("expected ',' or ']'", "a list that goes wrong here", "close its [, and put a comma between items"),
    _Slip("expected ',' or '}'", "a mapping that goes wrong here", "close its {, and put a comma between entries"),
    _Slip("node content", "nothing, where a value belongs", "write a value, or remove the comma or bracket"),
    _Slip(
        "'-' indicator", "a line in a list that is no item", "begin items with '- ', and indent all of an item alike"
    ),
    _Slip(
        "sequence entries are not allowed",
        "a '- ' behind a key",
        "put items on lines of their own, or write [ITEM, ITEM]",
    ),
    _Slip("tab character", *_TAB),
    _Slip("escape", "a \\ that begins no known escape", "put the text in single quotes, or write \\\\"),
    _Slip("hexdecimal", "a \\ that begins no known escape", "put the text in single quotes, or write \\\\"),
    _Slip("document start", "something behind the end of the document", "keep one document in a file"),
    _Slip("nesting", "nested too deeply", "flatten it"),
    _Slip("alphabetic or numeric", "an anchor (&) or alias (*) without a name", "name it, or put the text in quotes"),
    _Slip("directive", "a directive ('%')", "remove the line, or put a text that begins with % in quotes"),
    _Slip("incompatible", "a directive ('%')", "remove the line"),
    _Slip("tag", "a tag ('!')", "remove it, or quote the text if it starts with '!'"),
    _Slip(
        "expected",
        "a line or a character that doesn't fit what is around it",
        ("indent the line like those beside it", _TWICE),
    ),
)


def explain_syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> tuple[Where, str, Remedy]:
    """Return position, problem and remedy for a syntax error."""
    mark = error.problem_mark or error.context_mark
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return Where(file, line, 1), "not YAML: a merge conflict of Git", "resolve it"
    if mark is None:
        return Where(file), "not YAML", _OTHERWISE
    message = error.problem or ""
    if "cannot start any token" in message:
        problem, remedy = _TAB if text[mark.index : mark.index + 1] == "\t" else _no_token(text[mark.index :])
        return _where(mark, text, file), f"not YAML: {problem}", remedy
    slip = next((slip for slip in _SLIPS if slip.message in message), None)
    if slip is None:
        return _where(mark, text, file), "not YAML: something that can't be read", _OTHERWISE
    start, hints = error.context_mark, hints_of(slip.remedy)
    if "'" not in text[: mark.index].rpartition("\n")[2]:
        hints = tuple(hint for hint in hints if hint != _TWICE)
    if start is not None and (slip.at_start or not text[mark.index :].strip()):
        mark = start  # the end of the file shows nothing
    elif start is not None and slip.message.startswith("expected ','"):
        hints = (*hints, f"look where it begins: {_where(start, text, file)}")
    return _where(mark, text, file), f"not YAML: {slip.problem}", hints


def _no_token(rest: str) -> tuple[str, str]:
    """Name the character. It is one of three that YAML reserves, so it reveals nothing about a secret."""
    return f"a text that begins with {rest[:1]}" if rest[:1] in "@`%" else "a reserved character", "put it in quotes"


def _where(mark: yaml.Mark, text: str, file: str) -> Where:
    """Return the position of a mark; libyaml puts the end of a file on a line after the last one."""
    lines = _BREAK.split(text)
    if mark.line < len(lines):
        return Where(file, mark.line + 1, min(mark.column, len(lines[mark.line])) + 1)
    return Where(file, len(lines), len(lines[-1]) + 1)
