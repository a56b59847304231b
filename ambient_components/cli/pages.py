"""The pages of the documentation for a terminal: topics, their sections, and Markdown as text."""

import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ambient_components.documentation import page
from ambient_components.output import Paint, wrapped

FOLDER: Final = Path(__file__).parents[1] / "docs"
FOLDERS: Final = ("start", "tasks", "concepts", "reference", "project")
"""Those for users."""

INDEX: Final = "README"

_FENCE: Final = re.compile(r"\s*```")
_HEADING: Final = re.compile(r"(?P<level>#+) +(?P<text>.+)")
_ITEM: Final = re.compile(r"\s*(?:[-*]|\d+\.) ")
_LINK: Final = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def topics() -> dict[str, str]:
    """Return the page of each topic, such as `tasks/rotation` of `rotation`; not the index."""
    paths = (path for folder in FOLDERS for path in sorted((FOLDER / folder).glob("*.md")))
    return {path.stem: f"{path.parent.name}/{path.stem}" for path in paths}


def read(name: str) -> list[str]:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines()


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return "".join(c for c in text if c in "-_ " or unicodedata.category(c)[0] in "LN").replace(" ", "-")


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the line, level and text of each heading."""
    is_code = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and (heading := _HEADING.fullmatch(line)):
            yield number, len(heading["level"]), heading["text"]


def title(name: str) -> str:
    return next(_headings(read(name)))[2]


def sections(lines: Sequence[str]) -> dict[str, Sequence[str]]:
    """Return the lines of each section by its anchor, with the sections below it."""
    headings = list(_headings(lines))
    found: dict[str, Sequence[str]] = {}
    for place, (start, level, text) in enumerate(headings):
        end = next((line for line, other, _ in headings[place + 1 :] if other <= level), len(lines))
        found.setdefault(anchor(text), lines[start:end])
    return found


def as_text(name: str, lines: Sequence[str], width: int, paint: Paint) -> Iterator[str]:
    """Yield the lines of a page for people: without marks of links and code, and with commands in place of links.

    Args:
        name: The page, from where its links lead.
        width: Columns of the terminal; 0 keeps the lines of paragraphs.
    """
    is_code = False
    header: list[str] = []
    block: list[str] = []
    for line in [*lines, ""]:
        is_fence, is_row = bool(_FENCE.match(line)), not is_code and line.startswith("|")
        heading = None if is_code else _HEADING.fullmatch(line)
        if block and (is_fence or is_code or is_row or heading or not line.strip() or _ITEM.match(line)):
            yield from _paragraph(_words(name, "\n".join(block)).split("\n"), width)
            block = []
        if is_fence:
            is_code = not is_code
        elif is_code:
            yield f"    {line}"
        elif heading:
            yield paint(_words(name, heading["text"]), "bold")
        elif is_row:
            cells = [_words(name, cell.strip()) for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            if not header:
                header = cells
            elif set(line) - set("|-: "):
                yield from _row(header, cells, width)
        elif line.strip():
            block.append(line)
        else:
            yield ""
        header = header if is_row else []


def _paragraph(lines: Sequence[str], width: int) -> Iterator[str]:
    if not width:
        yield from lines
        return
    mark = _ITEM.match(lines[0])
    indent = " " * (len(mark[0]) if mark else len(lines[0]) - len(lines[0].lstrip()))
    text = " ".join(line.strip() for line in lines)
    yield from wrapped(text, width, "" if mark else indent, indent)


def _row(header: Sequence[str], cells: Sequence[str], width: int) -> Iterator[str]:
    """Yield a row as its first cell, with the others below: the columns of most tables are wider than a terminal."""
    yield from wrapped(cells[0] or "-", width)
    for column, cell in zip(header[1:], cells[1:], strict=False):
        if cell:
            yield from wrapped(f"{column}: {cell}" if len(header) > 2 else cell, width, "    ", "    ")


def _words(name: str, text: str) -> str:
    plain = re.sub(r"\*\*|`", "", _LINK.sub(lambda link: _link(name, link["text"], link["target"]), text))
    return plain.replace("\\|", "|").replace("&#124;", "|")


def _link(name: str, text: str, target: str) -> str:
    if re.match(r"[a-z]+:", target):
        return f"{text} ({target})"
    path, _, heading = target.partition("#")
    there = posixpath.normpath(posixpath.join("docs", posixpath.dirname(name), path)) if path else f"docs/{name}.md"
    known = there.removeprefix("docs/").removesuffix(".md")
    if known in topics().values():
        return f"{text} ({page(known, heading)})"
    return f"{text} ({there} of the repository)" if there != f"docs/{INDEX}.md" else f"{text} (ambient docs)"
