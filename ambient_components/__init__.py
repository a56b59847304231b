"""Workspaces, grants, API keys, secrets and buckets of the Ambient Code Platform as code, on Pulumi.

The components as a library::

    from ambient_components import Workspaces

    Workspaces({"payments": {"grants": [{"group": "devs", "role": "edit"}], "keys": {"ci": {"lifetime": "30d"}}}})

Names are loaded on first use, so the ``ambient`` command and the plugin import only what they need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ambient_components._version import VERSION as __version__  # noqa: N811  # what Python tools look for

if TYPE_CHECKING:
    from ambient_components.components import ApiKey, Bucket, ClusterProviders, Grant, Workspace, WorkspaceArgs
    from ambient_components.program.workspaces import Workspaces
    from ambient_components.resources import AccessLedger, AccessToken, Provider, S3Bucket, S3Credentials

_HOMES = {
    "ApiKey": "components",
    "Bucket": "components",
    "ClusterProviders": "components",
    "Grant": "components",
    "Workspace": "components",
    "WorkspaceArgs": "components",
    "Workspaces": "program.workspaces",
    "AccessLedger": "resources",
    "AccessToken": "resources",
    "Provider": "resources",
    "S3Bucket": "resources",
    "S3Credentials": "resources",
}

__all__ = [
    "AccessLedger",
    "AccessToken",
    "ApiKey",
    "Bucket",
    "ClusterProviders",
    "Grant",
    "Provider",
    "S3Bucket",
    "S3Credentials",
    "Workspace",
    "WorkspaceArgs",
    "Workspaces",
    "__version__",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ambient_components.{_HOMES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
