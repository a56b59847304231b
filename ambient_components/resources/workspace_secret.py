"""One of a workspace's two Secrets, as a program declares it."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class WorkspaceSecretArgs(TypedDict):
    """Which Secret, and all that is in it."""

    namespace: pulumi.Input[str]

    secret: str
    """Its name: ambient-runner-secrets or ambient-non-vertex-integrations."""

    values: Mapping[str, pulumi.Input[str]]
    """By name, in plain text; kept as secrets, whatever they are given as."""

    onDrift: NotRequired[str]
    """overwrite (default): these values are the truth; keep: what the UI saved stays until a value here changes."""

    released: NotRequired[bool]
    """The workspace is being let go: nothing is written any more, and others' changes are no drift."""


class WorkspaceSecret(pulumi.CustomResource):
    """A Secret that the platform's settings page saves as well. Changed in place; it never vanishes for a moment."""

    drift: pulumi.Output[dict[str, str]]
    """What a refresh found to differ, by name: added, changed or removed."""

    def __init__(self, name: str, args: WorkspaceSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        values = {key: pulumi.Output.secret(value) for key, value in args["values"].items()}
        super().__init__(types.WORKSPACE_SECRET, name, {"drift": None, **args, "values": values}, opts)
