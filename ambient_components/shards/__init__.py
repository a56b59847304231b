"""A fleet in shards, shared by the command line, the program and the provider.

`names` has stack names and the assignment of workspaces, `records` the content of run records. Both are pure.
"""

from typing import Final

RUN_VARIABLE: Final = "AMBIENT_RUN"
"""The environment variable by which `ambient up` passes the run id to the provider."""

CHECK_VARIABLE: Final = "AMBIENT_CHECK_ON_REFRESH"
"""The environment variable that, if it is not empty, makes a refresh include the check of the access ledger."""

CHECKPOINTS_VARIABLE: Final = "PULUMI_SKIP_CHECKPOINTS"
"""The engine's variable for writing its state only once, at the end of a run. Plugins inherit it."""
