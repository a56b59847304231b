"""A plan as one self-contained page for a browser: the sections of the text page, as tables."""

from collections.abc import Iterator
from typing import Final

from ambient_components.html.markup import Markup, join, name, tag
from ambient_components.html.page import Part, Total, folded, page, table
from ambient_components.plan.facts import Plan
from ambient_components.plan.headline import source, summary, verdict
from ambient_components.plan.lines import LOUD, Line, Section, sections
from ambient_components.plan.markdown import step_text
from ambient_components.rotation.state import format_time

_MANY: Final = 200
"""Lines up to which a section is open."""

_LOOKS: Final = {"+": "added", "-": "removed", "~": "changed", "!": "loud"}
_SIGNS: Final = {"+": "gained or made", "-": "lost or removed", "~": "changed", "!": "needs attention"}


def as_html(plan: Plan, *, verbose: bool = False) -> str:
    found = sections(plan, verbose=verbose)
    parts = [_part(number, one) for number, one in enumerate(found)]
    if plan.steps:
        steps = [tag("li", step_text(one)) for one in plan.steps]
        listed = folded(f"{len(steps)} steps", tag("ul", steps, class_="steps"))
        parts.append(Part("steps", "The engine's own diff", listed, len(steps)))
    lead: list[Markup | str] = [
        tag("strong", verdict(plan)),
        f"At {format_time(plan.at)}{source(plan)}.",
        *summary(plan),
    ]
    return page(f"Plan: {name(plan.stack)}", lead, _totals(found), parts, plan.unknown)


def _totals(found: list[Section]) -> Iterator[Total]:
    for number, one in enumerate(found):
        if one.title in LOUD:
            yield Total(one.count, one.title.lower(), _id(number), "high")


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
    sign = tag("td", tag("abbr", line.sign, class_=f"sign {_LOOKS[line.sign]}", title=_SIGNS[line.sign]))
    names = [*map(name, line.names), *[""] * (width - len(line.names))]
    cells = [tag("th", text, scope="row") if number == 0 else tag("td", text) for number, text in enumerate(names)]
    change = tag("td", name(line.change), class_="change") if has_change else None
    hints = [tag("p", tag("strong", "hint: "), hint) for hint in line.hints]
    if line.docs:
        # Links of a page stay on it, so the address is text.
        hints.append(tag("p", tag("strong", "docs: "), line.docs))
    return tag("tr", sign, cells, change, tag("td", line.text, hints))
