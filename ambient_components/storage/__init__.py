"""A workspace's own storage: the policy of its credentials, and its variables in sessions."""

from ambient_components.storage.policy import access_policy, same_policy, workspace_prefix
from ambient_components.storage.variables import storage_variables

__all__ = [
    "access_policy",
    "same_policy",
    "storage_variables",
    "workspace_prefix",
]
