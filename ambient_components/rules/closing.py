"""What closing a workspace does to its sessions, and the bounds of the wait."""

from enum import StrEnum
from typing import Final

from ambient_components.durations import HOUR, MINUTE


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
