"""Export the keys of all workspaces."""

import pulumi
from infrastructure import workspaces

for name, workspace in workspaces.items():
    for key_id, key in workspace.keys.items():
        pulumi.export(f"{name}/{key_id}", key.token)
