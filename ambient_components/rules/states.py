"""States of workspaces and buckets."""

from enum import StrEnum
from typing import Final


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
