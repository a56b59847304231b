"""The stack file of both programs: N equal workspaces."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import yaml

PREFIX: Final = "bench-"
"""The prefix of every workspace's name, which distinguishes them from the cluster's namespaces."""

CONFIG_KEY: Final = "anthropic"
"""The encrypted config key of every runner secret."""

PER_WORKSPACE: Final = (
    "1 namespace, 1 owner, 2 grants, 1 key (account, binding, Secret), 1 runner secret, ProjectSettings, ResourceQuota"
)
"""The content of each workspace as text: ten objects in the cluster."""

OBJECTS: Final = 10
"""Number of objects of one workspace."""


class Change(StrEnum):
    """The changes since the first version of the file. Each includes those before it."""

    NONE = "none"
    ONE = "one"
    """One grant in the first workspace has another role, which is a replacement."""
    TENTH = "tenth"
    """The same in every tenth workspace."""
    EVERYWHERE = "everywhere"
    """Every workspace has one more grant."""


def stack_file(workspaces: int, change: Change = Change.NONE) -> str:
    """Return the file with a change."""
    declared = {f"{PREFIX}{number:04}": _workspace(number) for number in range(workspaces)}
    changed = [0] if change is not Change.NONE else []
    if change in (Change.TENTH, Change.EVERYWHERE):
        changed += range(5, workspaces, 10)
    for number in changed:
        declared[f"{PREFIX}{number:04}"]["grants"][1]["role"] = "edit"
    if change is Change.EVERYWHERE:
        for workspace in declared.values():
            workspace["grants"].append({"group": "auditors", "role": "view"})
    # Without this exception, a guardrail refuses to destroy more than three workspaces.
    until = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    allow = [{"guardrail": "massRemoval", "reason": "the benchmark destroys what it made", "until": until}]
    return yaml.safe_dump({"exceptions": allow, "workspaces": declared}, sort_keys=False)


def stack_files(workspaces: int) -> dict[str, str]:
    """Return the same as one file per workspace: contents by path. `many.yaml` is the stack file that includes them."""
    entries = yaml.safe_load(stack_file(workspaces))["workspaces"]
    files = {
        f"workspaces/{name}.yaml": yaml.safe_dump({"workspaces": {name: entry}}, sort_keys=False)
        for name, entry in entries.items()
    }
    return {"many.yaml": "include: [workspaces/*.yaml]\n", **files}


def _workspace(number: int) -> dict[str, Any]:
    return {
        "owners": [f"user:owner-{number}@example.com"],
        "grants": [
            {"group": f"team-{number}", "role": "edit"},
            {"user": f"reader-{number}@example.com", "role": "view"},
        ],
        "keys": {"ci": {"role": "edit"}},
        "secrets": {"runner": {"ANTHROPIC_API_KEY": {"config": CONFIG_KEY}}},
        "settings": {"idleTimeout": "12h"},
        "limits": {"quota": {"pods": 50}},
        "protect": False,
    }
