"""A plan as text for a terminal or a log, and as one page for a browser. `show` prints it in any format."""

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from ambient_components.access.role_assignments import KEY, OWNER, RoleAssignment
from ambient_components.html import page as html
from ambient_components.html.page import Child, Markup, Piece, Row, join, name, prose, tag
from ambient_components.output import Format, Paint, paint_for, plain, width_of, wrapped, wrapped_totals
from ambient_components.plan.document import document_text
from ambient_components.plan.facts import ALREADY, Plan
from ambient_components.plan.folding import Line, Section, grouped
from ambient_components.plan.headline import source, summary, verdict
from ambient_components.plan.lines import ACCESS_CHANGED, ADMIN_GAINED, LOUD, STEPS, sections
from ambient_components.plan.markdown import LIMIT, as_markdown
from ambient_components.plan.role_changes import RoleChange, role_changes, strongest
from ambient_components.printable import one_line
from ambient_components.rotation.state import format_time

_MANY: Final = 200
"""Lines up to which a section is open."""

_CLASSES: Final = {"+": "added", "-": "removed", "~": "changed", "!": "loud"}
_SIGNS: Final = {"+": "gained or made", "-": "lost or removed", "~": "changed"}
_HEADS: Final = ("Workspace", "Who or what", "Before and after", "Details")
_MATRIX: Final = "Workspaces in which access changes, with all who have some"


def as_html(plan: Plan, *, verbose: bool = False) -> str:
    shown = sections(plan, verbose=verbose)
    parts = [_part(number, section) for number, section in enumerate(shown)]
    if changes := role_changes(plan):
        after = max((at for at, each in enumerate(shown) if each.title in (ADMIN_GAINED, ACCESS_CHANGED)), default=-1)
        parts.insert(after + 1, _access(plan, changes))
    lead: list[Child] = [
        tag("strong", verdict(plan)),
        ("At ", html.moment(plan.at), prose(source(plan)), "."),
        *map(prose, summary(plan)),
    ]
    return html.page(f"Plan: {name(plan.stack)}", lead, _tiles(shown), parts, plan.unknown)


def _tiles(shown: list[Section]) -> Iterator[html.Total]:
    for number, section in enumerate(shown):
        if section.title in LOUD:
            first, _, rest = section.title.lower().partition(" ")
            word = first.removesuffix("s") if section.count == 1 else first
            yield html.Total(section.count, f"{word} {rest}", f"p{number}", "high")


def _part(number: int, section: Section) -> html.Part:
    has_names = any(line.names for line in section.lines)
    lines = _table(section) if has_names else tag("ul", [tag("li", _details(line)) for line in section.lines])
    body = html.folded("Show", lines) if section.folded or len(section.lines) > _MANY else lines
    notes = [tag("p", note, class_="note") for note in section.notes]
    return html.Part(f"p{number}", section.title, join(notes, body), section.count)


def _table(section: Section) -> Markup:
    rows = [_row(line) for line in section.lines]
    used = [number for number, column in enumerate(zip(*rows, strict=True)) if any(column)]
    heads = [_HEADS[number] for number in used]
    return html.table(section.title, heads, [Row([row[number] for number in used]) for row in rows], class_="plan")


def _row(line: Line) -> tuple[Piece, ...]:
    """Return the cells of all columns."""
    workspace, *what = map(name, line.names or ("-",))
    look = _CLASSES[line.sign]
    sign = tag("abbr", line.sign, class_=f"sign {look}", title=_SIGNS[line.sign]) if line.sign in _SIGNS else None
    names = html.listed([tag("li", each) for each in what], "inline") if len(what) > 1 else join(what)
    change = tag("span", name(line.change), class_=f"change {look}") if line.change else None
    return join(sign, workspace), names, change, _details(line)


def _details(line: Line) -> Markup:
    hints = [tag("p", tag("strong", "hint: "), prose(hint)) for hint in line.hints]
    if line.docs:
        # Links of a page stay on it, so the address is text.
        hints.append(tag("p", tag("strong", "docs: "), line.docs))
    return join(prose(line.text), hints)


def _access(plan: Plan, changes: Iterable[RoleChange]) -> html.Part:
    """Return who has access to the workspaces in which access changes, and what they had before."""
    changed = {(change.workspace, change.subject): change for change in changes}
    ended = {place: change.before for place, change in changed.items() if change.before and not change.after}
    workspaces: dict[str, list[tuple[str, Markup]]] = {workspace: [] for workspace, _ in sorted(changed)}
    for place, assignment in sorted({**strongest(plan.granted), **ended}.items()):
        if place[0] in workspaces:
            workspaces[place[0]].append(_holder(assignment, changed.get(place)))
    body = html.matrix(_MATRIX, [(name(workspace), items, "") for workspace, items in workspaces.items()])
    shown = html.folded("Show", body) if len(workspaces) > _MANY else body
    return html.Part("access", "Who has access after this run", shown, len(workspaces))


def _holder(assignment: RoleAssignment, change: RoleChange | None) -> tuple[str, Markup]:
    """Return the column of a subject in the matrix, and its item there."""
    is_key = assignment.reason == KEY
    who: Piece = name(assignment.subject.removeprefix(f"{KEY}:"))
    mark = None
    if change is not None and change.after is None:
        who, mark = tag("del", who), tag("em", "ends", class_="removed")
    elif change is not None and change.before is None:
        mark = tag("em", "perhaps new" if change.uncertain else "new", class_="added")
    elif change is not None and change.before is not None and change.what != ALREADY:
        before = change.before.role if change.before.reason != OWNER else OWNER
        mark = tag("em", f"was {before}", class_="changed")
    owner = tag("small", " owner") if assignment.reason == OWNER else None
    role = html.badge(assignment.role) if is_key else None
    return html.KEYS if is_key else assignment.role, tag("li", role, who, owner, mark)


_LOOKS: Final = {"+": "added", "-": "removed", "~": "changed", "!": "bold"}
_COLUMN: Final = 40
"""Maximum width of a column. Longer names push their line to the right."""


def as_text(
    plan: Plan, paint: Paint = plain, *, steps: bool = False, verbose: bool = False, fold: bool = False, width: int = 0
) -> str:
    title = f"{one_line(plan.stack)} at {format_time(plan.at)}{source(plan)}"
    lines = [paint(line, "bold") for line in wrapped(title, width)]
    lines += [paint(line, "bold") for line in wrapped_totals(verdict(plan), width)]
    for line in summary(plan):
        lines += wrapped_totals(line, width, "  ", "    ")
    for section in sections(plan, verbose=verbose):
        if steps or section.title != STEPS:
            lines += ["", *_section(grouped(section, alike=True) if fold else section, paint, width)]
    if plan.unknown:
        lines += ["", paint("What this page can't know", "dim")]
        lines += [line for text in plan.unknown for line in wrapped(text, width, "  ", "    ")]
    return "\n".join(lines)


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
    plan: Plan,
    form: Format = Format.TEXT,
    *,
    steps: bool = False,
    verbose: bool = False,
    fold: bool = False,
    limit: int = LIMIT,
) -> int:
    """Print a plan, and return how many facts that a reader must not miss are left out.

    Args:
        fold: Whether the text has one line for all that is alike in many new workspaces, for a run that asks nothing.
    """
    if form is Format.JSON:
        print(document_text(plan), end="")
    elif form is Format.HTML:
        print(as_html(plan, verbose=verbose), end="")
    elif form is Format.MARKDOWN:
        page = as_markdown(plan, limit, verbose=verbose)
        print(page.text, end="")
        return page.missing
    else:
        paint, width = paint_for(sys.stdout), width_of(sys.stdout)
        print(as_text(plan, paint, steps=steps, verbose=verbose, fold=fold, width=width))
    return 0
