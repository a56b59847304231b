"""Days, times, and the time zone of days."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator

from ambient_components.model.base import refuse, text_schema, type_name
from ambient_components.model.forms import ABSENT, Form
from ambient_components.rules.findings import Finding, Path
from ambient_components.suggest import did_you_mean

DAYS: Final = "allowed: a day as YYYY-MM-DD, such as 2026-12-31"

DAYS_OR_MOMENTS: Final = (
    f"{DAYS}, or a moment with a time zone, such as 2026-12-31T18:00:00+01:00 or 2026-12-31T17:00:00Z"
)

_DAY_PATTERN: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT_PATTERN: Final = rf"{_DAY_PATTERN}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}"
_ZONE_PATTERN: Final = r"(Z|[-+][0-9]{2}:[0-9]{2})"
_DAY = re.compile(_DAY_PATTERN)
_MOMENT = re.compile(f"{_MOMENT_PATTERN}{_ZONE_PATTERN}")
_UTC_MOMENT = re.compile(f"{_MOMENT_PATTERN}Z")
_WITHOUT_ZONE = re.compile(rf"({_DAY_PATTERN})[Tt ]([0-9]{{2}}:[0-9]{{2}})(:[0-9]{{2}})?")
_ZONES: Final = "allowed: a name of the IANA time zone database, such as Europe/Berlin or UTC"


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        refuse(f"is {type_name(value)}", DAYS)
    if not _DAY.fullmatch(value):
        refuse(f"{value!r} is not a day", DAYS)
    try:
        return date.fromisoformat(value)
    except ValueError:
        refuse(f"{value!r} is not a day of the calendar", DAYS)


def _day_or_moment(value: object) -> date | datetime:
    if isinstance(value, date):  # a datetime is a date
        return value
    if not isinstance(value, str):
        refuse(f"is {type_name(value)}", DAYS_OR_MOMENTS)
    if _DAY.fullmatch(value):
        return _day(value)
    if local := _WITHOUT_ZONE.fullmatch(value):
        moment = f"{local[1]}T{local[2]}{local[3] or ':00'}"
        refuse(
            f"{value!r} has no time zone",
            f"write {moment}Z for UTC, {moment}+01:00 for a zone one hour ahead of it, or the day alone",
        )
    if not _MOMENT.fullmatch(value):
        refuse(f"{value!r} is neither a day nor a moment", DAYS_OR_MOMENTS)
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        refuse(f"{value!r} is not a moment of the calendar", DAYS_OR_MOMENTS)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        refuse(f"is {type_name(value)}", _ZONES)
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        suggestion = did_you_mean(value, sorted(_zones()))
        refuse(f"{value!r} is not a time zone", _ZONES, suggestion)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the time at which a day starts in a time zone, in UTC; correct for clock changes at midnight."""
    try:
        # If midnight is missing or doubled, this is the first instant: the offset before the change.
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)  # the first day of year 1, east of Greenwich


def end_of(day: date, zone: ZoneInfo) -> datetime:
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return start_of(day + timedelta(days=1), zone)


@dataclass(frozen=True, slots=True)
class Span:
    """A period of time, in UTC."""

    start: datetime | None
    """First instant; None for no start."""
    end: datetime | None
    """First instant after the period; None for no end."""

    @classmethod
    def of(cls, first: date | None, last: date | None, zone: ZoneInfo) -> "Span":
        """Return the period from a day or time to a day (inclusive) or time; without one it is open there."""
        start = first if first is None or isinstance(first, datetime) else start_of(first, zone)
        end = last if last is None or isinstance(last, datetime) else end_of(last, zone)
        return cls(start, end)

    @property
    def empty(self) -> bool:
        return self.start is not None and self.end is not None and self.start >= self.end

    def holds(self, now: datetime) -> bool:
        """Return whether a time is in the period."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)

    def meets(self, other: "Span") -> bool:
        starts = [span.start for span in (self, other) if span.start is not None]
        ends = [span.end for span in (self, other) if span.end is not None]
        return not starts or not ends or max(starts) < min(ends)


def written(value: date) -> str:
    """Return a day as YYYY-MM-DD, or a time as YYYY-MM-DDTHH:MM:SSZ, as the ledger records it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def recorded_date(text: str) -> date | None:
    """Return the day or the time that `written` returned as this text. None for any other text."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text) if _UTC_MOMENT.fullmatch(text) else None
    except ValueError:
        return None


class _DayOrMoment(Form):
    """A day or a time, in the one notation that the ledger records."""

    expected, word = "a text is expected", "string"

    def write(self, value: Any) -> Any:
        return written(value)

    def read(self, plain: Any) -> Any:
        value = recorded_date(plain) if isinstance(plain, str) else None
        return ABSENT if value is None else value

    def text(self, value: Any) -> str:
        return written(value)

    def misfits(self, plain: Any, path: Path) -> Iterator[Finding]:
        if isinstance(plain, str) and self.read(plain) is ABSENT:
            yield Finding(path, f"{plain!r} is no date", "allowed: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ")
        else:
            yield from super().misfits(plain, path)


Day = Annotated[date, BeforeValidator(_day), text_schema("day", _DAY_PATTERN)]
"""A whole day, in the stack's time zone."""

DayOrMoment = Annotated[
    date | datetime,
    BeforeValidator(_day_or_moment),
    _DayOrMoment(),
    text_schema("day or moment", rf"{_DAY_PATTERN}|{_MOMENT_PATTERN}{_ZONE_PATTERN}"),
]
"""A day in the stack's time zone, or a time with its own time zone, which is converted to UTC."""

TimeZone = Annotated[ZoneInfo, BeforeValidator(_zone), text_schema("time zone", minLength=1)]
"""Name of an IANA time zone."""
