"""Keys of a stack for the rows of `ambient keys list`."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ambient_components.stacks.deployed import Deployed, DeployedKey, DeployedWorkspace
from ambient_components.stacks.key_table import Limits, rows

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
DAILY = Limits(DAY)
SECRET = "eyJhbGciOiJSUzI1NiJ9.hunter2.hunter2"


def key(**more: Any) -> DeployedKey:
    """A key of 90 days that is well, with 60 left."""
    given: dict[str, Any] = {
        "id": "ci",
        "generation": 1,
        "label": "GitHub Actions",
        "role": "edit",
        "declared": True,
        "made": True,
        "expires_at": NOW + 60 * DAY,
        "issued_at": NOW - 30 * DAY,
        "next_action": "rotate",
        "next_at": NOW + 46 * DAY,
        "account": "ambient-key-ci-0",
        "description": "Deploys on merge",
    }
    return DeployedKey(**given | more)


def summary(*keys: DeployedKey, stack: str = "dev", workspace: str = "payments") -> Deployed:
    return Deployed(stack, NOW, (DeployedWorkspace(workspace, "active", (), keys),))


SEEN = {("payments", "ambient-key-ci-0"): (NOW - 30 * DAY, NOW - 2 * DAY)}


def row(one: DeployedKey, seen: Any = SEEN, limits: Limits = DAILY) -> DeployedKey:
    (found,) = rows(summary(one), seen, limits)
    return found


GONE = "its ServiceAccount is not in the cluster: ambient up --refresh"
