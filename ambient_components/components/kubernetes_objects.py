"""Kubernetes objects by their own field names, without the generated classes of `pulumi_kubernetes`.

The engine receives the same requests. Importing the generated classes took a third of a small program's CPU time
(measured with pulumi_kubernetes 4.34), because one class of an API group imports all of them. As they do, this module
uses a name that the SDK does not document, ``_utilities.get_version`` (in 4.29, the first supported, too).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi
from pulumi_kubernetes import _utilities as sdk

from ambient_components.engine import urns
from ambient_components.resources.attributes import ObjectAttributes


class KubernetesObject(ObjectAttributes, pulumi.CustomResource):
    """One object; the subclass is its kind."""

    api_version: ClassVar[str] = "v1"
    kind: ClassVar[str]
    token: ClassVar[str]
    """The type token, part of the URN."""
    former_tokens: ClassVar[tuple[str, ...]] = ()
    """Tokens of older API versions, as in the generated class."""

    def __init__(
        self, name: str, *, metadata: Mapping[str, Any], opts: pulumi.ResourceOptions, **fields: Mapping[str, Any]
    ) -> None:
        defaults = pulumi.ResourceOptions(
            version=sdk.get_version(),  # type: ignore[no-untyped-call]  # generated without types
            aliases=[pulumi.Alias(type_=token) for token in self.former_tokens],
        )
        content = {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata, **fields}
        super().__init__(self.token, name, content, pulumi.ResourceOptions.merge(opts, defaults))


class Namespace(KubernetesObject):
    """A Namespace."""

    kind = "Namespace"
    token = urns.NAMESPACE


class NamespacePatch(KubernetesObject):
    """Fields of a Namespace that another resource owns."""

    kind = "Namespace"
    token = urns.NAMESPACE_PATCH


class ConfigMap(KubernetesObject):
    """A ConfigMap."""

    kind = "ConfigMap"
    token = urns.CONFIG_MAP


class ResourceQuota(KubernetesObject):
    """A ResourceQuota."""

    kind = "ResourceQuota"
    token = urns.RESOURCE_QUOTA


class NetworkPolicy(KubernetesObject):
    """A NetworkPolicy."""

    api_version = "networking.k8s.io/v1"
    kind = "NetworkPolicy"
    token = urns.NETWORK_POLICY
    former_tokens = (urns.FORMER_NETWORK_POLICY,)
