"""`ambient docs`: the documentation in the terminal."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ambient_components.cli import pages
from ambient_components.cli.options import misuse
from ambient_components.errors import refusal
from ambient_components.output import paint_for, width_of
from ambient_components.suggest import allowed_words

EPILOG = """\
\b
examples:
  ambient docs                            what you can do, and the page for it
  ambient docs guardrails                 a page
  ambient docs guardrails massRemoval     a section of it, also as guardrails#massRemoval
  ambient docs --list                     all pages

\b
A terminal shows long pages with PAGER, by default less.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""

_WIDEST = 100


def docs(
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help="The page.", autocompletion=lambda: list(pages.topics()))
    ] = "",
    section: Annotated[str, typer.Argument(metavar="SECTION", help="A heading of the page.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="List the pages.")] = False,
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Print the page at once.")] = False,
) -> None:
    """Show the documentation, or a page or a section of it."""
    text = _list() if listed else _text(topic, section)
    if no_pager or not sys.stdout.isatty() or not _paged(text):
        print(text, end="")


def _list() -> str:
    known = pages.topics()
    width = max(map(len, known))
    return "".join(f"{topic:{width}}  {pages.title(name)}\n" for topic, name in known.items())


def _text(wanted: str, section: str) -> str:
    topic, _, heading = wanted.partition("#")
    known = pages.topics()
    if topic and topic not in known:
        misuse("TOPIC", refusal(f"there is no page {topic!r}", allowed_words(topic, known)).text)
    name = known[topic] if topic else pages.INDEX
    lines: Sequence[str] = pages.read(name)
    if anchor := pages.anchor(section or heading):
        sections = pages.sections(lines)
        if anchor not in sections:
            problem = f"the page {topic} has no section {section or heading!r}"
            misuse("SECTION", refusal(problem, allowed_words(anchor, sections)).text)
        lines = sections[anchor]
    shown = pages.as_text(name, lines, min(width_of(sys.stdout), _WIDEST), paint_for(sys.stdout))
    return "\n".join(shown).strip("\n") + "\n"


def _paged(text: str) -> bool:
    """Show a text with the user's pager, as Git does: less ends by itself if a text fits the terminal."""
    words = shlex.split(os.environ.get("PAGER", "less"))
    if words in ([], ["cat"]):
        return False
    try:
        subprocess.run(words, input=text, text=True, check=False, env={"LESS": "FRX", **os.environ})  # noqa: S603  # the user's
    except FileNotFoundError:
        return False
    return True
