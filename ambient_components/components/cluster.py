"""Arguments and providers of a cluster and its object store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, Final, NotRequired, TypedDict, cast

import pulumi
import pulumi_kubernetes as k8s

from ambient_components.resources import Provider, ProviderArgs
from ambient_components.rules.object_store import REGION_DEFAULT, is_aws


class StoreArgs(TypedDict):
    """One object store. All fields are optional; the default is AWS."""

    endpoint: NotRequired[str]
    """Address of its S3 API for pulumi's machine, https://HOST or http://HOST. Default: AWS."""

    iamEndpoint: NotRequired[str]
    """Address of its API for users and access keys, if it differs."""

    region: NotRequired[str]
    """Region; default us-east-1, for stores that have none."""

    credentials: NotRequired[str]
    """API for users: iam (default), or minio for MinIO's admin API."""

    accessKey: NotRequired[pulumi.Input[str]]
    """Access key that may create buckets and users. Default for both keys: AWS's credential chain."""

    secretKey: NotRequired[pulumi.Input[str]]
    """Stored as a secret."""


def store_settings(store: StoreArgs) -> ProviderArgs:
    """Return the store as settings of this project's provider."""
    names = {
        "endpoint": "storeEndpoint",
        "iamEndpoint": "storeIamEndpoint",
        "region": "storeRegion",
        "credentials": "storeCredentials",
        "accessKey": "storeAccessKey",
        "secretKey": "storeSecretKey",
    }
    settings = {name: value for key, name in names.items() if (value := store.get(key)) is not None}
    return cast("ProviderArgs", settings)


def aws_provider(name: str, store: StoreArgs) -> pulumi.ProviderResource:
    """Return a pulumi-aws provider for the store.

    Other stores have no AWS account, metadata service or regions, and their bucket names are not host names, so buckets
    are paths. The region is always set: the SDK would read it from the environment of the machine.
    """
    settings: dict[str, Any] = {"region": store.get("region") or REGION_DEFAULT}
    configured = store.get("endpoint") or ""
    # AWS's S3 address is not its address for other services, and pulumi-aws knows all of them.
    endpoint = "" if is_aws(configured) else configured
    iam = store.get("iamEndpoint") or endpoint
    addresses = {"s3": endpoint, "s3control": endpoint, "iam": iam, "sts": iam}
    if endpoint or iam:
        settings["endpoints"] = [{service: address for service, address in addresses.items() if address}]
    if endpoint:
        settings |= {
            "s3_use_path_style": True,
            "skip_credentials_validation": True,
            "skip_metadata_api_check": True,
            "skip_region_validation": True,
            "skip_requesting_account_id": True,
        }
    if store.get("accessKey") is not None:
        settings |= {"access_key": store["accessKey"], "secret_key": store.get("secretKey")}
    made: pulumi.ProviderResource = import_module("pulumi_aws").Provider(name, **settings)
    return made


_FIXED: Final[dict[str, Any]] = {
    "delete_unreachable": False,
    "skip_update_unreachable": False,
    "enable_server_side_apply": True,
    "enable_patch_force": False,
    "enable_config_map_mutable": True,
    "suppress_deprecation_warnings": False,
    "suppress_helm_hook_warnings": False,
}
"""Settings that the SDK would otherwise read from PULUMI_K8S_* variables of the machine.

The first two matter most: with them, a revoked grant would leave the state but stay in an unreachable cluster.
"""


class ClusterArgs(TypedDict):
    """Cluster and object store. All fields are optional; the default is the current context of KUBECONFIG."""

    context: NotRequired[str]
    """Context of the kubeconfig."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """Content of a kubeconfig, stored as a secret. Never a path: paths differ between machines, and every run would
    show a change.
    """

    clusterUid: NotRequired[str]
    """uid of the kube-system namespace; another cluster is then an error, never a replacement."""

    unguarded: NotRequired[bool]
    """Whether the program has no AccessLedger, or makes objects of workspaces that it does not name: no guardrail
    evaluates their access. Default: they are refused.
    """

    store: NotRequired[StoreArgs]
    """Object store for buckets. Default: AWS, with the credential chain of pulumi's machine."""


@dataclass(frozen=True)
class ClusterProviders:
    """The Kubernetes provider and this project's, for the same cluster: pass `both` as a component's ``providers``.

    For a bucket with driver aws, pass `with_aws`.
    """

    kubernetes: k8s.Provider
    ambient: Provider
    name: str = ""
    """Logical name of both providers."""
    store: StoreArgs = field(default_factory=StoreArgs)

    @property
    def both(self) -> list[pulumi.ProviderResource]:
        """Value for ``ResourceOptions(providers=...)``."""
        return [self.kubernetes, self.ambient]

    @property
    def with_aws(self) -> list[pulumi.ProviderResource]:
        """The providers of `both`, and pulumi-aws for the same store, for components with a bucket of driver aws.

        Raises:
            ModuleNotFoundError: The optional extra pulumi-aws is not installed.
        """
        return [*self.both, *([self._aws] if self.store else [])]

    @cached_property
    def _aws(self) -> pulumi.ProviderResource:
        return aws_provider(self.name, self.store)

    @classmethod
    def of(cls, name: str, args: ClusterArgs | None = None) -> "ClusterProviders":
        """Create both providers under one logical name."""
        given: ClusterArgs = args or {}
        settings: dict[str, Any] = {key: given[key] for key in ("context",) if given.get(key)}
        own: ProviderArgs = {"clusterUid": given["clusterUid"]} if given.get("clusterUid") else {}
        if given.get("context"):
            own["context"] = given["context"]
        if given.get("kubeconfig") is not None:
            settings["kubeconfig"] = own["kubeconfig"] = pulumi.Output.secret(given["kubeconfig"])
        if given.get("unguarded") is not None:
            own["unguarded"] = given["unguarded"]
        store = given.get("store") or StoreArgs()
        own.update(store_settings(store))
        with _without_kubeconfig():
            kubernetes = k8s.Provider(
                name,
                # Without it, an edited kubeconfig could make the engine replace the provider with all its resources.
                cluster_identifier=given.get("clusterUid"),
                # A changed Secret is updated in place and never replaced.
                enable_secret_mutable=True,
                # The ledger's check decides about ownership, so that plugins before and after 4.29 behave alike.
                upsert_existing_objects=True,
                kube_client_settings={"qps": 100, "burst": 200},
                **_FIXED,
                **settings,
            )
        return cls(kubernetes, Provider(name, own), name, store)


@contextmanager
def _without_kubeconfig() -> Iterator[None]:
    """Hide KUBECONFIG from the SDK, which would make this machine's path an input of the provider.

    The plugin is a process of the engine, still has the variable and reads it as kubectl does.
    """
    path = os.environ.pop("KUBECONFIG", None)
    try:
        yield
    finally:
        if path is not None:
            os.environ["KUBECONFIG"] = path
