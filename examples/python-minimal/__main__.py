"""One workspace with a group, a key for machines, and the key of a language model."""

import pulumi

from ambient_components import WorkspaceArgs, Workspaces

payments: WorkspaceArgs = {
    "owners": ["user:alice@example.com"],
    "grants": [{"group": "payments-devs", "role": "edit"}],
    "keys": {"ci": {"lifetime": "30d"}},
    "secrets": {"runner": {"ANTHROPIC_API_KEY": pulumi.Config().require_secret("anthropic")}},
    "protect": False,
}
workspaces = Workspaces({"payments": payments})
pulumi.export("ci", workspaces["payments"].keys["ci"].token)
