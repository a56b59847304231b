"""Resources of one workspace: its closure, settings, container defaults, feature flags and Secrets."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.engine import urns
from ambient_components.resources.attributes import SnakeCaseAttributes
from ambient_components.resources.inputs import ScheduledSessionArgs


class ClosureArgs(TypedDict):
    """Workspace, subjects that keep their access, and handling of sessions."""

    namespace: str
    """The workspace's namespace."""

    staying: Sequence[str]
    """Subjects that keep their access: the owners, such as ``user:alice@example.com``."""

    sessions: NotRequired[str]
    """stop (default): the platform stops the sessions, and those that do not stop are reported; deletePods: their pods
    are then deleted.
    """

    waitSeconds: NotRequired[int]
    """Seconds to wait for sessions to stop; default 120."""


class Closure(SnakeCaseAttributes, pulumi.CustomResource):
    """A closed workspace: no grants, keys or secrets of any origin, and no running schedules.

    Creating it stops the sessions; deleting it resumes the schedules that it suspended.
    """

    found: pulumi.Output[list[str]]
    """Access and schedules that a refresh found to have come back; the next update ends them."""

    def __init__(self, name: str, args: ClosureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.CLOSURE, name, {**self.outputs(), **args}, opts)


class ProjectSettingsArgs(TypedDict):
    """Fields of a workspace's only ProjectSettings."""

    namespace: pulumi.Input[str]
    """The workspace's namespace."""

    inactivityTimeoutSeconds: NotRequired[pulumi.Input[int]]
    """Seconds without activity after which a session is stopped; 0 means never. The platform's default is 86400."""

    mcpServers: NotRequired[pulumi.Input[dict[str, Any]]]
    """``custom`` (servers by name) and ``disabled`` (names), in the runner's format."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class ProjectSettings(SnakeCaseAttributes, pulumi.CustomResource):
    """Idle timeout and MCP servers; the object belongs to the operator and is never deleted."""

    def __init__(self, name: str, args: ProjectSettingsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.PROJECT_SETTINGS, name, {**args}, opts)


class ContainerDefaultsArgs(TypedDict):
    """Limits and requests of containers: mappings of cpu, memory or ephemeral-storage to a quantity."""

    namespace: pulumi.Input[str]
    """The workspace's namespace."""

    defaultRequest: NotRequired[pulumi.Input[dict[str, str]]]
    """Request of a container that sets none."""

    default: NotRequired[pulumi.Input[dict[str, str]]]
    """Limit of a container that sets none."""

    min: NotRequired[pulumi.Input[dict[str, str]]]
    """Minimum request of a container."""

    max: NotRequired[pulumi.Input[dict[str, str]]]
    """Maximum limit of a container."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class ContainerDefaults(SnakeCaseAttributes, pulumi.CustomResource):
    """The container item of the LimitRange that the operator would otherwise create."""

    def __init__(self, name: str, args: ContainerDefaultsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.CONTAINER_DEFAULTS, name, {**args}, opts)


class FeatureFlagsArgs(TypedDict):
    """Overrides of feature flags for one workspace."""

    namespace: pulumi.Input[str]
    """The workspace's namespace."""

    flags: pulumi.Input[dict[str, bool]]
    """true or false by flag."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class FeatureFlags(SnakeCaseAttributes, pulumi.CustomResource):
    """Single feature flags; other flags that the UI changed stay."""

    def __init__(self, name: str, args: FeatureFlagsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.FEATURE_FLAGS, name, {**args}, opts)


class ScheduledSession(SnakeCaseAttributes, pulumi.CustomResource):
    """A scheduled session of the platform; fields that are left out are managed in its UI."""

    uid: pulumi.Output[str]
    """uid of the CronJob."""

    image: pulumi.Output[str]
    """Image that its Jobs run."""

    drift: pulumi.Output[list[str]]
    """Changes by others that a refresh found and that no input shows; the next update reverts them."""

    def __init__(self, name: str, args: ScheduledSessionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.SCHEDULED_SESSION, name, {**self.outputs(), **args}, opts)


class WorkspaceSecretArgs(TypedDict):
    """Name and complete content of a Secret."""

    namespace: pulumi.Input[str]
    """The workspace's namespace."""

    secret: str
    """Name of the Secret: ambient-runner-secrets or ambient-non-vertex-integrations."""

    values: Mapping[str, pulumi.Input[str]]
    """Values by name; always stored as secrets."""

    onDrift: NotRequired[str]
    """overwrite (default): these values win; keep: values saved in the UI stay until a value here changes."""

    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class WorkspaceSecret(SnakeCaseAttributes, pulumi.CustomResource):
    """A Secret that the platform's settings page writes as well. It is updated in place and never replaced."""

    drift: pulumi.Output[dict[str, str]]
    """Drift as found by a refresh, by name: added, changed or removed."""

    def __init__(self, name: str, args: WorkspaceSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        values = {key: pulumi.Output.secret(value) for key, value in args["values"].items()}
        super().__init__(urns.WORKSPACE_SECRET, name, {**self.outputs(), **args, "values": values}, opts)
