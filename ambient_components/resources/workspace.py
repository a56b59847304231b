"""Resources of one workspace: its closure, settings, container defaults, feature flags and Secrets."""

import pulumi

from ambient_components.engine import urns
from ambient_components.resources.attributes import SnakeCaseAttributes
from ambient_components.resources.inputs import (
    ClosureArgs,
    ContainerDefaultsArgs,
    FeatureFlagsArgs,
    ProjectSettingsArgs,
    ScheduledSessionArgs,
    WorkspaceSecretArgs,
)


class Closure(SnakeCaseAttributes, pulumi.CustomResource):
    """A closed workspace: no grants, keys or secrets of any origin, and no running schedules.

    Creating it stops the sessions; deleting it resumes the schedules that it suspended.
    """

    found: pulumi.Output[list[str]]
    """Access and schedules that a refresh found to have come back; the next update ends them."""

    def __init__(self, name: str, args: ClosureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.CLOSURE, name, {**self.outputs(), **args}, opts)


class ProjectSettings(SnakeCaseAttributes, pulumi.CustomResource):
    """Idle timeout and MCP servers; the object belongs to the operator and is never deleted."""

    def __init__(self, name: str, args: ProjectSettingsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.PROJECT_SETTINGS, name, {**args}, opts)


class ContainerDefaults(SnakeCaseAttributes, pulumi.CustomResource):
    """The container item of the LimitRange that the operator would otherwise create."""

    def __init__(self, name: str, args: ContainerDefaultsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.CONTAINER_DEFAULTS, name, {**args}, opts)


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


class WorkspaceSecret(SnakeCaseAttributes, pulumi.CustomResource):
    """A Secret that the platform's settings page writes as well. It is updated in place and never replaced."""

    drift: pulumi.Output[dict[str, str]]
    """Drift as found by a refresh, by name: added, changed or removed."""

    def __init__(self, name: str, args: WorkspaceSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        values = {key: pulumi.Output.secret(value) for key, value in args["values"].items()}
        super().__init__(urns.WORKSPACE_SECRET, name, {**self.outputs(), **args, "values": values}, opts)
