"""The stack file that both programs declare: N workspaces, all alike."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import yaml

PREFIX: Final = "bench-"
"""What every workspace's name begins with, so that the cluster's own namespaces are told apart."""

CONFIG_KEY: Final = "anthropic"
"""Key of the encrypted config that every runner secret refers to."""

PER_WORKSPACE: Final = (
    "1 namespace, 1 owner, 2 grants, 1 key (account, binding, handle), 1 runner secret, ProjectSettings, ResourceQuota"
)
"""What `stack_file` gives each workspace, in words: ten objects in the cluster."""

OBJECTS: Final = 10
"""Objects of one workspace."""


class Change(StrEnum):
    """How far the file has changed from the one that everything was created from; each includes those before it."""

    NONE = "none"
    ONE = "one"
    """One grant of the first workspace has another role, which is a replacement."""
    TENTH = "tenth"
    """So has one of every tenth workspace."""
    EVERYWHERE = "everywhere"
    """Every workspace has one more grant."""


def stack_file(workspaces: int, change: Change = Change.NONE) -> str:
    """The file at this point of the changes."""
    declared = {f"{PREFIX}{number:04}": _workspace(number) for number in range(workspaces)}
    changed = [0] if change is not Change.NONE else []
    if change in (Change.TENTH, Change.EVERYWHERE):
        changed += range(5, workspaces, 10)
    for number in changed:
        declared[f"{PREFIX}{number:04}"]["grants"][1]["role"] = "edit"
    if change is Change.EVERYWHERE:
        for workspace in declared.values():
            workspace["grants"].append({"group": "auditors", "role": "view"})
    # Else a rail refuses to destroy more than three of them.
    until = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    allow = [{"rail": "removals", "reason": "the benchmark destroys what it made", "until": until}]
    return yaml.safe_dump({"allow": allow, "workspaces": declared}, sort_keys=False)


def stack_files(workspaces: int) -> dict[str, str]:
    """The same, a file a workspace: contents by path, `many.yaml` the stack file that includes the others."""
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
