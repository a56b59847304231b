"""A fleet in shards: their names, which workspace belongs to which, and what the cluster knows of their runs.

Pure rules, for the command line, the program and the provider alike.
"""

from ambient_components.shards.assignment import assigned, home
from ambient_components.shards.digest import digest, secret_mark
from ambient_components.shards.names import CONFIG_KEY, FLEET_KEY, shard_count, shard_stack, split_shard
from ambient_components.shards.records import (
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
    left,
    needs_refresh,
    patch,
    record_name,
    recorded,
)

__all__ = [
    "CHECKPOINTS_VARIABLE",
    "CONFIG_KEY",
    "FLEET_KEY",
    "RUN_VARIABLE",
    "Done",
    "Record",
    "Run",
    "assigned",
    "begin",
    "declare",
    "digest",
    "done",
    "fleet_label",
    "home",
    "is_lost",
    "left",
    "needs_refresh",
    "patch",
    "record_name",
    "recorded",
    "secret_mark",
    "shard_count",
    "shard_stack",
    "split_shard",
]
