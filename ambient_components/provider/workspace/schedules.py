"""Scheduled sessions of a workspace: suspended while it is closed, resumed when it reopens.

The platform stores each as a CronJob, which creates sessions even in an unlisted workspace. Suspending sets an
annotation, so that only those suspended by closing are resumed.
"""

from typing import Any

from ambient_components.cluster.client import ApiError, path
from ambient_components.cluster.objects import annotations
from ambient_components.cluster.objects import name as name_of
from ambient_components.failure import StepError
from ambient_components.platform.contract import (
    BATCH_API_GROUP,
    OPENED_AT_ANNOTATION,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    SCHEDULE_LABEL,
    SCHEDULE_NAME_ANNOTATION,
    SUSPENDED_ANNOTATION,
)
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.workspace.served import objects
from ambient_components.rotation.state import format_time

_YES = "true"


def active(context: Context, namespace: str) -> list[str]:
    """Return descriptions of the schedules that are not suspended, sorted."""
    return sorted(_title(one) for one in _schedules(context, namespace) if not _suspended(one))


def suspend(context: Context, namespace: str) -> list[str]:
    """Suspend all running schedules, and return the errors."""
    failed = []
    for one in _schedules(context, namespace):
        if not _suspended(one):
            change = {"metadata": {"annotations": {SUSPENDED_ANNOTATION: _YES}}, "spec": {"suspend": True}}
            try:
                context.guard.cluster.patch(_path(namespace, name_of(one)), change)
            except StepError as error:
                failed.append(f"could not suspend {_title(one)}: {error}")
            else:
                context.note(f"{namespace} is closed: suspended {_title(one)}")
    return failed


def resume(context: Context, namespace: str) -> None:
    """Resume the schedules that closing suspended, and make the operator recreate their account.

    Raises:
        StepError: A schedule could not be resumed; the next run retries.
    """
    _renewed(context, namespace)
    for one in _schedules(context, namespace):
        if annotations(one).get(SUSPENDED_ANNOTATION, "") == _YES:
            change = {"metadata": {"annotations": {SUSPENDED_ANNOTATION: None}}, "spec": {"suspend": False}}
            context.guard.cluster.patch(_path(namespace, name_of(one)), change)
            context.note(f"{namespace} is open: resumed {_title(one)}")


def _renewed(context: Context, namespace: str) -> None:
    """Touch ProjectSettings, so that the operator recreates missing parts of the account for schedules."""
    settings = path("apis", PLATFORM_API_GROUP, PLATFORM_API_VERSION, "namespaces", namespace, "projectsettings")
    try:
        notes = {OPENED_AT_ANNOTATION: format_time(context.now)}
        context.guard.cluster.patch(f"{settings}/{PROJECT_SETTINGS}", {"metadata": {"annotations": notes}})
    except ApiError as error:
        # The operator creates ProjectSettings when it lists a workspace.
        if error.status != 404:
            raise


def _schedules(context: Context, namespace: str) -> list[dict[str, Any]]:
    return objects(context, _path(namespace), f"{SCHEDULE_LABEL}={_YES}")


def _suspended(item: dict[str, Any]) -> bool:
    spec = item.get("spec")
    return isinstance(spec, dict) and spec.get("suspend") is True


def _title(item: dict[str, Any]) -> str:
    shown = annotations(item).get(SCHEDULE_NAME_ANNOTATION, "")
    return f"schedule {shown} (CronJob {name_of(item)})" if shown else f"CronJob {name_of(item)}"


def _path(namespace: str, *name: str) -> str:
    return path("apis", BATCH_API_GROUP, "v1", "namespaces", namespace, "cronjobs", *name)
