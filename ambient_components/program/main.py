"""The Pulumi program of a stack: declare the workspaces of its file, and export their keys."""

from pathlib import Path

import pulumi

from ambient_components.engine.names import key_output
from ambient_components.program.shard import is_exported
from ambient_components.program.workspaces import Workspaces
from ambient_components.pulumi_sdk import apply_patches
from ambient_components.rules.keys import Retain


def run(path: Path | None = None) -> None:
    """Declare the stack of this run.

    The stack file is ``stacks/<stack>.yaml`` in the project folder. A shard reads the file of its fleet.

    Raises:
        pulumi.RunError: The file or the config has problems. The message lists them all, and nothing is declared.
    """
    apply_patches()
    declared = Workspaces.from_file(path)
    for name, workspace in declared.items():
        for key_id, key in sorted(workspace.keys.items()):
            retained = declared.inputs.file.workspaces[name].keys[key_id].retain is not Retain.NONE
            if key.access_token is not None and retained and is_exported(declared.inputs.excluded, name, key_id):
                pulumi.export(key_output(name, key_id), key.token)
