"""A workspace's declared settings and limits; an adopted workspace keeps all others.

They carry no access, so unlike everything else in a workspace they may be deleted with the namespace
(``deleted_with``).
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pulumi

from ambient_components.components.kubernetes_objects import ConfigMap, NetworkPolicy, ResourceQuota
from ambient_components.components.options import FORCED
from ambient_components.engine.names import Part, logical_name
from ambient_components.errors import refusal
from ambient_components.model.limits import Limits
from ambient_components.model.settings import Settings
from ambient_components.platform import network_policies
from ambient_components.platform.contract import CA_BUNDLE, CA_BUNDLE_KEY
from ambient_components.problem_json import for_engine
from ambient_components.resources import (
    ContainerDefaults,
    ContainerDefaultsArgs,
    FeatureFlags,
    FeatureFlagsArgs,
    ProjectSettings,
    ProjectSettingsArgs,
)
from ambient_components.rules import limits
from ambient_components.rules.quantities import parse_quantity
from ambient_components.rules.warnings import WarningRule


def settings(
    name: str,
    namespace: str,
    declared: Settings,
    opts: pulumi.ResourceOptions,
    *,
    ca_bundle: str | None = None,
    released: bool = False,
) -> Iterator[pulumi.Resource]:
    """Declare the settings of a workspace; a released one is not written to."""
    project: ProjectSettingsArgs = {"namespace": namespace}
    if declared.idle_timeout is not None:
        project["inactivityTimeoutSeconds"] = declared.idle_timeout
    if declared.mcp_servers is not None:  # an empty mapping is a declaration too
        project["mcpServers"] = declared.mcp_servers.as_platform()
    if len(project) > 1:
        if released:
            project["released"] = True
        yield ProjectSettings(logical_name(name, Part.SETTINGS), project, opts)
    if declared.feature_flags:
        flags: FeatureFlagsArgs = {"namespace": namespace, "flags": dict(sorted(declared.feature_flags.items()))}
        if released:
            flags["released"] = True
        yield FeatureFlags(logical_name(name, Part.FEATURE_FLAGS), flags, opts)
    if ca_bundle:
        yield ConfigMap(
            logical_name(name, Part.CA_BUNDLE),
            metadata={"name": CA_BUNDLE, "namespace": namespace, "annotations": FORCED},
            data={CA_BUNDLE_KEY: ca_bundle},
            opts=opts,
        )


def resource_limits(
    name: str,
    namespace: str,
    declared: Limits,
    platform_namespace: str,
    opts: pulumi.ResourceOptions,
    *,
    released: bool = False,
    store: str | None = None,
    api_server: bool = False,
) -> Iterator[pulumi.Resource]:
    """Declare the limits of a workspace; a released one is not written to.

    Args:
        name: Logical name of the workspace.
        namespace: Its namespace.
        declared: The declared limits.
        platform_namespace: The platform's namespace.
        opts: Options of each resource.
        released: Whether the workspace is being released.
        store: Address of its own object store, which an isolated workspace must reach (contract 10.19).
        api_server: Whether the platform's API server (V2) runs in that namespace, too.
    """
    given = declared.containers.model_dump(by_alias=True) if declared.containers is not None else {}
    if containers := limits.container_limits(given):
        args = cast("ContainerDefaultsArgs", {"namespace": namespace, **containers})
        if released:
            args["released"] = True
        yield ContainerDefaults(logical_name(name, Part.CONTAINERS), args, opts)
    if declared.quota:
        yield ResourceQuota(
            logical_name(name, Part.QUOTA),
            metadata={"name": limits.QUOTA, "namespace": namespace, "annotations": FORCED},
            spec={"hard": _canonical(declared.quota)},
            opts=opts,
        )
    if declared.network is not None and declared.network.isolate:
        allow: list[Any] = [peer.model_dump(exclude_none=True, mode="json") for peer in declared.network.allow]
        if store and (peer := network_policies.store_peer(store, platform_namespace)):
            allow.append(peer)
        if store and (port := network_policies.store_unreached(store, platform_namespace, allow)):
            closed = refusal(
                f"workspace {namespace!r} is closed off, and the port {port} of its object store is open to none of "
                "its pods as far as is known: no session would start",
                f"allow it: limits: {{network: {{allow: [{{cidr: ADDRESS/32, ports: [{port}]}}]}}}}",
                rule=WarningRule.STORE_OUT_OF_REACH,
                workspaces=(namespace,),
            )
            pulumi.log.warn(for_engine([closed]), opts.parent)
        policies = network_policies.policies(platform_namespace, allow, api_server=api_server)
        for policy, content in policies.items():
            yield NetworkPolicy(
                logical_name(name, Part.NETWORK, policy),
                metadata={"name": policy, "namespace": namespace, "annotations": FORCED},
                spec=content,
                opts=opts,
            )


def _canonical(quota: Mapping[str, Any]) -> dict[str, pulumi.Input[str]]:
    """Return the amounts by resource. The model's are canonical; one of a run is when it is known."""
    return {
        resource: amount if isinstance(amount, str) else amount.apply(lambda later: str(parse_quantity(later)))
        for resource, amount in sorted(quota.items())
    }
