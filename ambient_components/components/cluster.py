"""The providers of a cluster and its object store."""

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Final, TypeVar, Unpack, cast

import pulumi
import pulumi_kubernetes as k8s

from ambient_components.components.argument_checks import ArgumentsError, read_arguments
from ambient_components.components.arguments import ClusterArgs
from ambient_components.components.caller_options import given_providers
from ambient_components.engine import urns
from ambient_components.model.clusters import Cluster, Store
from ambient_components.model.derive import write
from ambient_components.resources import Provider, ProviderArgs
from ambient_components.rules.findings import Finding
from ambient_components.rules.object_store import REGION_DEFAULT, is_aws

T = TypeVar("T")


def _aws_provider(name: str, store: Store) -> pulumi.ProviderResource:
    """Return a pulumi-aws provider for the store.

    Other stores have no AWS account, metadata service or regions, and their bucket names are not host names, so buckets
    are paths. The region is always set: the SDK would read it from the environment of the machine.
    """
    settings: dict[str, Any] = {"region": store.region or REGION_DEFAULT}
    configured = store.endpoint or ""
    # AWS's S3 address is not its address for other services, and pulumi-aws knows all of them.
    endpoint = "" if is_aws(configured) else configured
    iam = store.iam_endpoint or endpoint
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
    if store.access_key is not None:
        settings |= {"access_key": store.access_key, "secret_key": store.secret_key}
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


@dataclass(frozen=True)
class ClusterProviders:
    """The Kubernetes provider and this project's, for the same cluster: pass `both` as a component's ``providers``.

    For a bucket with driver aws, pass `with_aws`.
    """

    kubernetes: k8s.Provider
    ambient: Provider
    name: str = ""
    """Logical name of both providers."""
    store: Store | None = None

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
        return [*self.both, *([self._aws] if self._aws else [])]

    @cached_property
    def _aws(self) -> pulumi.ProviderResource | None:
        return _aws_provider(self.name, self.store) if self.store is not None else None

    @classmethod
    def of(cls, name: str, **args: Unpack[ClusterArgs]) -> "ClusterProviders":
        """Create both providers under one logical name.

        Raises:
            ValueError: All problems of the arguments, one per line.
        """
        given = read_arguments(f"cluster {name!r}", Cluster, args)
        # No value of ours: without an output, the SDK would make this machine's KUBECONFIG an input of the provider.
        # The plugin is a process of the engine, has the variable too and reads it as kubectl does.
        settings: dict[str, Any] = {"kubeconfig": pulumi.Output.from_input(None)}
        if given.context:
            settings["context"] = given.context
        if given.kubeconfig is not None:
            settings["kubeconfig"] = pulumi.Output.secret(given.kubeconfig)
        # An empty text names nothing, as an empty variable of a shell.
        named = given.model_copy(update={"context": given.context or None, "cluster_uid": given.cluster_uid or None})
        own = write(named, "provider") | (write(given.store, "provider") if given.store is not None else {})
        kubernetes = k8s.Provider(
            name,
            # Without it, an edited kubeconfig could make the engine replace the provider with all its resources.
            cluster_identifier=given.cluster_uid,
            # A changed Secret is updated in place and never replaced.
            enable_secret_mutable=True,
            # The ledger's check decides about ownership, so that plugins before and after 4.29 behave alike.
            upsert_existing_objects=True,
            kube_client_settings={"qps": 100, "burst": 200},
            **_FIXED,
            **settings,
        )
        return cls(kubernetes, Provider(name, cast("ProviderArgs", own)), name, given.store)


def cluster_of(opts: pulumi.ResourceOptions, cluster: T | None) -> T | ClusterProviders | None:
    """Return the cluster that is given in words or by providers: those of the options, or both of the parent.

    A parent with one of the two has it for other resources.

    Raises:
        ValueError: It is given twice, the options have one provider of two, or the parent's is not the config's.
    """
    given = given_providers(opts)
    kubernetes, ambient = given.get("kubernetes"), given.get("ambient")
    if cluster is not None:
        if kubernetes or ambient:
            raise ArgumentsError([Finding(("cluster",), "is given by the option providers too", "give one of them")])
        return cluster
    if kubernetes and ambient:
        return ClusterProviders(cast("k8s.Provider", kubernetes), cast("Provider", ambient))
    if kubernetes or ambient:
        missing = "ambient" if kubernetes else "kubernetes"
        text = f"the option providers lacks the package {missing}: give providers of kubernetes and ambient"
        raise ArgumentsError([], others=[text])
    if opts.parent is None:
        return None
    kubernetes, ambient = map(opts.parent.get_provider, (urns.NAMESPACE, urns.ACCESS_LEDGER))
    if not kubernetes or not ambient:
        return None
    _require_cluster_of_config(ambient)
    return ClusterProviders(cast("k8s.Provider", kubernetes), cast("Provider", ambient))


def _require_cluster_of_config(inherited: pulumi.ProviderResource) -> None:
    uid = pulumi.Config().get("clusterUid")
    if uid and isinstance(inherited, Provider) and inherited.declared_uid != uid:
        problem = f"the stack's config says {uid}, and the parent's provider of ambient does not"
        raise ArgumentsError([Finding(("cluster",), problem, "give cluster, or the provider this clusterUid")])
