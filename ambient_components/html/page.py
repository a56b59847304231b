"""The frame of every page: title, totals, contents, parts, and what the page does not know."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from ambient_components._version import VERSION
from ambient_components.html.markup import Child, Markup, document, join, tag


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


def page(title: str, lead: Sequence[Child], totals: Iterable[Total], parts: Sequence[Part], foot: Sequence[str]) -> str:
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
        tag("main", [_section(part) for part in parts], id="content", tabindex=-1),
        tag("footer", _foot(foot), tag("p", f"ambient-components {VERSION}")),
    )
    head = (
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
    )
    return document(head, body, _data("page.css"), _data("page.js"))


def _section(part: Part) -> Markup:
    count = tag("span", part.count, class_="count") if part.count is not None else None
    return tag("section", tag("h2", part.title, " " if count else None, count), part.body, id=part.id)


def _foot(texts: Sequence[str]) -> Markup | None:
    if not texts:
        return None
    return join(tag("h2", "What this page does not know"), tag("ul", [tag("li", text) for text in texts]))


def table(
    caption: str,
    heads: Sequence[Child],
    rows: Iterable[Markup],
    *,
    class_: str = "",
    id: str = "",
) -> Markup:
    """Return a table that scrolls by itself, with a caption for screen readers."""
    cells = [head if isinstance(head, Markup) else tag("th", head, scope="col") for head in heads]
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", cells)), tag("tbody", rows), class_=class_)
    return tag("div", inner, class_="scroll", tabindex=0, role="group", aria_label=caption, id=id)


def folded(summary: Child, *body: Child, open: bool = False, **more: str) -> Markup:
    """Return content that is opened with a click, a key, or a link to something in it."""
    return tag("details", tag("summary", summary), *body, open=open, **more)


def _data(name: str) -> str:
    return files("ambient_components.html").joinpath(name).read_text(encoding="utf-8")
