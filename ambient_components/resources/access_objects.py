"""What carries access, as a program declares it: RoleBindings, and the ServiceAccounts of keys."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class MetadataArgs(TypedDict):
    """Metadata of a Kubernetes object. Name and namespace are known before the update."""

    name: str
    namespace: pulumi.Input[str]
    labels: NotRequired[Mapping[str, str]]
    annotations: NotRequired[Mapping[str, str]]


class RoleBindingArgs(TypedDict):
    """A RoleBinding, as Kubernetes has it."""

    metadata: MetadataArgs
    roleRef: Mapping[str, str]
    subjects: Sequence[Mapping[str, str]]
    released: NotRequired[bool]
    """The workspace is being let go: nothing is written any more, and others' changes are no drift."""


class RoleBinding(pulumi.CustomResource):
    """A RoleBinding that is exactly as declared: strangers in it are drift, and nothing keeps it from its end."""

    uid: pulumi.Output[str]
    """uid of the object."""

    def __init__(self, name: str, args: RoleBindingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.ROLE_BINDING, name, {"uid": None, **args}, opts)


class ServiceAccountArgs(TypedDict):
    """The account of one key."""

    metadata: MetadataArgs
    released: NotRequired[bool]
    """As of `RoleBindingArgs`."""
    adopt: NotRequired[bool]
    """Whether an account that has the name already is taken over with its tokens; by default it is ended."""


class ServiceAccount(pulumi.CustomResource):
    """The identity of a key: made by the run that declares it first, so that nobody has a token from before."""

    uid: pulumi.Output[str]
    """uid of the object."""

    createdAt: pulumi.Output[str | None]  # noqa: N815  # Pulumi's own spelling of outputs
    """When the key was made, RFC 3339."""

    lastUsedAt: pulumi.Output[str | None]  # noqa: N815
    """When the platform's backend saw the key last, as the last refresh read it."""

    def __init__(self, name: str, args: ServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("uid", "createdAt", "lastUsedAt"))
        super().__init__(types.SERVICE_ACCOUNT, name, {**outputs, **args}, opts)
