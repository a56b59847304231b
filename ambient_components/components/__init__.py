"""The components that users compose. Arguments are generated from the models.

None of these modules may use ``from __future__ import annotations``: Pulumi infers a package's schema from the live
annotations and fails on postponed ones (tested).
"""

from ambient_components.components.api_key import ApiKey
from ambient_components.components.arguments import (
    AccessTestsArgs,
    AcknowledgementArgs,
    ApiKeyArgs,
    BucketArgs,
    ClusterArgs,
    DeliveryArgs,
    DeliverySecretArgs,
    GrantArgs,
    GuardrailExceptionArgs,
    GuardrailsArgs,
    KeyArgs,
    LimitsArgs,
    McpServerArgs,
    ScheduleArgs,
    SecretsArgs,
    SeparateBucketArgs,
    SeparateGrantArgs,
    SeparateWorkspaceArgs,
    SessionTemplateArgs,
    SettingsArgs,
    StackAcknowledgementArgs,
    StackExceptionArgs,
    StorageArgs,
    StoreArgs,
    WorkspaceArgs,
)
from ambient_components.components.bucket import Bucket
from ambient_components.components.cluster import ClusterProviders
from ambient_components.components.grant import Grant
from ambient_components.components.workspace import Workspace

__all__ = [
    "AccessTestsArgs",
    "AcknowledgementArgs",
    "ApiKey",
    "ApiKeyArgs",
    "Bucket",
    "BucketArgs",
    "ClusterArgs",
    "ClusterProviders",
    "DeliveryArgs",
    "DeliverySecretArgs",
    "Grant",
    "GrantArgs",
    "GuardrailExceptionArgs",
    "GuardrailsArgs",
    "KeyArgs",
    "LimitsArgs",
    "McpServerArgs",
    "ScheduleArgs",
    "SecretsArgs",
    "SeparateBucketArgs",
    "SeparateGrantArgs",
    "SeparateWorkspaceArgs",
    "SessionTemplateArgs",
    "SettingsArgs",
    "StackAcknowledgementArgs",
    "StackExceptionArgs",
    "StorageArgs",
    "StoreArgs",
    "Workspace",
    "WorkspaceArgs",
]
