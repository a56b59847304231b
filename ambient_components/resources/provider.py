"""The provider resource: one cluster and its object store."""

from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.resources.attributes import SnakeCaseAttributes


class ProviderArgs(TypedDict):
    """Cluster and object store. All fields are optional."""

    context: NotRequired[pulumi.Input[str]]
    """Context of the kubeconfig. Default: its current context, or the pod's own account in a cluster."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """Content of a kubeconfig, stored as a secret; never a path, which differs between machines. Default: KUBECONFIG or
    ~/.kube/config, read as kubectl reads them.
    """

    clusterUid: NotRequired[pulumi.Input[str]]
    """uid of the cluster's kube-system namespace; another cluster is an error. Default: not checked."""

    storeEndpoint: NotRequired[pulumi.Input[str]]
    """Address of the object store's S3 API, https://HOST or http://HOST. Default: AWS."""

    storeIamEndpoint: NotRequired[pulumi.Input[str]]
    """Address of its API for users and access keys, if it differs."""

    storeRegion: NotRequired[pulumi.Input[str]]
    """Region; default us-east-1, for stores that have none."""

    storeCredentials: NotRequired[pulumi.Input[str]]
    """API for users: iam (default), or minio for MinIO's admin API."""

    storeAccessKey: NotRequired[pulumi.Input[str]]
    """Access key that may create buckets and users. Default: AWS's credential chain."""

    storeSecretKey: NotRequired[pulumi.Input[str]]
    """Secret key for storeAccessKey; stored as a secret."""

    unguarded: NotRequired[bool]
    """Whether to make objects of workspaces that no AccessLedger of the program names: no guardrail evaluates them."""


class Provider(SnakeCaseAttributes, pulumi.ProviderResource):
    """An instance of the ``ambient`` plugin."""

    def __init__(self, name: str, args: ProviderArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = dict(args or {})
        unguarded = props.pop("unguarded", None)
        if unguarded not in (None, True, False):
            msg = "unguarded: True or False is expected"  # a text such as "false" must not switch guardrails off
            raise ValueError(msg)
        self.unguarded = unguarded is True
        if self.unguarded:
            props["unguarded"] = "true"  # settings of providers are texts
        for name_of_secret in ("kubeconfig", "storeSecretKey"):
            if props.get(name_of_secret) is not None:
                props[name_of_secret] = pulumi.Output.secret(props[name_of_secret])
        super().__init__("ambient", name, props, opts)
