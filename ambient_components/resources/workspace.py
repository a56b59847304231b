"""Resources of one workspace: its closure, settings, container defaults, feature flags, Secrets, and its bucket."""

import pulumi

from ambient_components.engine import urns
from ambient_components.resources.attributes import RotatingCredential, SnakeCaseAttributes
from ambient_components.resources.inputs import (
    ClosureArgs,
    ContainerDefaultsArgs,
    FeatureFlagsArgs,
    ProjectSettingsArgs,
    S3BucketArgs,
    S3CredentialsArgs,
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


class S3Bucket(SnakeCaseAttributes, pulumi.CustomResource):
    """A bucket with an ownership annotation. By default, deleting the resource keeps the bucket."""

    bucket: pulumi.Output[str]
    """Name of the bucket."""

    drift: pulumi.Output[dict[str, str]]
    """Drift of the ownership annotation as found by a refresh: ``owner``, removed or changed. Other drift is in the
    inputs.
    """

    def __init__(self, name: str, args: S3BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.S3_BUCKET, name, {**self.outputs(), **args}, opts)


class S3Credentials(RotatingCredential):
    """The access keys of one user over their rotations; the newest is `access_key` with `secret_key`."""

    access_key: pulumi.Output[str] = pulumi.property("accessKey")
    """Id of the newest key; not a secret."""

    secret_key: pulumi.Output[str] = pulumi.property("secretKey")
    """Secret of the newest key."""

    foreign: pulumi.Output[list[str]]
    """Ids of keys that were created by hand for this user; they are reported and never changed."""

    drift: pulumi.Output[dict[str, str]]
    """Drift as found by a refresh, by part: user, owner, policy, policies, keys."""

    def __init__(self, name: str, args: S3CredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The plugin marks the value as secret; this also covers mocks and other engines.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["secretKey"])
        super().__init__(
            urns.S3_CREDENTIALS, name, {**self.outputs(), **args}, pulumi.ResourceOptions.merge(secret, opts)
        )
