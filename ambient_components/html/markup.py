"""HTML from values. Only this module creates markup, and it escapes every text that it is given.

Names in a page come from files, states and clusters, and may contain anything. So tags and attributes are those of a
fixed list, links stay on the page, and no element or attribute can load or run something.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Final

from ambient_components.printable import one_line

NAME_LIMIT: Final = 300
"""Maximum characters of a name. A subject has up to 253."""

_VOID: Final = frozenset({"input", "meta"})
_TAGS: Final = _VOID | {
    "a", "abbr", "b", "caption", "code", "dd", "details", "div", "dl", "dt", "em", "fieldset", "footer", "form", "h1",
    "h2", "h3", "header", "label", "legend", "li", "main", "nav", "p", "pre", "section", "small", "span",
    "strong", "summary", "table", "tbody", "td", "th", "thead", "time", "title", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES: Final = {
    "aria-hidden", "aria-label", "aria-live", "checked", "class", "content", "datetime", "hidden", "name",
    "open", "role", "scope", "tabindex", "title", "type", "value",
}  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


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
        attributes: Other attributes. `class_` and `for_` stand for Python's keywords, `aria_label` for aria-label. True
            is an attribute without a value; False, None and "" leave it out.

    Raises:
        ValueError: A tag or an attribute is not of the list, or an id is not a word.
    """
    if name not in _TAGS:
        msg = f"no tag of a page: {name!r}"
        raise ValueError(msg)
    opening = name
    if id:
        opening += f' id="{_word(id)}"'
    if href:
        opening += f' href="#{_word(href)}"'
    for key, value in attributes.items():
        if value is not None and value is not False and value != "":
            opening += _attribute(key.rstrip("_").replace("_", "-"), value)
    if name in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{''.join(map(_text, children))}</{name}>")


def join(*children: Child) -> Markup:
    return Markup("".join(map(_text, children)))


def name(text: str) -> str:
    """Return a name for a page: escaped for one line, truncated if it is longer than any valid one, never blank."""
    return one_line(text, NAME_LIMIT) if text.strip() else f'"{one_line(text, NAME_LIMIT)}"'


def _attribute(key: str, value: str | int) -> str:
    if key not in _ATTRIBUTES:
        msg = f"no attribute of a page: {key!r}"
        raise ValueError(msg)
    return f" {key}" if value is True else f' {key}="{_escaped(str(value))}"'


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


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        msg = f"no id: {text!r}"
        raise ValueError(msg)
    return text


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
