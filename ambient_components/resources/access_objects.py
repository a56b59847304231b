"""The resources that carry access: RoleBindings, and the ServiceAccounts of keys."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class MetadataArgs(TypedDict):
    """Metadata of a Kubernetes object. Name and namespace must be known before the update."""

    name: str
    namespace: pulumi.Input[str]
    labels: NotRequired[Mapping[str, str]]
    annotations: NotRequired[Mapping[str, str]]


class RoleBindingArgs(TypedDict):
    """A RoleBinding with Kubernetes' fields."""

    metadata: MetadataArgs
    roleRef: Mapping[str, str]
    subjects: Sequence[Mapping[str, str]]
    released: NotRequired[bool]
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class RoleBinding(pulumi.CustomResource):
    """A RoleBinding kept equal to its declaration: extra subjects are drift, and finalizers do not keep it alive."""

    uid: pulumi.Output[str]
    """uid of the object."""

    def __init__(self, name: str, args: RoleBindingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.ROLE_BINDING, name, {"uid": None, **args}, opts)


class ServiceAccountArgs(TypedDict):
    """The ServiceAccount of one key."""

    metadata: MetadataArgs
    released: NotRequired[bool]
    """See `RoleBindingArgs`."""
    adopt: NotRequired[bool]
    """Whether to adopt an existing account with its tokens; by default it is deleted."""


class ServiceAccount(pulumi.CustomResource):
    """The identity of a key, created by the run that first declares it, so that no earlier token is valid for it."""

    uid: pulumi.Output[str]
    """uid of the object."""

    createdAt: pulumi.Output[str | None]  # noqa: N815  # Pulumi's own spelling of outputs
    """Creation time of the key, RFC 3339."""

    lastUsedAt: pulumi.Output[str | None]  # noqa: N815
    """Time of the key's last use according to the platform's backend, as of the last refresh."""

    def __init__(self, name: str, args: ServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("uid", "createdAt", "lastUsedAt"))
        super().__init__(types.SERVICE_ACCOUNT, name, {**outputs, **args}, opts)
