"""Models of the stack file as arguments of the components."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from ambient_components.components import (
    KeyArgs,
    WorkspaceArgs,
)
from ambient_components.model.storage import SeparateBucket
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import sessions_endpoint
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import StackSettings
from ambient_components.rules.object_store import StoreConfig
from ambient_components.stackfile import Bucket, Grant
from ambient_components.stackfile import Workspace as WorkspaceModel


def workspace_args(
    workspace: WorkspaceModel,
    settings: StackSettings,
    values: WorkspaceValues,
    calendar: Calendar,
    ca_bundle: str | None = None,
) -> WorkspaceArgs:
    """Return a workspace model as arguments of the component.

    Args:
        workspace: The merged entry of the stack file.
        calendar: Decides which grants and overlaps are in force.
        settings: The stack's config, with the object store.
        values: The workspace's secret values.
        ca_bundle: The contents of the workspace's CA bundle.
    """
    args: WorkspaceArgs = {
        "owner": settings.owner,
        "openshift": settings.openshift,
        "platformNamespace": settings.platform_namespace,
        "owners": cast("Any", sorted(workspace.owners, key=str)),
        "grants": [cast("Any", _in_force(grant)) for grant in calendar.grants(workspace)],
        "keys": cast("Mapping[str, KeyArgs]", dict(sorted(workspace.keys.items()))),
        "overlapping": [key_id for key_id, key in workspace.keys.items() if calendar.keeps_previous(key)],
        "runEverySeconds": calendar.run_every,
        "runnerSecrets": values.runner,
        "integrationSecrets": values.integrations,
        "on_drift": cast("Any", workspace.secrets.on_drift),
        "settings": cast("Any", workspace.settings),
        "limits": cast("Any", workspace.limits),
        "on_close": cast("Any", workspace.on_close),
        "labels": dict(sorted(workspace.labels.items())),
        "annotations": dict(sorted(workspace.annotations.items())),
        "protect": workspace.protect,
        "state": workspace.state.value,
    }
    if settings.api_server:
        args["ambientApiServer"] = True
    if workspace.schedules:
        args["schedules"] = workspace.schedules
        if settings.operator_image:
            args["operatorImage"] = settings.operator_image
    if ca_bundle is not None:
        args["ca_bundle"] = ca_bundle
    if workspace.adopt:
        args["adopt"] = True
    if workspace.display_name:
        args["display_name"] = workspace.display_name
    if workspace.description:
        args["description"] = workspace.description
    if workspace.pod_security:
        args["pod_security"] = workspace.pod_security.value
    if (bucket := workspace.storage.bucket) is not None:
        args["bucket"] = cast("Any", bucket_of(bucket, settings.store_config, values.storage, calendar))
    return args


def _in_force(grant: Grant) -> Grant:
    """Return a grant that holds now. The component knows no time zone of the stack."""
    return grant.model_copy(update={"from_": None, "until": None})


def bucket_of(
    bucket: Bucket, store: StoreConfig | None, values: Mapping[str, pulumi.Input[str]], calendar: Calendar
) -> SeparateBucket:
    """Return a bucket as the component takes it; the workspace adds its owner.

    Args:
        bucket: The effective entry.
        values: Values of an existing bucket's keys, by field.
        calendar: Has the guaranteed interval of runs.
    """
    declared = {field: getattr(bucket, field) for field in Bucket.model_fields}
    known: dict[str, Any] = {
        "endpoint": sessions_endpoint(bucket, store),
        "access_key": values.get("accessKey"),
        "secret_key": values.get("secretKey"),
        "run_every": calendar.run_every or None,
    }
    return SeparateBucket.model_construct(**{**declared, **known})
