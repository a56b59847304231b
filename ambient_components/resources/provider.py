"""The provider resource: one cluster and its object store, for our own resources."""

from typing import NotRequired, TypedDict

import pulumi


class ProviderArgs(TypedDict):
    """Which cluster, and which object store. Everything is optional."""

    context: NotRequired[pulumi.Input[str]]
    """Context of the kubeconfig; default its current one."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """Contents of a kubeconfig, kept as a secret; never a path. Default: KUBECONFIG, read as kubectl reads it."""

    clusterUid: NotRequired[pulumi.Input[str]]
    """uid of the cluster's kube-system namespace; another cluster is an error. Default: not compared."""

    storeEndpoint: NotRequired[pulumi.Input[str]]
    """Address of the object store's S3 API, https://HOST or http://HOST. Default: AWS."""

    storeIamEndpoint: NotRequired[pulumi.Input[str]]
    """Address of its API for users and access keys, where that is another one."""

    storeRegion: NotRequired[pulumi.Input[str]]
    """Default us-east-1, which stores take that have no regions."""

    storeCredentials: NotRequired[pulumi.Input[str]]
    """By which API users are made: iam (default), or minio for MinIO's admin API."""

    storeAccessKey: NotRequired[pulumi.Input[str]]
    """Of who may make buckets and users. Default: as AWS's own tools find it."""

    storeSecretKey: NotRequired[pulumi.Input[str]]
    """Beside storeAccessKey; kept as a secret."""


class Provider(pulumi.ProviderResource):
    """An instance of the ``ambient`` plugin."""

    def __init__(self, name: str, args: ProviderArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        props = dict(args or {})
        for name_of_secret in ("kubeconfig", "storeSecretKey"):
            if props.get(name_of_secret) is not None:
                props[name_of_secret] = pulumi.Output.secret(props[name_of_secret])
        super().__init__("ambient", name, props, opts)
