"""Workspaces that moved to another shard while their state stayed, as seen by the ledger's check.

The number of shards or a `shard:` has changed, and `ambient reshard` did not run yet. To the engine these workspaces
look removed. For an active one the ledger would refuse that anyway; a closed or released one would be lost.
"""

from collections.abc import Iterable

from ambient_components.errors import Problem, refusal
from ambient_components.rules.refusals import Rule


def moved_refusals(owner: str, moved: Iterable[str]) -> list[Problem]:
    """Return refusals to remove moved workspaces, which the fleet's files still have.

    Args:
        owner: PROJECT/FLEET.
        moved: Workspaces that belong to another shard now.
    """
    fleet = owner.rsplit("/", 1)[-1]
    return [
        refusal(
            f"workspace {name!r} is in the files, and belongs to another shard now (the number of shards, or its "
            "shard:, has changed): nothing is changed",
            f"to move it with all that it has, run: ambient reshard {fleet}",
            rule=Rule.OTHER_SHARD,
            workspaces=(name,),
        )
        for name in moved
    ]
