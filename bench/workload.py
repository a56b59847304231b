"""The stack file that both programs declare: N workspaces, all alike."""

from typing import Any, Final

import yaml

PREFIX: Final = "bench-"
"""What every workspace's name begins with, so that the cluster's own namespaces are told apart."""

CONFIG_KEY: Final = "anthropic"
"""Key of the encrypted config that every runner secret refers to."""

PER_WORKSPACE: Final = "1 owner, 2 grants, 1 key, 1 runner secret"
"""What `stack_file` gives each workspace, in words."""


def stack_file(workspaces: int, *, changed: bool = False) -> str:
    """The file; `changed` gives one grant of the first workspace another role, which is a replacement."""
    declared = {f"{PREFIX}{number:04}": _workspace(number) for number in range(workspaces)}
    if changed:
        declared[f"{PREFIX}0000"]["grants"][1]["role"] = "edit"
    return yaml.safe_dump({"workspaces": declared}, sort_keys=False)


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
        "protect": False,
    }
