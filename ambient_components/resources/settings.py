"""Resources for workspace settings that the platform writes as well.

Each resource sets only the given fields of an object; all others stay as the operator or the UI set them. A field that
is no longer given returns to the platform's default.
"""

from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class ProjectSettingsArgs(TypedDict):
    """Fields of a workspace's only ProjectSettings."""

    namespace: pulumi.Input[str]

    inactivityTimeoutSeconds: NotRequired[pulumi.Input[int]]
    """Seconds without activity after which a session is stopped; 0 means never. The platform's default is 86400."""

    mcpServers: NotRequired[pulumi.Input[dict[str, Any]]]
    """``custom`` (servers by name) and ``disabled`` (names), in the runner's format."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class ProjectSettings(pulumi.CustomResource):
    """Idle timeout and MCP servers; the object belongs to the operator and is never deleted."""

    def __init__(self, name: str, args: ProjectSettingsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.PROJECT_SETTINGS, name, {**args}, opts)


class ContainerDefaultsArgs(TypedDict):
    """Limits and requests of containers: mappings of cpu, memory or ephemeral-storage to a quantity."""

    namespace: pulumi.Input[str]
    defaultRequest: NotRequired[pulumi.Input[dict[str, str]]]
    default: NotRequired[pulumi.Input[dict[str, str]]]
    """Limit of a container that sets none."""
    min: NotRequired[pulumi.Input[dict[str, str]]]
    max: NotRequired[pulumi.Input[dict[str, str]]]
    released: NotRequired[bool]
    """See `ProjectSettingsArgs`."""


class ContainerDefaults(pulumi.CustomResource):
    """The container item of the LimitRange that the operator would otherwise create."""

    def __init__(self, name: str, args: ContainerDefaultsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.CONTAINER_DEFAULTS, name, {**args}, opts)


class FeatureFlagsArgs(TypedDict):
    """Overrides of feature flags for one workspace."""

    namespace: pulumi.Input[str]
    flags: pulumi.Input[dict[str, bool]]
    released: NotRequired[bool]
    """See `ProjectSettingsArgs`."""


class FeatureFlags(pulumi.CustomResource):
    """Single feature flags; other flags that the UI changed stay."""

    def __init__(self, name: str, args: FeatureFlagsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.FEATURE_FLAGS, name, {**args}, opts)
