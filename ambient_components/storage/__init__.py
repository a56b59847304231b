"""A workspace's own storage: names of buckets, the rights of credentials, what its sessions are told."""

from ambient_components.storage.names import bucket_name_problem, endpoint_problem
from ambient_components.storage.policy import access_policy, same_policy, workspace_prefix
from ambient_components.storage.variables import storage_variables

__all__ = [
    "access_policy",
    "bucket_name_problem",
    "endpoint_problem",
    "same_policy",
    "storage_variables",
    "workspace_prefix",
]
