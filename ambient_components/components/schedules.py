"""A workspace's scheduled sessions. They carry no access, so they may be deleted with the namespace."""

from collections.abc import Iterator
from typing import cast

import pulumi

from ambient_components.engine.names import Part, logical_name
from ambient_components.model.workspaces import SeparateWorkspace
from ambient_components.platform.naming import schedule_name
from ambient_components.platform.schedules import own_user
from ambient_components.resources import ScheduledSession, ScheduledSessionArgs
from ambient_components.rules.workspaces import CLOSED, RELEASED


def schedules(name: str, workspace: SeparateWorkspace, opts: pulumi.ResourceOptions) -> Iterator[pulumi.Resource]:
    """Declare the schedules of a workspace; in a closed one they are suspended."""
    for schedule_id, schedule in sorted(workspace.schedules.items()):
        spec = {
            "namespace": workspace.namespace,
            "name": schedule.cron_job or schedule_name(workspace.namespace, schedule_id),
            "owner": workspace.owner,
            "platformNamespace": workspace.platform_namespace,
            "schedule": schedule.schedule,
            "displayName": schedule.display_name or schedule_id,
            "runAs": schedule.run_as or own_user(workspace.namespace),
            "sessionTemplate": schedule.session_template.as_platform(),
            "suspend": schedule.suspend,
            "reuseLastSession": schedule.reuse_last_session,
            "image": workspace.operator_image,
            "adopt": workspace.adopt or schedule.cron_job is not None or None,
            "closed": workspace.state == CLOSED or None,
            "released": workspace.state == RELEASED or None,
        }
        given = cast("ScheduledSessionArgs", {name: value for name, value in spec.items() if value is not None})
        yield ScheduledSession(logical_name(name, Part.SCHEDULE, schedule_id), given, opts)
