"""Handling of running sessions when a workspace is closed."""

from typing import Annotated

from pydantic import BeforeValidator

from ambient_components.durations import format_seconds
from ambient_components.rules.closing import WAIT_DEFAULT, WAIT_MAX, SessionsOnClose
from ambient_components.spec.base import Model, choice, refuse, text_schema
from ambient_components.spec.types import DURATION_PATTERN, read_duration

_WAITS = f"allowed: durations up to {format_seconds(WAIT_MAX)}, a whole number and a unit of s, m or h, such as 30s"


def _sessions(value: object) -> object:
    return choice(value, SessionsOnClose, "way to end sessions")


def _wait(value: object) -> int:
    seconds = read_duration(value, _WAITS)
    if seconds > WAIT_MAX:
        refuse(f"{value} is too long", _WAITS)
    return seconds


SessionsName = Annotated[SessionsOnClose, BeforeValidator(_sessions)]
"""stop or deletePods."""

Wait = Annotated[int, BeforeValidator(_wait), text_schema("duration", DURATION_PATTERN, minLength=2)]
"""A duration, converted to seconds."""


class OnClose(Model):
    """How the sessions of a workspace end when it is closed, and how long that may take."""

    sessions: SessionsName = SessionsOnClose.STOP
    """stop: the platform stops them, and those that do not stop in time are reported; deletePods: their pods are then
    deleted. Default: stop.
    """

    wait: Wait = WAIT_DEFAULT
    """Time for sessions to stop. Default: 2m."""
