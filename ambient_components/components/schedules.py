"""A workspace's scheduled sessions. They carry no access, so they may be deleted with the namespace."""

from collections.abc import Iterator, Mapping

import pulumi

from ambient_components.components.specs import WorkspaceArgs
from ambient_components.engine.names import Part, logical_name
from ambient_components.model.schedules import Schedule
from ambient_components.platform.contract import PLATFORM_NAMESPACE_DEFAULT
from ambient_components.platform.naming import schedule_name
from ambient_components.platform.schedules import own_user
from ambient_components.resources import ScheduledSession, ScheduledSessionArgs
from ambient_components.rules.states import CLOSED, RELEASED


def schedules(
    name: str, namespace: str, declared: Mapping[str, Schedule], args: WorkspaceArgs, opts: pulumi.ResourceOptions
) -> Iterator[pulumi.Resource]:
    """Declare the schedules of a workspace; in a closed one they are suspended.

    Args:
        name: Logical name of the workspace.
        namespace: Its namespace.
        declared: Its schedules by id.
        args: Its arguments.
        opts: Options of each resource.
    """
    for schedule_id, schedule in sorted(declared.items()):
        spec: ScheduledSessionArgs = {
            "namespace": namespace,
            "name": schedule.cron_job or schedule_name(namespace, schedule_id),
            "owner": args["owner"],
            "platformNamespace": args.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT,
            "schedule": schedule.schedule,
            "displayName": schedule.display_name or schedule_id,
            "runAs": schedule.run_as or own_user(namespace),
            "sessionTemplate": schedule.session_template.as_platform(),
        }
        if schedule.suspend is not None:
            spec["suspend"] = schedule.suspend
        if schedule.reuse_last_session is not None:
            spec["reuseLastSession"] = schedule.reuse_last_session
        if image := args.get("operatorImage"):
            spec["image"] = image
        if args.get("adopt") or schedule.cron_job:
            spec["adopt"] = True
        if args.get("state") == CLOSED:
            spec["closed"] = True
        if args.get("state") == RELEASED:
            spec["released"] = True
        yield ScheduledSession(logical_name(name, Part.SCHEDULE, schedule_id), spec, opts)
