"""A workspace's declared settings and limits; an adopted workspace keeps all others.

They carry no access, so unlike everything else in a workspace they may be deleted with the namespace
(``deleted_with``).
"""

from collections.abc import Iterator
from typing import Any, cast

import pulumi

from ambient_components.components.kubernetes_objects import ConfigMap, NetworkPolicy, ResourceQuota
from ambient_components.components.options import FORCED
from ambient_components.components.specs import LimitsSpec, SettingsSpec
from ambient_components.engine.names import Part, logical_name
from ambient_components.errors import refusal
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
from ambient_components.rules.warnings import WarningRule


def settings(
    name: str, namespace: str, spec: SettingsSpec, opts: pulumi.ResourceOptions, *, released: bool = False
) -> Iterator[pulumi.Resource]:
    """Declare the settings of a workspace; a released one is not written to."""
    project: ProjectSettingsArgs = {"namespace": namespace}
    if spec.get("idleTimeoutSeconds") is not None:
        project["inactivityTimeoutSeconds"] = int(spec["idleTimeoutSeconds"])
    if spec.get("mcpServers") is not None:  # an empty mapping is a declaration too
        project["mcpServers"] = dict(spec["mcpServers"])
    if len(project) > 1:
        if released:
            project["released"] = True
        yield ProjectSettings(logical_name(name, Part.SETTINGS), project, opts)
    if spec.get("featureFlags"):
        flags: FeatureFlagsArgs = {"namespace": namespace, "flags": dict(sorted(spec["featureFlags"].items()))}
        if released:
            flags["released"] = True
        yield FeatureFlags(logical_name(name, Part.FEATURE_FLAGS), flags, opts)
    if spec.get("caBundle"):
        yield ConfigMap(
            logical_name(name, Part.CA_BUNDLE),
            metadata={"name": CA_BUNDLE, "namespace": namespace, "annotations": FORCED},
            data={CA_BUNDLE_KEY: spec["caBundle"]},
            opts=opts,
        )


def resource_limits(
    name: str,
    namespace: str,
    spec: LimitsSpec,
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
        spec: The declared limits.
        platform_namespace: The platform's namespace.
        opts: Options of each resource.
        released: Whether the workspace is being released.
        store: Address of its own object store, which an isolated workspace must reach (contract 10.19).
        api_server: Whether the platform's API server (V2) runs in that namespace, too.
    """
    if containers := limits.container_limits(spec.get("containers") or {}):
        args = cast("ContainerDefaultsArgs", {"namespace": namespace, **containers})
        if released:
            args["released"] = True
        yield ContainerDefaults(logical_name(name, Part.CONTAINERS), args, opts)
    if spec.get("quota"):
        yield ResourceQuota(
            logical_name(name, Part.QUOTA),
            metadata={"name": limits.QUOTA, "namespace": namespace, "annotations": FORCED},
            spec={"hard": limits.canonical(spec["quota"])},
            opts=opts,
        )
    network = spec.get("network")
    if network is not None and network.get("isolate", True):
        allow: list[Any] = [*(network.get("allow") or ())]
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
