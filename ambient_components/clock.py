"""The clock of a process, and warnings about environment variables that move it or log secrets.

The clock is read once per process, so that one run evaluates every date at the same moment. The time is never an input
of a resource: a changing input would show an update in every run (measured).
"""

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from ambient_components.errors import Problem, refusal
from ambient_components.rules.durations import parse_duration
from ambient_components.rules.warnings import LoudWarning

OFFSET_VARIABLE: Final = "AMBIENT_CLOCK_OFFSET"
"""Environment variable for tests that moves the clock of the program and the provider: a duration such as `-30d`."""

OF_A_PLAN: Final = "AMBIENT_CLOCK_OF_A_PLAN"
"""Set by `ambient` beside the offset for a plan of another time, of which no run has to warn."""

GRPC_LOG_VARIABLE: Final = "PULUMI_DEBUG_GRPC"
"""Pulumi's variable for a log of every call between the engine and its plugins, with secrets in plain text."""


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


def warnings() -> list[Problem]:
    """Return one warning for each of these variables that is set."""
    problems = []
    if (text := os.environ.get(OFFSET_VARIABLE)) and not os.environ.get(OF_A_PLAN):
        try:
            offset()
            # Without the current time, so that a saved plan and its run have the same warnings.
            what = "the clock is moved by that, and tokens are issued and revoked by the moved clock"
        except ValueError:
            what = "that is not a duration"
        problem = f"{OFFSET_VARIABLE} is set to {text!r}: {what}"
        problems.append(refusal(problem, "unset it: the variable is for tests", rule=LoudWarning.CLOCK_MOVED))
    if os.environ.get(GRPC_LOG_VARIABLE):
        problems.append(
            refusal(
                f"{GRPC_LOG_VARIABLE} is set: Pulumi writes every secret of this run in plain text to the file that it "
                "names",
                "delete the file when it is not needed any more, and unset the variable",
                rule=LoudWarning.SECRETS_LOGGED,
            )
        )
    return problems
