"""What closing a workspace does to its sessions: the words of the stack file, and the bounds of the wait."""

from typing import Final

from ambient_components.durations import HOUR, MINUTE

STOP: Final = "stop"
"""The platform is asked to stop the sessions; those that do not stop are named."""

DELETE_PODS: Final = "deletePods"
"""As `STOP`; then the pods of those that did not stop are deleted."""

WAYS: Final = (STOP, DELETE_PODS)
"""Every way, the default first."""

WAIT_DEFAULT: Final = 2 * MINUTE
"""Seconds that a session has to stop. Its pod has 60 seconds of them to save its state (contract 12)."""

WAIT_MAX: Final = HOUR
"""Seconds; a run that closes a workspace holds the stack's lock for so long."""
