"""A workspace's settings and limits: only what is declared, so that an adopted workspace keeps the rest.

They carry no access: unlike all else in a workspace they may vanish together with the namespace (``deleted_with``).
"""

from collections.abc import Iterator
from typing import Any, cast

import pulumi
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking

from ambient_components import isolation, limits, naming
from ambient_components.components.forced import FORCED
from ambient_components.components.specs import LimitsSpec, SettingsSpec
from ambient_components.contract import CA_BUNDLE, CA_BUNDLE_KEY
from ambient_components.resources import (
    ContainerDefaults,
    ContainerDefaultsArgs,
    FeatureFlags,
    FeatureFlagsArgs,
    ProjectSettings,
    ProjectSettingsArgs,
)


def settings(
    name: str, namespace: str, spec: SettingsSpec, opts: pulumi.ResourceOptions, *, released: bool = False
) -> Iterator[pulumi.Resource]:
    """The declared settings of the workspace with this logical name; of a released one, which are then left alone."""
    project: ProjectSettingsArgs = {"namespace": namespace}
    if spec.get("idleTimeoutSeconds") is not None:
        project["inactivityTimeoutSeconds"] = int(spec["idleTimeoutSeconds"])
    if spec.get("mcpServers") is not None:  # none at all is a declaration too
        project["mcpServers"] = dict(spec["mcpServers"])
    if len(project) > 1:
        if released:
            project["released"] = True
        yield ProjectSettings(naming.logical_settings(name), project, opts)
    if spec.get("featureFlags"):
        flags: FeatureFlagsArgs = {"namespace": namespace, "flags": dict(sorted(spec["featureFlags"].items()))}
        if released:
            flags["released"] = True
        yield FeatureFlags(naming.logical_flags(name), flags, opts)
    if spec.get("caBundle"):
        yield core.ConfigMap(
            naming.logical_ca_bundle(name),
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
) -> Iterator[pulumi.Resource]:
    """The declared limits of the workspace with this logical name; of a released one, which are then left alone."""
    if containers := limits.container_limits(spec.get("containers") or {}):
        args = cast("ContainerDefaultsArgs", {"namespace": namespace, **containers})
        if released:
            args["released"] = True
        yield ContainerDefaults(naming.logical_containers(name), args, opts)
    if spec.get("quota"):
        yield core.ResourceQuota(
            naming.logical_quota(name),
            metadata={"name": limits.QUOTA, "namespace": namespace, "annotations": FORCED},
            spec={"hard": limits.canonical(spec["quota"])},
            opts=opts,
        )
    network = spec.get("network")
    if network is not None and network.get("isolate", True):
        policies = isolation.policies(platform_namespace, cast("Any", network.get("allow") or ()))
        for policy, content in policies.items():
            yield networking.NetworkPolicy(
                naming.logical_network(name, policy),
                metadata={"name": policy, "namespace": namespace, "annotations": FORCED},
                spec=cast("networking.NetworkPolicySpecArgs", content),
                opts=opts,
            )
