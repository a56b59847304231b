"""A role on a page: a letter and a colour, so that neither alone carries the meaning."""

from ambient_components.html.markup import Markup, name, tag
from ambient_components.review.facts import letter


def badge(role: str) -> Markup:
    """Return a role's letter in its colour, with its name."""
    return tag("abbr", letter(role), class_=f"r {letter(role)}", title=name(role))
