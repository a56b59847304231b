"""Deploy or destroy workspaces from a program of your own, without a project folder: python main.py up|destroy."""

import sys

import pulumi
from pulumi import automation

from ambient_components import WorkspaceArgs, Workspaces


def program() -> None:
    """Declare one workspace, and export its key."""
    payments: WorkspaceArgs = {
        "grants": [{"group": "payments-devs", "role": "edit"}],
        "keys": {"ci": {"role": "edit"}},
        "protect": False,
    }
    workspaces = Workspaces({"payments": payments})
    pulumi.export("ci", workspaces["payments"].keys["ci"].token)


stack = automation.create_or_select_stack("dev", project_name="automation", program=program)
if sys.argv[1:] == ["destroy"]:
    stack.destroy()
    stack.workspace.remove_stack("dev")
else:
    result = stack.up()
    print(result.summary.resource_changes, sorted(result.outputs))
