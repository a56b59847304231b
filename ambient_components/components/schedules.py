"""A workspace's scheduled sessions. They carry no access, so they may be deleted with the namespace."""

from collections.abc import Iterator

import pulumi

from ambient_components.engine.names import Part, logical_name
from ambient_components.model.workspaces import SeparateWorkspace
from ambient_components.platform.naming import schedule_name
from ambient_components.platform.schedules import own_user
from ambient_components.resources import ScheduledSession, ScheduledSessionArgs
from ambient_components.rules.states import CLOSED, RELEASED


def schedules(name: str, workspace: SeparateWorkspace, opts: pulumi.ResourceOptions) -> Iterator[pulumi.Resource]:
    """Declare the schedules of a workspace; in a closed one they are suspended.

    Args:
        name: Logical name of the workspace.
        workspace: Its content.
        opts: Options of each resource.
    """
    for schedule_id, schedule in sorted(workspace.schedules.items()):
        spec: ScheduledSessionArgs = {
            "namespace": workspace.namespace,
            "name": schedule.cron_job or schedule_name(workspace.namespace, schedule_id),
            "owner": workspace.owner,
            "platformNamespace": workspace.platform_namespace,
            "schedule": schedule.schedule,
            "displayName": schedule.display_name or schedule_id,
            "runAs": schedule.run_as or own_user(workspace.namespace),
            "sessionTemplate": schedule.session_template.as_platform(),
        }
        if schedule.suspend is not None:
            spec["suspend"] = schedule.suspend
        if schedule.reuse_last_session is not None:
            spec["reuseLastSession"] = schedule.reuse_last_session
        if workspace.operator_image is not None:
            spec["image"] = workspace.operator_image
        if workspace.adopt or schedule.cron_job:
            spec["adopt"] = True
        if workspace.state == CLOSED:
            spec["closed"] = True
        if workspace.state == RELEASED:
            spec["released"] = True
        yield ScheduledSession(logical_name(name, Part.SCHEDULE, schedule_id), spec, opts)
