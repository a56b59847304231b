"""A workspace's scheduled sessions. They carry no access, so they may be deleted with the namespace."""

from collections.abc import Iterator
from typing import cast

import pulumi

from ambient_components.engine.names import Part, logical_name
from ambient_components.model.derive import write
from ambient_components.model.workspaces import SeparateWorkspace
from ambient_components.platform.naming import schedule_name
from ambient_components.platform.schedules import own_user
from ambient_components.resources import ScheduledSession, ScheduledSessionArgs
from ambient_components.rules.workspaces import CLOSED, RELEASED


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
