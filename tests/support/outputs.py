"""What every output must be, whatever was in the cluster and in the state: safe to print, and of its form."""

import contextlib
import io
import json
import re
from typing import NamedTuple

from ambient_components.cli.app import run
from tests.support.html_pages import faults

_LOG_COMMAND = re.compile(r"^ *::|##\[|##vso\[", re.MULTILINE)
# In one pass: an escaped backtick begins no code, and a backslash in code escapes nothing.
_LITERAL = re.compile(r"\\[!-/:-@\[-`{-~]|(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_TAG = re.compile(r"<(?!/?(details|summary|br|sub|b|pre|code)\b)[a-zA-Z/!]", re.IGNORECASE)
CODES = {0, 1, 2, 3}
"""Exit codes that a person can act on: 64 would be wrong usage, which no object of a cluster is."""


class Printed(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


def printed(*words: str) -> Printed:
    """Run a verb in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(words))
    return Printed(code, out.getvalue(), err.getvalue())


def wrong(result: Printed, form: str) -> list[str]:
    """Return what is wrong with an output.

    Args:
        result: What was printed.
        form: text, json, markdown, html or csv.
    """
    found = [] if result.code in CODES else [f"exit code {result.code}"]
    for text in (result.out, result.err):
        # A space of no width keeps Markdown from reading a mention; CSV ends its lines with both.
        allowed = {"\n", *{"csv": "\r", "markdown": "\u200b"}.get(form, "")}
        bad = sorted({char for char in text if not char.isprintable() and char not in allowed})
        found += [f"raw {char!r}" for char in bad]
        found += [f"a log command: {match[0]!r}" for match in _LOG_COMMAND.finditer(text)][:1]
        found += ["a traceback"] if "Traceback (most recent" in text else []
        found += ["a bug"] if "this is a bug" in text.lower() else []
    if result.code == 1 and not result.out:
        return found if result.err else [*found, "an error without a word"]
    match form:
        case "json":
            try:
                json.loads(result.out)
            except ValueError as error:
                found.append(f"no JSON: {error}")
        case "html":
            found += faults(result.out)
        case "markdown":
            found += [f"markup: {match[0]!r}" for match in _TAG.finditer(_LITERAL.sub("", result.out))][:1]
    return found
