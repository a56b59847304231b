"""Keys on a time axis: issued, renewal window, overlap, expiry, last use. Every date is in the table too."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from ambient_components.html.markup import Markup, join, name, tag
from ambient_components.html.page import Part, folded, table
from ambient_components.review.facts import Ids, Review, badge
from ambient_components.stacks.deployed import PLATFORM
from ambient_components.stacks.key_table import UNKNOWN, KeyRow

_WIDTH: Final = 360
_HEIGHT: Final = 18
_BACK: Final = timedelta(days=180)
_AHEAD: Final = timedelta(days=400)
_LEAST: Final = timedelta(days=30)
_MONTH: Final = 48
"""Minimum width of a labelled month."""
_ALL: Final = 60
"""Maximum keys that are listed without a click."""


class Axis:
    def __init__(self, now: datetime, keys: Iterable[KeyRow]) -> None:
        found = tuple(keys)
        starts = [one.issued for one in found if one.issued] + [now - _LEAST]
        ends = [one.expires for one in found if isinstance(one.expires, datetime)] + [now + _LEAST]
        self.now = now
        self.start = max(min(starts), now - _BACK)
        self.end = min(max(ends), now + _AHEAD)

    def x(self, moment: datetime) -> int:
        """Return the position of a moment. Moments beyond the axis are at its ends."""
        part = (moment - self.start) / (self.end - self.start)
        return round(_WIDTH * min(max(part, 0), 1))

    def months(self) -> list[tuple[int, str]]:
        """Return the months with room for a label."""
        first = self.start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        found: list[tuple[int, str]] = []
        for number in range(1, 24):
            year, month = divmod(first.month - 1 + number, 12)
            moment = first.replace(year=first.year + year, month=month + 1)
            if moment < self.end and (not found or self.x(moment) - found[-1][0] >= _MONTH):
                found.append((self.x(moment), f"{moment:%b %y}"))
        return [one for one in found if one[0] <= _WIDTH - _MONTH]


def keys_part(review: Review, ids: Ids) -> Part:
    """Return the keys, those that need attention first."""
    axis = Axis(review.now, review.keys)
    urgent = [key for key in review.keys if key.attention]
    well = [key for key in review.keys if not key.attention]
    if len(review.keys) <= _ALL:
        blocks = [_table("Keys, by next end", axis, [*urgent, *_by_end(well)], ids)]
    else:
        blocks = [_table("Keys that need attention", axis, urgent, ids)] if urgent else []
        blocks.append(folded((f"{len(well)} keys that need nothing",), _table("Keys", axis, _by_end(well), ids)))
    return Part("keys", "Keys", join(_legend(review), *blocks), len(review.keys))


def _by_end(keys: Iterable[KeyRow]) -> list[KeyRow]:
    def end(one: KeyRow) -> tuple[bool, str]:
        is_known = isinstance(one.expires, datetime)
        return not is_known, one.expires.isoformat() if isinstance(one.expires, datetime) else ""

    return sorted(keys, key=end)


def _legend(review: Review) -> Markup:
    used = review.access.requested
    samples = (
        ("life", "token works"),
        ("window", "renewal window: a run issues the next token"),
        ("overlap", "the token before still works"),
        ("over", "expired"),
        *((("use", "last use"),) if used else ()),
        ("now", "now"),
    )
    shapes = [
        tag(
            "li",
            tag(
                "svg",
                tag("rect", x=0, y=2, width=14 if what not in ("now", "use") else 3, height=10, class_=what),
                width=14,
                height=14,
                viewBox="0 0 14 14",
                aria_hidden="true",
            ),
            f" {text}",
        )
        for what, text in samples
    ]
    note = None if used else tag("p", "Only the cluster knows when keys were last used: add --live.", class_="note")
    return join(tag("ul", shapes, class_="legend"), note)


def _table(caption: str, axis: Axis, keys: Sequence[KeyRow], ids: Ids) -> Markup:
    ticks = [
        join(
            tag("line", x1=x, x2=x, y1=0, y2=_HEIGHT, class_="tick"),
            tag("text", label, x=x + 3, y=13),
        )
        for x, label in axis.months()
    ]
    head = tag("th", _svg(ticks), tag("span", "Time", class_="sr"), scope="col", class_="time")
    heads: list[Markup | str] = ["Key", head, "Issued", "Renewed from", "Expires", "Last used", "State"]
    return table(caption, heads, [_row(axis, key, ids) for key in keys], class_="timeline")


def _svg(children: Iterable[Markup]) -> Markup:
    return tag("svg", children, width=_WIDTH, height=_HEIGHT, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", aria_hidden="true")


def _row(axis: Axis, row: KeyRow, ids: Ids) -> Markup:
    generation = f" (generation {row.generation})" if row.generation > 1 or row.state == "former" else ""
    title = tag("small", f"“{name(row.name)}”") if row.name != row.id else None
    workspace = tag("a", name(row.workspace), href=ids.workspace(row.workspace))
    notes = [tag("li", tag("em", name(text))) for text in row.attention]
    origin = tag("small", "made by the platform") if row.origin == PLATFORM else None
    renewal = row.renewal or (row.next if row.ends_by_date else None)
    return tag(
        "tr",
        tag("th", badge(row.role or "unknown"), workspace, "/", name(row.id), generation, title, scope="row"),
        tag("td", _svg(_marks(axis, row)), class_="time"),
        tag("td", _date(row.issued or (row.created if row.origin == PLATFORM else None))),
        tag("td", _date(renewal)),
        tag("td", _date(row.expires)),
        tag("td", _date(row.last_used)),
        tag("td", row.state, origin, tag("ul", notes) if notes else None),
    )


def _date(moment: datetime | str | None) -> str:
    if isinstance(moment, datetime):
        return f"{moment:%Y-%m-%d}"
    return name(moment) if moment else "-"


def _marks(axis: Axis, one: KeyRow) -> list[Markup]:
    start = axis.x(one.issued or axis.start)
    expires = one.expires
    today = _bar("now", axis.x(axis.now), axis.x(axis.now) + 2, y=0, height=_HEIGHT)
    if not one.issued and expires is None:
        return [_bar("now", axis.x(axis.now), axis.x(axis.now) + 2)]
    if expires == UNKNOWN:
        return [today, *_use(axis, one)]
    end = axis.x(expires) if isinstance(expires, datetime) else _WIDTH
    is_over = one.state in ("expired", "dead") or (isinstance(expires, datetime) and expires <= axis.now)
    found = [_bar("over" if is_over else "life", start, end)]
    if one.renewal and not is_over:
        found.append(_bar("window", axis.x(one.renewal), end))
    if one.overlap and one.issued and not is_over:
        found.append(_bar("overlap", start, axis.x(one.overlap), y=1, height=4))
    return [*found, today, *_use(axis, one)]


def _use(axis: Axis, one: KeyRow) -> list[Markup]:
    used = one.last_used
    return [_bar("use", axis.x(used) - 2, axis.x(used) + 2, y=2, height=14)] if isinstance(used, datetime) else []


def _bar(look: str, start: int, end: int, *, y: int = 5, height: int = 9) -> Markup:
    return tag("rect", x=start, y=y, width=max(end - start, 2), height=height, class_=look)
