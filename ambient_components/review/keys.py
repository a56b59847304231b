"""Keys with their dates: issued, renewal window, expiry, last use."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from ambient_components.html.page import Markup, Part, Row, badge, folded, join, name, table, tag
from ambient_components.review.facts import Ids, Review
from ambient_components.stacks.deployed import DeployedKey

_ALL: Final = 60
"""Maximum keys that are listed without a click."""


def keys_part(review: Review, ids: Ids) -> Part:
    """Return the keys, those that need attention first."""
    urgent = [key for key in review.keys if key.attention]
    well = _by_end(key for key in review.keys if not key.attention)
    if len(review.keys) <= _ALL:
        blocks = [_table("Keys, by next end", [*urgent, *well], ids)]
    else:
        blocks = [_table("Keys that need attention", urgent, ids)] if urgent else []
        blocks.append(folded(f"{len(well)} keys that need nothing", _table("Keys", well, ids)))
    if not review.access.requested:
        note = "Only the cluster knows when keys were last used: add --live."
        blocks.insert(0, tag("p", note, class_="note"))
    return Part("keys", "Keys", join(blocks), len(review.keys))


def _by_end(keys: Iterable[DeployedKey]) -> list[DeployedKey]:
    def end(key: DeployedKey) -> tuple[bool, str]:
        is_known = isinstance(key.expires, datetime)
        return not is_known, key.expires.isoformat() if isinstance(key.expires, datetime) else ""

    return sorted(keys, key=end)


def _table(caption: str, keys: Sequence[DeployedKey], ids: Ids) -> Markup:
    heads = ["Key", "Issued", "Renewed from", "Expires", "Last used", "State"]
    return table(caption, heads, [_row(key, ids) for key in keys], class_="key-dates")


def _row(key: DeployedKey, ids: Ids) -> Row:
    generation = f" (generation {key.generation})" if key.generation > 1 or key.state == "former" else ""
    title = tag("small", f"“{name(key.label)}”") if key.label != key.id else None
    workspace = tag("a", name(key.workspace), href=ids.workspace(key.workspace))
    notes = [tag("li", tag("em", name(text))) for text in key.attention]
    origin = tag("small", "made by the platform") if key.is_of_platform else None
    dates = (
        key.issued_at or (key.created if key.is_of_platform else None),
        key.next_at if key.next_action == "rotate" else key.next if key.until else None,
        key.expires,
        key.last_used,
    )
    head = join(badge(key.role or "unknown"), workspace, "/", name(key.id), generation, title)
    return Row([head, *map(_date, dates), join(key.state, origin, tag("ul", notes) if notes else None)])


def _date(moment: datetime | str | None) -> str:
    if isinstance(moment, datetime):
        return f"{moment:%Y-%m-%d}"
    return name(moment) if moment else "-"
