"""The components that users compose. Arguments are plain TypedDicts, without YAML or pydantic.

None of these modules may use ``from __future__ import annotations``: Pulumi infers a package's schema from the live
annotations and fails on postponed ones (tested).
"""

from ambient_components.components.api_key import ApiKey
from ambient_components.components.arguments import ApiKeyArgs, DeliveryArgs, DeliverySecretArgs, KeyArgs
from ambient_components.components.bucket import Bucket, BucketArgs
from ambient_components.components.cluster import ClusterArgs, ClusterProviders, StoreArgs
from ambient_components.components.grant import Grant, GrantArgs
from ambient_components.components.specs import (
    WorkspaceArgs,
)
from ambient_components.components.workspace import Workspace

__all__ = [
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
    "KeyArgs",
    "StoreArgs",
    "Workspace",
    "WorkspaceArgs",
]
