"""Text of others on its way to a person or a log: it stays on its line and shows everything that it holds.

What comes from the cluster, from the object store or from a file of another team may hold anything. A control sequence
rewrites a terminal, a newline begins a line of its own, a direction mark hides what a name is, and the runners of CI
systems obey lines in their logs. `one_line` is the one place that prevents all of it; every message of the plugin and
every printer of the command line goes through it.
"""

import json
import re
from typing import Any, Final

LIMIT: Final = 4096
"""Characters of a text that are shown: far more than any name or message of ours has."""

# Log commands: `::error::` first in a line (GitHub), `##[error]` and `##vso[…]` anywhere in it (GitHub and Azure).
_FIRST: Final = re.compile(r"^( *):(?=:)")
_INNER: Final = re.compile(r"#(?=#[a-z]*\[)")

_FORMULAS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula, with those of full width."""


def one_line(text: str, limit: int = LIMIT) -> str:
    r"""Return a text as it may stand in a line.

    Control and format characters, separators other than a blank, and what Unicode has not assigned become escapes such
    as `\x1b`, `\n` and `\u202e`. A text of others can't become a command of a CI system.

    Args:
        text: Any text.
        limit: Characters of it that are shown; an ellipsis and the number of the others stand for the rest.
    """
    more = len(text) - limit
    if more > 0:
        text = text[:limit]
    shown = text if text.isprintable() else "".join(map(_shown, text))
    shown = _INNER.sub(r"\\x23", _FIRST.sub(r"\1\\x3a", shown))
    return f"{shown}… ({more} more characters)" if more > 0 else shown


def cell(value: Any) -> Any:
    """Return a value as a cell of a CSV file: text on one line that no spreadsheet calculates."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def json_text(value: Any) -> str:
    """Return a value as indented JSON that is safe to print, and that programs read as it was."""
    dumped = json.dumps(value, indent=2, ensure_ascii=False)
    escaped = "".join(char if char == "\n" or char.isprintable() else _json_escape(char) for char in dumped)
    return _INNER.sub(r"\\u0023", escaped)


def _shown(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _json_escape(char: str) -> str:
    return json.dumps(char)[1:-1]
