"""The resource that ends all access to a workspace."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class ClosureArgs(TypedDict):
    """Workspace, RoleBindings that stay, and handling of sessions."""

    namespace: str

    staying: Sequence[str]
    """Names of the RoleBindings that stay: those of the owners."""

    sessions: NotRequired[str]
    """stop (default): the platform stops the sessions, and those that do not stop are reported; deletePods: their pods
    are then deleted.
    """

    waitSeconds: NotRequired[int]
    """Seconds to wait for sessions to stop; default 120."""


class Closure(pulumi.CustomResource):
    """A closed workspace: no grants, keys or secrets of any origin, and no running schedules.

    Creating it stops the sessions; deleting it resumes the schedules that it suspended.
    """

    found: pulumi.Output[list[str]]
    """Access and schedules that a refresh found to have come back; the next update ends them."""

    def __init__(self, name: str, args: ClosureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.CLOSURE, name, {"found": None, **args}, opts)
