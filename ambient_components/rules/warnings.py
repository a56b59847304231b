"""Names of warnings that many workspaces may have at once, for pages that fold them."""

from typing import Final

NO_RUNNER_SECRET: Final = "noRunnerSecret"  # noqa: S105  # a name, not a value

MANY: Final = {NO_RUNNER_SECRET: "have no runner secret"}
"""What a warning says of several workspaces, after their number."""
