"""The providers of one cluster and its object store, made so that no machine's paths become an input."""

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
"""What the SDK would otherwise take from PULUMI_K8S_* of the machine: a stack must not differ from one to the next.

The first two matter most: with them, a revoked grant leaves the state and lives on where the cluster can't be reached.
"""


class ClusterArgs(TypedDict):
    """Which cluster. Everything is optional: by default it is the current context of KUBECONFIG."""

    context: NotRequired[str]
    """Context of the kubeconfig."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """Contents of a kubeconfig, kept as a secret. Never a path: it differs between machines, and every run would
    show a change."""

    clusterUid: NotRequired[str]
    """uid of the kube-system namespace; another cluster is then an error of the check, never a replacement."""

    store: NotRequired[StoreArgs]
    """The object store that buckets are made in. Default: AWS, with what its own tools find where pulumi runs."""


@dataclass(frozen=True)
class ClusterProviders:
    """The Kubernetes provider and ours, for the same cluster: pass `both` as a component's ``providers``.

    With a bucket of driver aws it is `with_aws`.
    """

    kubernetes: k8s.Provider
    ambient: Provider
    name: str = ""
    """The logical name of both."""
    store: StoreArgs = field(default_factory=StoreArgs)

    @property
    def both(self) -> list[pulumi.ProviderResource]:
        """What ``ResourceOptions(providers=…)`` takes."""
        return [self.kubernetes, self.ambient]

    @property
    def with_aws(self) -> list[pulumi.ProviderResource]:
        """The same for components with a bucket of driver aws: pulumi-aws for the same store as well.

        Raises:
            ModuleNotFoundError: pulumi-aws is not installed, which is an optional extra.
        """
        return [*self.both, *([self._aws] if self.store else [])]

    @cached_property
    def _aws(self) -> pulumi.ProviderResource:
        return aws_provider(self.name, self.store)

    @classmethod
    def of(cls, name: str, args: ClusterArgs | None = None) -> "ClusterProviders":
        """Makes both, under one logical name."""
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
                # Without it an edited kubeconfig could make the engine replace the provider, and all that it made.
                cluster_identifier=given.get("clusterUid"),
                # A changed secret is updated in place: the Secret never vanishes for a moment.
                enable_secret_mutable=True,
                # The ledger's check decides whose an object is, so that plugins before and after 4.29 behave alike.
                upsert_existing_objects=True,
                kube_client_settings={"qps": 100, "burst": 200},
                **_FIXED,
                **settings,
            )
        return cls(kubernetes, Provider(name, own), name, store)


@contextmanager
def _without_kubeconfig() -> Iterator[None]:
    """The SDK makes the value of KUBECONFIG, a path of this machine, an input of the provider: it must not see it.

    The plugin, a process of the engine's, has the variable and reads it as kubectl does.
    """
    path = os.environ.pop("KUBECONFIG", None)
    try:
        yield
    finally:
        if path is not None:
            os.environ["KUBECONFIG"] = path
