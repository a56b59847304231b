"""HTML from values. Only this module creates markup, and it escapes every text that it is given.

Names in a page come from files, states and clusters, and may contain anything. So all texts and values are escaped,
links stay on the page, and the page's policy lets nothing load or run but its own style and script.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Final

from ambient_components._version import VERSION
from ambient_components.printable import one_line

NAME_LIMIT: Final = 300
"""Maximum characters of a name. A subject has up to 253."""

_VOID: Final = frozenset({"input", "meta"})
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")

LETTERS: Final = {"admin": "A", "edit": "E", "view": "V"}
"""The letter and the class of each of the platform's roles, strongest first."""

_OTHER: Final = "other"
KEYS: Final = "Keys"
"""Columns of a matrix of access, beside those of the platform's roles."""

_LISTED: Final = 20
"""Items of a list that are shown without a click."""


@dataclass(frozen=True, slots=True)
class Markup:
    """Finished markup. Outside this module it is only passed on."""

    text: str

    def __bool__(self) -> bool:
        return bool(self.text)


Piece = Markup | str | int | None
"""Markup, or a text or number that is escaped. None and an empty text leave it out."""

Child = Piece | Iterable[Piece]


def tag(
    name: str,
    /,
    *children: Child,
    id: str = "",
    href: str = "",
    **attributes: str | int | bool | None,
) -> Markup:
    """Return an element.

    Args:
        href: The id of the element that it links to.
        attributes: Other attributes. `class_` stands for Python's keyword, `aria_label` for aria-label. True is an
            attribute without a value; False, None and "" leave it out.
    """
    opening = name
    for key, value in {"id": id, "href": href and f"#{href}", **attributes}.items():
        if value is not None and value is not False and value != "":
            attribute = key.rstrip("_").replace("_", "-")
            opening += f" {attribute}" if value is True else f' {attribute}="{_escaped(str(value))}"'
    if name in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{''.join(map(_text, children))}</{name}>")


def join(*children: Child) -> Markup:
    return Markup("".join(map(_text, children)))


def name(text: str) -> str:
    """Return a name for a page: escaped for one line, truncated if it is longer than any valid one, never blank."""
    return one_line(text, NAME_LIMIT) if text.strip() else f'"{one_line(text, NAME_LIMIT)}"'


def prose(text: str) -> str:
    """Return a text with the times in it as all pages write them. Not for names, which stay as they are."""
    return _MOMENT.sub(r"\1 \2 UTC", text)


def moment(when: datetime) -> Markup:
    given = f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return tag("time", prose(given), datetime=given)


def badge(role: str) -> Markup:
    """Return a role's letter in its colour, with its name."""
    letter = LETTERS.get(role, "R")
    return tag("abbr", letter, class_=f"r {letter}", title=name(role))


def _text(child: Child) -> str:
    if isinstance(child, Markup):
        return child.text
    if child is None:
        return ""
    if isinstance(child, str | int):
        return _escaped(str(child))
    return "".join(map(_text, child))


def _escaped(text: str) -> str:
    return escape(one_line(text))


def document(head: Iterable[Markup], body: Iterable[Markup], style: str, script: str) -> str:
    """Return a whole page, which may load nothing and run nothing but this style and this script."""
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            # Quotes are part of the policy, and of nothing that a name could reach.
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            *(f"{part.text}\n" for part in head),
            f"<style>{style}</style>\n</head>\n<body>\n",
            *(f"{part.text}\n" for part in body),
            f"<script>{script}</script>\n</body>\n</html>\n",
        )
    )


def _digest(source: str) -> str:
    if "</" in source:
        msg = "a stylesheet or a script ends its element"
        raise ValueError(msg)
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"


@dataclass(frozen=True, slots=True)
class Part:
    id: str
    title: str
    body: Markup
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Total:
    number: int
    what: str
    part: str
    look: str = ""


def page(
    title: str,
    lead: Sequence[Child],
    totals: Iterable[Total],
    parts: Sequence[Part],
    foot: Sequence[str],
    *,
    search: bool = False,
) -> str:
    """Return a whole page.

    Args:
        foot: What the page does not know.
        search: Whether a box hides table rows and cards without its text. Without scripts there is none.
    """
    tiles = [
        tag("li", tag("a", tag("b", total.number), " ", total.what, href=total.part), class_=total.look or None)
        for total in totals
    ]
    contents = [tag("li", tag("a", part.title, href=part.id)) for part in parts]
    body = (
        tag("a", "Skip to the content", href="content", class_="skip"),
        tag(
            "header",
            tag("h1", title),
            [tag("p", paragraph) for paragraph in lead],
            tag("ul", tiles, class_="totals") if tiles else None,
        ),
        tag("nav", tag("ul", contents), aria_label="Contents") if len(parts) > 1 else join(),
        tag("p", _search()) if search else join(),
        tag("main", [_section(part) for part in parts], id="content", tabindex=-1),
        tag("footer", _foot(foot), tag("p", f"ambient-components {VERSION}")),
    )
    head = (
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
    )
    return document(head, body, _data("page.css"), _data("page.js"))


def _search() -> Markup:
    box = tag("input", type="search", id="search", autocomplete="off", aria_controls="content")
    return tag("label", "Show rows with ", box, " ", tag("output", id="shown", for_="search"), hidden=True)


def _section(part: Part) -> Markup:
    count = tag("span", part.count, class_="count") if part.count is not None else None
    return tag("section", tag("h2", part.title, " " if count else None, count), part.body, id=part.id)


def _foot(texts: Sequence[str]) -> Markup | None:
    if not texts:
        return None
    return join(tag("h2", "What this page does not know"), tag("ul", [tag("li", text) for text in texts]))


@dataclass(frozen=True, slots=True)
class Row:
    cells: Sequence[Child]
    """The first is the row's header."""
    id: str = ""


def table(caption: str, heads: Sequence[Piece], rows: Iterable[Row], *, class_: str = "", id: str = "") -> Markup:
    """Return a table with a caption for screen readers. On a narrow page each row is a block, with these heads."""
    columns = [tag("th", head, scope="col") for head in heads]
    # Markup says itself what a cell is about.
    labels = [head if isinstance(head, str) else None for head in heads]
    lines = [
        tag(
            "tr",
            tag("th", row.cells[0], scope="row"),
            [tag("td", cell, data_head=label) for cell, label in zip(row.cells[1:], labels[1:], strict=True)],
            id=row.id,
        )
        for row in rows
    ]
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", columns)), tag("tbody", lines), class_=class_)
    return tag("div", inner, class_="scroll", tabindex=0, role="group", aria_label=caption, id=id)


def matrix(caption: str, rows: Sequence[tuple[Child, Sequence[tuple[str, Markup]], str]], *, id: str = "") -> Markup:
    """Return who has which role where, a row for each workspace, which stays readable with a thousand of them.

    Args:
        rows: A workspace, its list items, each with a role or `KEYS`, and its id.
    """
    known = (*LETTERS, KEYS)
    others = [_OTHER] if any(role not in known for _, items, _ in rows for role, _ in items) else []
    columns = [*LETTERS, *others, KEYS]
    heads = ["Workspace", *(KEYS if column == KEYS else join(badge(column), f" {column}") for column in columns)]
    lines = [
        Row(
            [
                title,
                *(
                    listed([item for role, item in items if (role if role in known else _OTHER) == column])
                    for column in columns
                ),
            ],
            row,
        )
        for title, items, row in rows
    ]
    return table(caption, heads, lines, class_="sparse", id=id)


def listed(items: Sequence[Markup], class_: str = "") -> Markup | None:
    """Return a list of list items, those after the first ones folded. None for no item."""
    more = (
        folded(f"{len(items) - _LISTED} more", tag("ul", items[_LISTED:], class_=class_)) if items[_LISTED:] else None
    )
    return join(tag("ul", items[:_LISTED], class_=class_), more) if items else None


def folded(summary: Child, *body: Child, open: bool = False, **more: str) -> Markup:
    """Return content that is opened with a click, a key, or a link to something in it."""
    return tag("details", tag("summary", summary), *body, open=open, **more)


def _data(name: str) -> str:
    return files("ambient_components.html").joinpath(name).read_text(encoding="utf-8")
