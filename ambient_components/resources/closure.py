"""The end of all access to a workspace, as a program declares it."""

from collections.abc import Sequence
from typing import TypedDict

import pulumi


class ClosureArgs(TypedDict):
    """Which workspace, and what stays."""

    namespace: str

    staying: Sequence[str]
    """Names of the RoleBindings that stay: its owners'."""


class Closure(pulumi.CustomResource):
    """While it is declared, a workspace has no grant, no key and no secret, whoever made them."""

    found: pulumi.Output[list[str]]
    """Access that a refresh found to have come back: the next update ends it."""

    def __init__(self, name: str, args: ClosureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ambient:index:Closure", name, {"found": None, **args}, opts)
