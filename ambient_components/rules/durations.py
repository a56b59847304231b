"""Durations as text: 90d, 12h, 10m, 600s, 1y."""

import re
from datetime import timedelta
from typing import Final

from ambient_components.errors import reject

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY
"""Seconds of 1y, the longest lifetime in the platform's UI; leap days are ignored."""

DURATION_FORMS: Final = "a whole number and a unit of s, m, h, d or y (365 days), such as 90d, 12h or 1d12h"
"""Formats that `parse_duration` accepts, for error messages."""

_ALLOWED: Final = f"allowed: {DURATION_FORMS}"
_UNITS: Final = {"y": YEAR, "d": DAY, "h": HOUR, "m": MINUTE, "s": 1}
# Each unit at most once and the largest first, so that one duration has few spellings and typos are found.
_DURATION: Final = re.compile("".join(rf"(?:([0-9]{{1,10}}){unit})?" for unit in _UNITS))


def parse_duration(value: object) -> int:
    """Read a duration such as `90d`, `600s`, `1y` or `1d12h`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        reject(f"{value} has no unit", _ALLOWED)
    if not isinstance(value, str):
        reject("not a duration", _ALLOWED)  # not TypeError: pydantic collects ValueErrors only
    match = _DURATION.fullmatch(value)
    counts = match.groups() if match else ()
    seconds = sum(int(count) * unit for count, unit in zip(counts, _UNITS.values(), strict=False) if count)
    if seconds == 0:
        reject(f"{value!r} is not a duration", _ALLOWED)
    return seconds


def format_seconds(seconds: int) -> str:
    """Format seconds for `parse_duration`, in the fewest units: 7776000 is `90d`, 31536000 is `1y`."""
    if seconds < 1:
        reject(f"{seconds} seconds are no duration", "allowed: 1 or more")
    parts = []
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def format_rounded(duration: timedelta) -> str:
    """Format a duration for a sentence: whole days, hours or minutes, rounded to the nearest.

    A key of 90 days has 90 days left a minute after it was made.
    """
    minutes = round(duration.total_seconds() / MINUTE)
    for unit, size in (("days", DAY // MINUTE), ("hours", HOUR // MINUTE)):
        # From 2 on, because "1 day" could hide up to 12 hours.
        if minutes >= 2 * size:
            return f"{round(minutes / size)} {unit}"
    return f"{minutes} min"
