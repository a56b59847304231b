"""From a stack file to components: the place where models, config and Pulumi meet."""

from ambient_components.engine.names import LEDGER_NAME
from ambient_components.fleet.arguments import ledger_of, workspace_args
from ambient_components.fleet.calendar import Calendar
from ambient_components.fleet.program import CLUSTER_NAME, run
from ambient_components.fleet.secret_values import WorkspaceValues
from ambient_components.fleet.stack_settings import StackSettings

__all__ = [
    "CLUSTER_NAME",
    "LEDGER_NAME",
    "Calendar",
    "StackSettings",
    "WorkspaceValues",
    "ledger_of",
    "run",
    "workspace_args",
]
