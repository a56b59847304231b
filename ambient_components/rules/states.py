"""States of workspaces and of buckets."""

from enum import StrEnum
from typing import Final


class WorkspaceState(StrEnum):
    """Whether a workspace is in use."""

    ACTIVE = "active"
    """In use."""

    CLOSED = "closed"
    """Grants, keys and secrets end, owners and data stay; the entry stays in the file and may be opened again."""

    RELEASED = "released"
    """Nothing in the cluster changes, but that the mark of this tool goes: somebody else takes over."""


class BucketState(StrEnum):
    """Whether this tool looks after a bucket."""

    ACTIVE = "active"
    """It does."""

    RELEASED = "released"
    """It lets go: nothing changes, but that its mark goes. The line may leave in a later run."""


ACTIVE: Final = WorkspaceState.ACTIVE
CLOSED: Final = WorkspaceState.CLOSED
RELEASED: Final = WorkspaceState.RELEASED

STATES: Final = tuple(WorkspaceState)
"""Every state of a workspace."""
