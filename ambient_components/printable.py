"""Escaping of foreign text for people and logs: it stays on its line and hides nothing.

Text from the cluster, the object store or another team's file may contain anything. A control sequence rewrites a
terminal, a newline starts a new line, a direction mark disguises a name, and CI runners execute commands in their logs.
`one_line` prevents all of these; every message of the plugin and every printer of the command line uses it.
"""

import json
import re
from typing import Any, Final

LIMIT: Final = 4096
"""Maximum characters shown of one text; far longer than any name or message of this project."""

# Log commands: `::error::` at the start of a line (GitHub), `##[error]` and `##vso[...]` anywhere (GitHub and Azure).
_FIRST: Final = re.compile(r"^( *):(?=:)")
_INNER: Final = re.compile(r"#(?=#[a-z]*\[)")

_WORD: Final = re.compile(r"[\w.@:/+*~|-]+…?( \(\d+ characters\))?")

_FORMULAS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that start a formula in a spreadsheet, including the full-width ones."""


def one_line(text: str, limit: int = LIMIT) -> str:
    r"""Return a text escaped for one line.

    Control characters, format characters, separators other than a space and unassigned code points become escapes such
    as `\x1b`, `\n` and `\u202e`. CI log commands are escaped as well.
    """
    more = len(text) - limit
    if more > 0:
        text = text[:limit]
    shown = text if text.isprintable() else "".join(map(_shown, text))
    shown = _INNER.sub(r"\\x23", _FIRST.sub(r"\1\\x3a", shown))
    return f"{shown}… ({more} more characters)" if more > 0 else shown


def quoted(text: str) -> str:
    """Return a foreign name in a sentence: in double quotes if it could be taken for more than one word of it."""
    return text if _WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def without_middle(text: str, limit: int) -> str:
    """Return a text without its middle if it is too long: a message quotes first and says at its end what is wrong."""
    more = len(text) - limit
    end = limit // 4
    return f"{text[: limit - end]}… ({more} more characters) …{text[-end:]}" if more > 0 else text


def cell(value: Any) -> Any:
    """Return a value for a cell of a CSV file: one line that no spreadsheet reads as a formula."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def json_text(value: Any) -> str:
    """Return a value as indented JSON that is safe to print and parses to the same value."""
    dumped = json.dumps(value, indent=2, ensure_ascii=False)
    escaped = "".join(char if char == "\n" or char.isprintable() else _json_escape(char) for char in dumped)
    return _INNER.sub(r"\\u0023", escaped)


def has_log_command(text: str) -> bool:
    return _INNER.search(text) is not None


def yaml_text(dumped: str) -> str:
    r"""Return YAML that is safe to print and parses to the same value: `\x23` begins each log command.

    Args:
        dumped: YAML in which all scalars with a log command are in double quotes.
    """
    return _INNER.sub(r"\\x23", dumped)


def _shown(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _json_escape(char: str) -> str:
    return json.dumps(char)[1:-1]
