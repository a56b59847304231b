"""The end of all access to a workspace, as a program declares it."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class ClosureArgs(TypedDict):
    """Which workspace, and what stays."""

    namespace: str

    staying: Sequence[str]
    """Names of the RoleBindings that stay: its owners'."""

    sessions: NotRequired[str]
    """stop (default): the platform stops the sessions, and those that do not stop are named; deletePods: their pods are
    then deleted."""

    waitSeconds: NotRequired[int]
    """How long the sessions have to stop; default 120."""


class Closure(pulumi.CustomResource):
    """While it is declared, a workspace has no grant, no key and no secret, whoever made them, and no schedule runs.

    Its creation stops the sessions; its deletion resumes the schedules that it suspended.
    """

    found: pulumi.Output[list[str]]
    """Access that a refresh found to have come back, and schedules that run again: the next update ends them."""

    def __init__(self, name: str, args: ClosureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.CLOSURE, name, {"found": None, **args}, opts)
