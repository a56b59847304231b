"""The resource for one of a workspace's two Secrets."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class WorkspaceSecretArgs(TypedDict):
    """Name and complete content of a Secret."""

    namespace: pulumi.Input[str]

    secret: str
    """Name of the Secret: ambient-runner-secrets or ambient-non-vertex-integrations."""

    values: Mapping[str, pulumi.Input[str]]
    """Values by name; always stored as secrets."""

    onDrift: NotRequired[str]
    """overwrite (default): these values win; keep: values saved in the UI stay until a value here changes."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class WorkspaceSecret(pulumi.CustomResource):
    """A Secret that the platform's settings page writes as well. It is updated in place and never replaced."""

    drift: pulumi.Output[dict[str, str]]
    """Drift as found by a refresh, by name: added, changed or removed."""

    def __init__(self, name: str, args: WorkspaceSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        values = {key: pulumi.Output.secret(value) for key, value in args["values"].items()}
        super().__init__(types.WORKSPACE_SECRET, name, {"drift": None, **args, "values": values}, opts)
