"""Client side of this project's own resources; the plugin in `provider/` implements them."""

from ambient_components.resources.access_ledger import AccessLedger, AccessLedgerArgs
from ambient_components.resources.access_objects import (
    MetadataArgs,
    RoleBinding,
    RoleBindingArgs,
    ServiceAccount,
    ServiceAccountArgs,
)
from ambient_components.resources.access_token import AccessToken, AccessTokenArgs
from ambient_components.resources.closure import Closure, ClosureArgs
from ambient_components.resources.provider import Provider, ProviderArgs
from ambient_components.resources.s3_bucket import S3Bucket, S3BucketArgs
from ambient_components.resources.s3_credentials import S3Credentials, S3CredentialsArgs
from ambient_components.resources.settings import (
    ContainerDefaults,
    ContainerDefaultsArgs,
    FeatureFlags,
    FeatureFlagsArgs,
    ProjectSettings,
    ProjectSettingsArgs,
)
from ambient_components.resources.workspace_secret import WorkspaceSecret, WorkspaceSecretArgs

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
    "ServiceAccount",
    "ServiceAccountArgs",
    "WorkspaceSecret",
    "WorkspaceSecretArgs",
]
