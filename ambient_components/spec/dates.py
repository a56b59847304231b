"""Days and the time zone that they are days of."""

import re
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator

from ambient_components.spec.base import refuse, text_schema, type_name
from ambient_components.suggest import did_you_mean

DAYS: Final = "allowed: a day as YYYY-MM-DD, such as 2026-12-31"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
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
        refuse(f"{value!r} is not a time zone", f"{_ZONES}; {suggestion}".removesuffix("; "))


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a day is over in a time zone."""
    return datetime.combine(day + timedelta(days=1), time(), zone)


Day = Annotated[date, BeforeValidator(_day), text_schema("day", r"[0-9]{4}-[0-9]{2}-[0-9]{2}")]
"""A day of the calendar; whole, in the stack's time zone."""

TimeZone = Annotated[ZoneInfo, BeforeValidator(_zone), text_schema("time zone", minLength=1)]
"""Name of an IANA time zone."""
