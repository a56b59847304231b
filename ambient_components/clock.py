"""The clock, read once a process, so that one run judges every date by the same moment.

It is never an input of a resource: a changing input would show an update in every run (tried).
"""

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from ambient_components.durations import parse_duration

OFFSET_VARIABLE: Final = "AMBIENT_CLOCK_OFFSET"
"""Moves the clock of the program and of the provider alike, for tests: a duration, with a minus sign to go back."""


@cache
def offset() -> timedelta:
    """How far the clock is moved; nothing in production.

    Raises:
        ValueError: the variable holds no duration.
    """
    text = os.environ.get(OFFSET_VARIABLE, "")
    if not text:
        return timedelta()
    seconds = parse_duration(text.lstrip("+-"))
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


@cache
def now() -> datetime:
    """This process's now, in UTC, whole seconds."""
    return (datetime.now(UTC) + offset()).replace(microsecond=0)
