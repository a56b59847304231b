"""Client side of this project's own resources; the plugin in `provider/` implements them."""

from ambient_components.resources.access import (
    AccessLedger,
    AccessLedgerArgs,
    AccessToken,
    MetadataArgs,
    RoleBinding,
    RoleBindingArgs,
    ServiceAccount,
    ServiceAccountArgs,
)
from ambient_components.resources.inputs import (
    AccessTokenArgs,
    ClosureArgs,
    ContainerDefaultsArgs,
    FeatureFlagsArgs,
    ProjectSettingsArgs,
    ProviderArgs,
    S3BucketArgs,
    S3CredentialsArgs,
    ScheduledSessionArgs,
    WorkspaceSecretArgs,
)
from ambient_components.resources.provider import Provider
from ambient_components.resources.storage import S3Bucket, S3Credentials
from ambient_components.resources.workspace import (
    Closure,
    ContainerDefaults,
    FeatureFlags,
    ProjectSettings,
    ScheduledSession,
    WorkspaceSecret,
)

__all__ = [
    "AccessLedger",
    "AccessLedgerArgs",
    "AccessToken",
    "AccessTokenArgs",
    "Closure",
    "ClosureArgs",
    "ContainerDefaults",
    "ContainerDefaultsArgs",
    "FeatureFlags",
    "FeatureFlagsArgs",
    "MetadataArgs",
    "ProjectSettings",
    "ProjectSettingsArgs",
    "Provider",
    "ProviderArgs",
    "RoleBinding",
    "RoleBindingArgs",
    "S3Bucket",
    "S3BucketArgs",
    "S3Credentials",
    "S3CredentialsArgs",
    "ScheduledSession",
    "ScheduledSessionArgs",
    "ServiceAccount",
    "ServiceAccountArgs",
    "WorkspaceSecret",
    "WorkspaceSecretArgs",
]
