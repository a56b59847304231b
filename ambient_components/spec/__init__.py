"""The stack file: YAML in, frozen models out, every problem with its line and column."""

from ambient_components.spec.loader import LoadedStack, load_stack, parse_stack
from ambient_components.spec.marks import SourceMap
from ambient_components.spec.models import ConfigRef, Grant, Key, Secrets, StackFile, Workspace
from ambient_components.spec.types import WorkspaceState

__all__ = [
    "ConfigRef",
    "Grant",
    "Key",
    "LoadedStack",
    "Secrets",
    "SourceMap",
    "StackFile",
    "Workspace",
    "WorkspaceState",
    "load_stack",
    "parse_stack",
]
