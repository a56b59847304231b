"""A plan as text for a terminal or a log, and as one page for a browser. `show` prints it in any format."""

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from ambient_components.html.page import Markup, Part, Total, folded, join, name, page, table, tag
from ambient_components.output import Format, Paint, paint_for, plain, width_of, wrapped
from ambient_components.plan.document import document_text
from ambient_components.plan.facts import Plan
from ambient_components.plan.headline import source, summary, verdict
from ambient_components.plan.lines import LOUD, STEPS, Line, Section, sections
from ambient_components.plan.markdown import LIMIT, as_markdown
from ambient_components.printable import one_line
from ambient_components.rotation.state import format_time

_MANY: Final = 200
"""Lines up to which a section is open."""

_CLASSES: Final = {"+": "added", "-": "removed", "~": "changed", "!": "loud"}
_SIGNS: Final = {"+": "gained or made", "-": "lost or removed", "~": "changed", "!": "needs attention"}


def as_html(plan: Plan, *, verbose: bool = False) -> str:
    shown = sections(plan, verbose=verbose)
    parts = [_part(number, section) for number, section in enumerate(shown)]
    lead: list[Markup | str] = [
        tag("strong", verdict(plan)),
        f"At {format_time(plan.at)}{source(plan)}.",
        *summary(plan),
    ]
    return page(f"Plan: {name(plan.stack)}", lead, _tiles(shown), parts, plan.unknown)


def _tiles(shown: list[Section]) -> Iterator[Total]:
    for number, section in enumerate(shown):
        if section.title in LOUD:
            yield Total(section.count, section.title.lower(), _id(number), "high")


def _id(number: int) -> str:
    return f"p{number}"


def _part(number: int, section: Section) -> Part:
    lines = _table(section)
    body = folded("Show", lines) if section.folded or len(section.lines) > _MANY else lines
    notes = [tag("p", note, class_="note") for note in section.notes]
    return Part(_id(number), section.title, join(notes, body), section.count)


def _table(section: Section) -> Markup:
    width = max(len(line.names) for line in section.lines)
    has_change = any(line.change for line in section.lines)
    names = ("Workspace", "Who or what", *("Name",) * width)[:width]
    heads = ["Sign", *names, *(["Before and after"] if has_change else [])]
    rows = [_row(line, width, has_change=has_change) for line in section.lines]
    return table(section.title, [*heads, "Details"], rows, class_="plan")


def _row(line: Line, width: int, *, has_change: bool) -> Markup:
    sign = tag("td", tag("abbr", line.sign, class_=f"sign {_CLASSES[line.sign]}", title=_SIGNS[line.sign]))
    names = [*map(name, line.names), *[""] * (width - len(line.names))]
    cells = [tag("th", text, scope="row") if number == 0 else tag("td", text) for number, text in enumerate(names)]
    change = tag("td", name(line.change), class_="change") if has_change else None
    hints = [tag("p", tag("strong", "hint: "), hint) for hint in line.hints]
    if line.docs:
        # Links of a page stay on it, so the address is text.
        hints.append(tag("p", tag("strong", "docs: "), line.docs))
    return tag("tr", sign, cells, change, tag("td", line.text, hints))


_LOOKS: Final = {"+": "added", "-": "removed", "~": "changed", "!": "bold"}
_COLUMN: Final = 40
"""Maximum width of a column. Longer names push their line to the right."""


def as_text(plan: Plan, paint: Paint = plain, *, steps: bool = False, verbose: bool = False, width: int = 0) -> str:
    title = f"{one_line(plan.stack)} at {format_time(plan.at)}{source(plan)}"
    lines = [paint(line, "bold") for line in wrapped(title, width)]
    lines += [paint(line, "bold") for line in _totals(verdict(plan), width)]
    for line in summary(plan):
        lines += _totals(line, width, "  ", "    ")
    for section in sections(plan, verbose=verbose):
        if steps or section.title != STEPS:
            lines += ["", *_section(section, paint, width)]
    if plan.unknown:
        lines += ["", paint("What this page can't know", "dim")]
        lines += [line for text in plan.unknown for line in wrapped(text, width, "  ", "    ")]
    return "\n".join(lines)


def _totals(text: str, width: int, first: str = "", rest: str = "  ") -> list[str]:
    """Return a line of totals, wrapped between two of them."""
    if " · " not in text:
        return wrapped(text, width, first, rest)
    kept = text.replace(" ", "\0").replace("\0·\0", "\0· ")
    return [line.replace("\0", " ") for line in wrapped(kept, width, first, rest)]


def _section(section: Section, paint: Paint, width: int) -> Iterator[str]:
    yield paint(f"{section.title} ({section.count})", "loud" if section.title in LOUD else "bold")
    for note in section.notes:
        yield from (paint(line, "dim") for line in wrapped(note, width, "  ", "  "))
    columns = _columns(section.lines)
    last = {line.docs: number for number, line in enumerate(section.lines)}
    for number, line in enumerate(section.lines):
        first, *rest = wrapped(one_line(_cells(line, columns)), width, "  ", "     ")
        yield "  " + paint(line.sign, _LOOKS[line.sign]) + first[2 + len(line.sign) :]
        yield from rest
        for hint in line.hints:
            yield from wrapped(f"hint: {one_line(hint)}", width, "     ", "           ")
        if line.docs and last[line.docs] == number:
            yield paint(f"     docs: {line.docs}", "dim")


def _columns(lines: Iterable[Line]) -> list[int]:
    """Return the width of each column. Empty for sections without a column of changes: their lines differ too much."""
    rows = [(*line.names, line.change) for line in lines if line.change]
    lengths = ([len(cell) for cell in column if len(cell) <= _COLUMN] for column in zip(*rows, strict=False))
    return [max(column, default=0) for column in lengths]


def _cells(line: Line, columns: list[int]) -> str:
    cells = [*line.names, *([line.change] if line.change else [])]
    padded = (cell.ljust(width) for cell, width in zip(cells, columns or [0] * len(cells), strict=False))
    return "  ".join(filter(None, (line.sign, *padded, line.text))).rstrip()


def show(
    plan: Plan, form: Format = Format.TEXT, *, steps: bool = False, verbose: bool = False, limit: int = LIMIT
) -> int:
    """Print a plan, and return how many facts that a reader must not miss are left out."""
    if form is Format.JSON:
        print(document_text(plan), end="")
    elif form is Format.HTML:
        print(as_html(plan, verbose=verbose), end="")
    elif form is Format.MARKDOWN:
        page = as_markdown(plan, limit, verbose=verbose)
        print(page.text, end="")
        return page.missing
    else:
        print(as_text(plan, paint_for(sys.stdout), steps=steps, verbose=verbose, width=width_of(sys.stdout)))
    return 0
