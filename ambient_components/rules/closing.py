"""What closing a workspace does to its sessions, and the bounds of the wait."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from ambient_components.durations import HOUR, MINUTE
from ambient_components.rules.arguments import choice_findings
from ambient_components.rules.findings import Finding


class SessionsOnClose(StrEnum):
    """How sessions end when their workspace is closed."""

    STOP = "stop"
    """The platform stops them; those that do not stop are named."""

    DELETE_PODS = "deletePods"
    """As before; then the pods of those that did not stop are deleted."""


WAIT_DEFAULT: Final = 2 * MINUTE
"""Seconds that a session has to stop. Its pod has 60 seconds of them to save its state (contract 12)."""

WAIT_MAX: Final = HOUR
"""Seconds; a run that closes a workspace holds the stack's lock for so long."""


def closing_findings(given: Mapping[str, Any]) -> Iterator[Finding]:
    """Find a way to end sessions that there is not, or a wait out of its bounds."""
    yield from choice_findings(("sessions",), given.get("sessions"), SessionsOnClose, "way to end sessions")
    seconds = given.get("waitSeconds")
    if seconds is not None and not (isinstance(seconds, int | float) and 1 <= seconds <= WAIT_MAX):
        yield Finding(("waitSeconds",), f"{seconds!r} is out of bounds", f"allowed: 1 to {WAIT_MAX}")
