"""Days on which no token is renewed: weekdays, days and spans of days."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ambient_components.rules.durations import DAY, HOUR
from ambient_components.rules.findings import Verdict

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
PATTERN: Final = rf"{'|'.join(WEEKDAYS)}|{_DAY}(/{_DAY})?"
_ALLOWED: Final = f"allowed: {', '.join(WEEKDAYS)}, a day such as 2026-12-24, or a span such as 2026-12-20/2027-01-06"
_LONGEST: Final = 366
"""Maximum days of a span."""

_YEARS: Final = 2000, 8999
_ONE_DAY: Final = timedelta(days=1)


def rest_problem(text: str) -> Verdict:
    """Return why a text names no days."""
    if not re.fullmatch(PATTERN, text):
        return f"{text!r} names no days", _ALLOWED
    if text in WEEKDAYS:
        return None
    try:
        first, last = _span(text)
    except ValueError:
        return f"{text!r} is not of the calendar", _ALLOWED
    if not (_YEARS[0] <= first.year and last.year <= _YEARS[1] and 0 <= (last - first).days < _LONGEST):
        return f"{text!r} is no span of up to {_LONGEST} days", "write the first day before the last"
    return None


def _span(text: str) -> tuple[date, date]:
    first, _, last = text.partition("/")
    return date.fromisoformat(first), date.fromisoformat(last or first)


@dataclass(frozen=True, slots=True)
class RestDays:
    """Days of rest in a time zone."""

    weekdays: frozenset[int] = frozenset()
    """From Monday, 0."""

    spans: tuple[tuple[date, date], ...] = ()
    """First and last day of each."""

    zone: str = "UTC"

    @classmethod
    def of(cls, days: Any, zone: str = "UTC") -> Self:
        """Read days. States can be forged: what `rest_problem` refuses is left out, and so are all weekdays."""
        given = days if isinstance(days, list | tuple) else ()
        texts = [text for text in given if isinstance(text, str) and rest_problem(text) is None]
        named = frozenset(WEEKDAYS.index(text) for text in texts if text in WEEKDAYS)
        spans = tuple(_span(text) for text in texts if text not in WEEKDAYS)
        return cls(named if len(named) < len(WEEKDAYS) else frozenset(), spans, zone)

    def __bool__(self) -> bool:
        return bool(self.weekdays or self.spans)

    def holds(self, day: date) -> bool:
        """Return whether no token is renewed on a day."""
        return day.weekday() in self.weekdays or any(first <= day <= last for first, last in self.spans)

    def delayed(self, due: datetime, expires: datetime, run_every: int) -> datetime:
        """Return when a run renews a token that is due: after the rest, if a run comes between that and its expiry.

        Days of rest that could let a key expire are refused. But a cluster may grant less than was requested.
        """
        zone = _zone(self.zone)
        rest = [*self.days_from(due.astimezone(zone).date())]
        if not rest:
            return due
        end = datetime.combine(rest[-1] + _ONE_DAY, time(), zone).astimezone(UTC)
        return end if end + timedelta(seconds=run_every or DAY) < expires else due

    @property
    def longest(self) -> int:
        """The most seconds without a pause between two days of rest, with an hour for a change of clocks."""
        return _longest(self.weekdays, self.spans)

    def days_from(self, day: date) -> Iterator[date]:
        """Yield days of rest, until the first that is none."""
        while self.holds(day):
            yield day
            day += _ONE_DAY


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=64)
def _longest(weekdays: frozenset[int], spans: tuple[tuple[date, date], ...]) -> int:
    rest = RestDays(weekdays, spans)
    starts = [date(2024, 1, 1) + timedelta(days=number) for number in range(7)]
    for start, _ in spans:
        # Days of rest before a span belong to it.
        first = start
        while rest.holds(first - _ONE_DAY):
            first -= _ONE_DAY
        starts.append(first)
    days = max(len([*rest.days_from(start)]) for start in starts)
    return days * DAY + HOUR if days else 0


NO_REST: Final = RestDays()
