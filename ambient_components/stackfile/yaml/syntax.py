"""Messages for YAML syntax errors: what is wrong, where, and what to do.

A parser reports the violated rule and the position where it noticed. Users need the position where the mistake starts,
and its probable cause. The file is never quoted, because the line may contain a secret.
"""

import re
from typing import Final, NamedTuple

import yaml

from ambient_components.errors import Remedy, Where, hints_of

_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_CONFLICT: Final = re.compile(r"^(?:<{7}|={7}|>{7})(?: .*)?$", re.MULTILINE)
_OTHERWISE: Final = "check quotes, brackets and indentation here and on the line above"
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
    _Slip(
        "expected key",
        "a line or a character that doesn't fit what is around it",
        ("indent the line like those beside it", "write a ' in single quotes twice"),
    ),
    _Slip(
        "expected <block end>",
        "a line or a character that doesn't fit what is around it",
        ("indent the line like those beside it", "write a ' in single quotes twice"),
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
)


def explain_syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> tuple[Where, str, Remedy]:
    """Return position, problem and remedy for a syntax error.

    Args:
        error: Error of the parser; libyaml and PyYAML differ in wording and agree on positions.
        text: The content of the file.
    """
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
