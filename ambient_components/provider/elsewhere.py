"""Workspaces that moved to another shard while their state stayed, as seen by the ledger's check.

The number of shards or a `shard:` has changed, and `ambient reshard` did not run yet. To the engine these workspaces
look removed. For an active one the ledger would refuse that anyway; a closed or released one would be lost.
"""

from collections.abc import Iterable


def elsewhere(owner: str, moved: Iterable[str]) -> list[str]:
    """Return why a run must not remove workspaces that are still in the fleet's files.

    Args:
        owner: PROJECT/FLEET.
        moved: Workspaces that belong to another shard now.
    """
    fleet = owner.rsplit("/", 1)[-1]
    return [
        f"workspace {name!r} is in the files, and belongs to another shard now (the number of shards, or its shard:, "
        f"has changed): nothing is changed. To move it with all that it has, run: ambient reshard {fleet}"
        for name in moved
    ]
