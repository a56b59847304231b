"""The provider resource: one cluster, for our own resources."""

from typing import NotRequired, TypedDict

import pulumi


class ProviderArgs(TypedDict):
    """Which cluster. Everything is optional."""

    context: NotRequired[pulumi.Input[str]]
    """Context of the kubeconfig; default its current one."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """Contents of a kubeconfig, kept as a secret; never a path. Default: KUBECONFIG, read as kubectl reads it."""

    clusterUid: NotRequired[pulumi.Input[str]]
    """uid of the cluster's kube-system namespace; another cluster is an error. Default: not compared."""


class Provider(pulumi.ProviderResource):
    """An instance of the ``ambient`` plugin."""

    def __init__(self, name: str, args: ProviderArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        props = dict(args or {})
        if props.get("kubeconfig") is not None:
            props["kubeconfig"] = pulumi.Output.secret(props["kubeconfig"])
        super().__init__("ambient", name, props, opts)
