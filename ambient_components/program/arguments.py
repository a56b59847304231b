"""Models of the stack file as arguments of the components."""

from collections.abc import Mapping
from typing import Any

import pulumi

from ambient_components.model.storage import SeparateBucket
from ambient_components.model.workspaces import SecretValues, SeparateWorkspace, bucket_place
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import sessions_endpoint
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import StackSettings
from ambient_components.rules.object_store import StoreConfig
from ambient_components.stackfile import Bucket, Grant
from ambient_components.stackfile import Workspace as WorkspaceModel


def separate_workspace(
    name: str,
    workspace: WorkspaceModel,
    settings: StackSettings,
    values: WorkspaceValues,
    calendar: Calendar,
    ca_bundle: str | None = None,
) -> SeparateWorkspace:
    """Return a workspace of the stack file for its component.

    Args:
        name: Name of the workspace.
        workspace: The merged entry of the stack file.
        settings: The stack's config, with the object store.
        values: The workspace's secret values.
        calendar: Decides which grants are in force.
        ca_bundle: The contents of the workspace's CA bundle.
    """
    bucket, place = workspace.storage.bucket, bucket_place(name, settings.owner, workspace.state)
    variables: dict[str, Any] = {"runner": values.runner, "integrations": values.integrations}
    secrets = SecretValues.model_construct(**variables, on_drift=workspace.secrets.on_drift)
    return SeparateWorkspace.of(
        workspace,
        namespace=name,
        owner=settings.owner,
        owners=sorted(workspace.owners, key=str),
        grants=[_in_force(grant) for grant in calendar.grants(workspace)],
        keys=dict(sorted(workspace.keys.items())),
        labels=dict(sorted(workspace.labels.items())),
        annotations=dict(sorted(workspace.annotations.items())),
        secrets=secrets,
        bucket=bucket and bucket_of(bucket, settings.store_config, values.storage, calendar).model_copy(update=place),
        ca_bundle=ca_bundle,
        openshift=settings.openshift,
        platform_namespace=settings.platform_namespace,
        ambient_api_server=settings.api_server,
        operator_image=settings.operator_image or None,
        run_every=calendar.run_every,
    )


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
