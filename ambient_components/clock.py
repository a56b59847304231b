"""The clock, read once per process so that one run evaluates every date at the same moment.

The time is never an input of a resource: a changing input would show an update in every run (measured).
"""

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from ambient_components.durations import parse_duration

OFFSET_VARIABLE: Final = "AMBIENT_CLOCK_OFFSET"
"""Environment variable for tests that moves the clock of the program and the provider: a duration such as `-30d`."""


@cache
def offset() -> timedelta:
    """Return how far the clock is moved; zero in production.

    Raises:
        ValueError: The variable holds no duration.
    """
    text = os.environ.get(OFFSET_VARIABLE, "")
    if not text:
        return timedelta()
    seconds = parse_duration(text.lstrip("+-"))
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


@cache
def now() -> datetime:
    """Return the current time of this process, in UTC and whole seconds."""
    return (datetime.now(UTC) + offset()).replace(microsecond=0)
