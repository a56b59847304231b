"""States of workspaces and buckets, and how sessions end when a workspace is closed."""

from enum import StrEnum
from typing import Final

from ambient_components.rules.durations import HOUR, MINUTE


class WorkspaceState(StrEnum):
    """State of a workspace."""

    ACTIVE = "active"
    """In use."""

    CLOSED = "closed"
    """Grants, keys and secrets are removed; owners and data stay. The entry stays in the file, and can be reopened."""

    RELEASED = "released"
    """Only the ownership annotation is removed, so that another owner can adopt the workspace."""


class BucketState(StrEnum):
    """State of a bucket."""

    ACTIVE = "active"
    """Managed by this tool."""

    RELEASED = "released"
    """Only the ownership annotation is removed. A later run may drop the entry."""


ACTIVE: Final = WorkspaceState.ACTIVE
CLOSED: Final = WorkspaceState.CLOSED
RELEASED: Final = WorkspaceState.RELEASED


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
