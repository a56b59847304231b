"""Rules for closing a workspace: how its sessions end, and how long to wait for them."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from ambient_components.durations import HOUR, MINUTE
from ambient_components.rules.arguments import choice_findings
from ambient_components.rules.findings import Finding


class SessionsOnClose(StrEnum):
    """How sessions end when their workspace is closed."""

    STOP = "stop"
    """The platform stops them; sessions that do not stop are reported."""

    DELETE_PODS = "deletePods"
    """As `STOP`; then the pods of sessions that did not stop are deleted."""


WAIT_DEFAULT: Final = 2 * MINUTE
"""Default seconds for a session to stop. Its pod uses up to 60 of them to save its state (contract 12)."""

WAIT_MAX: Final = HOUR
"""Maximum seconds; a run that closes a workspace locks the stack for this long."""


def closing_findings(given: Mapping[str, Any]) -> Iterator[Finding]:
    """Find an unknown way to end sessions, or a wait out of bounds."""
    yield from choice_findings(("sessions",), given.get("sessions"), SessionsOnClose, "way to end sessions")
    seconds = given.get("waitSeconds")
    if seconds is not None and not (isinstance(seconds, int | float) and 1 <= seconds <= WAIT_MAX):
        yield Finding(("waitSeconds",), f"{seconds!r} is out of bounds", f"allowed: 1 to {WAIT_MAX}")
