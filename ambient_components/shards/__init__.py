"""A fleet in shards: stack names, the assignment of workspaces, and run records.

All rules are pure. The command line, the program and the provider share them.
"""

from ambient_components.shards.names import CONFIG_KEY, FLEET_KEY, assigned, home, shard_count, shard_stack, split_shard
from ambient_components.shards.records import (
    CHECK_VARIABLE,
    CHECKPOINTS_VARIABLE,
    RUN_VARIABLE,
    Done,
    Record,
    Run,
    begin,
    declare,
    done,
    fleet_label,
    is_lost,
    is_unsettled,
    left,
    needs_refresh,
    patch,
    record_name,
    recorded,
)

__all__ = [
    "CHECKPOINTS_VARIABLE",
    "CHECK_VARIABLE",
    "CONFIG_KEY",
    "FLEET_KEY",
    "RUN_VARIABLE",
    "Done",
    "Record",
    "Run",
    "assigned",
    "begin",
    "declare",
    "done",
    "fleet_label",
    "home",
    "is_lost",
    "is_unsettled",
    "left",
    "needs_refresh",
    "patch",
    "record_name",
    "recorded",
    "shard_count",
    "shard_stack",
    "split_shard",
]
