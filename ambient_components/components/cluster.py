"""The providers of one cluster and its object store, without inputs that depend on the machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from ambient_components.components.store import StoreArgs, aws_provider, store_settings
from ambient_components.resources import Provider, ProviderArgs

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
        """`both`, and pulumi-aws for the same store, for components with a bucket of driver aws.

        Raises:
            ModuleNotFoundError: pulumi-aws, an optional extra, is not installed.
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
