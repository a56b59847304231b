"""A workspace's settings that the platform writes as well, as a program declares them.

Of each object only what is given is declared; what is not given stays as the operator made it or the UI left it. What
was given and is not any more returns to the platform's default.
"""

from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class ProjectSettingsArgs(TypedDict):
    """Fields of the workspace's one ProjectSettings."""

    namespace: pulumi.Input[str]

    inactivityTimeoutSeconds: NotRequired[pulumi.Input[int]]
    """Without activity for so long a session is stopped; 0 is never. The platform's default is 86400."""

    mcpServers: NotRequired[pulumi.Input[dict[str, Any]]]
    """``custom`` (servers by name) and ``disabled`` (names), as the runner reads them."""

    released: NotRequired[bool]
    """The workspace is being let go: nothing is written any more, and others' changes are no drift."""


class ProjectSettings(pulumi.CustomResource):
    """Idle timeout and MCP servers; the object itself is the operator's and is never deleted."""

    def __init__(self, name: str, args: ProjectSettingsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.PROJECT_SETTINGS, name, {**args}, opts)


class ContainerDefaultsArgs(TypedDict):
    """What containers get and may have; each is a mapping of cpu, memory or ephemeral-storage to a quantity."""

    namespace: pulumi.Input[str]
    defaultRequest: NotRequired[pulumi.Input[dict[str, str]]]
    default: NotRequired[pulumi.Input[dict[str, str]]]
    """The limit of a container that has none."""
    min: NotRequired[pulumi.Input[dict[str, str]]]
    max: NotRequired[pulumi.Input[dict[str, str]]]
    released: NotRequired[bool]
    """See `ProjectSettingsArgs`."""


class ContainerDefaults(pulumi.CustomResource):
    """The item for containers in the LimitRange that the operator would otherwise make."""

    def __init__(self, name: str, args: ContainerDefaultsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.CONTAINER_DEFAULTS, name, {**args}, opts)


class FeatureFlagsArgs(TypedDict):
    """Overrides for one workspace."""

    namespace: pulumi.Input[str]
    flags: pulumi.Input[dict[str, bool]]
    released: NotRequired[bool]
    """See `ProjectSettingsArgs`."""


class FeatureFlags(pulumi.CustomResource):
    """Single feature flags; what the UI has flipped beside them stays."""

    def __init__(self, name: str, args: FeatureFlagsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.FEATURE_FLAGS, name, {**args}, opts)
