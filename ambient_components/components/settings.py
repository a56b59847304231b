"""A workspace's declared settings, limits and scheduled sessions; an adopted workspace keeps all others.

They carry no access, so unlike everything else in a workspace they may be deleted with the namespace
(``deleted_with``).
"""

from collections.abc import Iterator
from typing import Any, cast

import pulumi

from ambient_components.components.kubernetes_objects import ConfigMap, NetworkPolicy, ResourceQuota
from ambient_components.components.options import FORCED
from ambient_components.engine.names import Part, logical_name
from ambient_components.errors import refusal
from ambient_components.model.derive import write
from ambient_components.model.workspaces import SeparateWorkspace
from ambient_components.platform import network_policies
from ambient_components.platform.contract import CA_BUNDLE, CA_BUNDLE_KEY
from ambient_components.platform.naming import schedule_name
from ambient_components.platform.schedules import own_user
from ambient_components.problem_json import for_engine
from ambient_components.resources import (
    ContainerDefaults,
    ContainerDefaultsArgs,
    FeatureFlags,
    FeatureFlagsArgs,
    ProjectSettings,
    ProjectSettingsArgs,
    ScheduledSession,
    ScheduledSessionArgs,
)
from ambient_components.rules import limits
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import CLOSED, RELEASED


def settings(name: str, workspace: SeparateWorkspace, opts: pulumi.ResourceOptions) -> Iterator[pulumi.Resource]:
    """Declare the settings of a workspace; a released one is not written to."""
    declared, place = workspace.settings, _place(workspace)
    if project := write(declared, "object"):
        yield ProjectSettings(logical_name(name, Part.SETTINGS), cast("ProjectSettingsArgs", place | project), opts)
    if declared.feature_flags:
        flags = place | {"flags": dict(sorted(declared.feature_flags.items()))}
        yield FeatureFlags(logical_name(name, Part.FEATURE_FLAGS), cast("FeatureFlagsArgs", flags), opts)
    if workspace.ca_bundle:
        yield ConfigMap(
            logical_name(name, Part.CA_BUNDLE),
            metadata={"name": CA_BUNDLE, "namespace": workspace.namespace, "annotations": FORCED},
            data={CA_BUNDLE_KEY: workspace.ca_bundle},
            opts=opts,
        )


def resource_limits(name: str, workspace: SeparateWorkspace, opts: pulumi.ResourceOptions) -> Iterator[pulumi.Resource]:
    """Declare the limits of a workspace; a released one is not written to."""
    declared, namespace = workspace.limits, workspace.namespace
    given = declared.containers.model_dump(by_alias=True) if declared.containers is not None else {}
    if containers := limits.container_limits(given):
        args = cast("ContainerDefaultsArgs", _place(workspace) | containers)
        yield ContainerDefaults(logical_name(name, Part.CONTAINERS), args, opts)
    if declared.quota:
        yield ResourceQuota(
            logical_name(name, Part.QUOTA),
            metadata={"name": limits.QUOTA, "namespace": namespace, "annotations": FORCED},
            spec={"hard": dict(sorted(declared.quota.items()))},
            opts=opts,
        )
    if declared.network is not None and declared.network.isolate:
        platform = workspace.platform_namespace
        allow: list[Any] = [peer.model_dump(exclude_none=True, mode="json") for peer in declared.network.allow]
        # An isolated workspace must reach its own object store (contract 10.19).
        store = workspace.storage.bucket and workspace.storage.bucket.endpoint
        if store and (peer := network_policies.store_peer(store, platform)):
            allow.append(peer)
        if store and (port := network_policies.store_unreached(store, platform, allow)):
            closed = refusal(
                f"workspace {namespace!r} is closed off, and the port {port} of its object store is open to none of "
                "its pods as far as is known: no session would start",
                f"allow it: limits: {{network: {{allow: [{{cidr: ADDRESS/32, ports: [{port}]}}]}}}}",
                rule=WarningRule.STORE_OUT_OF_REACH,
                workspaces=(namespace,),
            )
            pulumi.log.warn(for_engine([closed]), opts.parent)
        policies = network_policies.policies(platform, allow, api_server=workspace.ambient_api_server)
        for policy, content in policies.items():
            yield NetworkPolicy(
                logical_name(name, Part.NETWORK, policy),
                metadata={"name": policy, "namespace": namespace, "annotations": FORCED},
                spec=content,
                opts=opts,
            )


def _place(workspace: SeparateWorkspace) -> dict[str, Any]:
    """Return what all resources of ours have from their workspace."""
    return {"namespace": workspace.namespace, **({"released": True} if workspace.state == RELEASED else {})}


def schedules(name: str, workspace: SeparateWorkspace, opts: pulumi.ResourceOptions) -> Iterator[pulumi.Resource]:
    """Declare the schedules of a workspace; in a closed one they are suspended."""
    for schedule_id, schedule in sorted(workspace.schedules.items()):
        user = schedule.run_as or own_user(workspace.namespace)
        declared = schedule.model_copy(update={"display_name": schedule.display_name or schedule_id, "run_as": user})
        spec = {
            "namespace": workspace.namespace,
            "name": schedule.cron_job or schedule_name(workspace.namespace, schedule_id),
            "owner": workspace.owner,
            "platformNamespace": workspace.platform_namespace,
            "sessionTemplate": schedule.session_template.as_platform(),
            "image": workspace.operator_image,
            "adopt": workspace.adopt or schedule.cron_job is not None or None,
            "closed": workspace.state == CLOSED or None,
            "released": workspace.state == RELEASED or None,
        }
        given = {name: value for name, value in spec.items() if value is not None} | write(declared, "schedule")
        args = cast("ScheduledSessionArgs", given)
        yield ScheduledSession(logical_name(name, Part.SCHEDULE, schedule_id), args, opts)
