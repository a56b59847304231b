"""Models of the stack file as arguments of the components."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from ambient_components.components import (
    BucketCredentialsSpec,
    BucketSpec,
    DeliverySpec,
    KeySpec,
    WorkspaceArgs,
)
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import sessions_endpoint
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import StackSettings
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.keys import FLAGS, Retain
from ambient_components.rules.lifetimes import NEVER
from ambient_components.rules.object_store import StoreConfig
from ambient_components.stackfile import Bucket, BucketCredentials, Grant, Key
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
        "keys": {key_id: key_spec(key_id, key, calendar) for key_id, key in sorted(workspace.keys.items())},
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
        args["bucket"] = bucket_spec(bucket, settings.store_config, values.storage, calendar)
    return args


def _in_force(grant: Grant) -> Grant:
    """Return a grant that holds now. The component knows no time zone of the stack."""
    return grant.model_copy(update={"from_": None, "until": None})


def key_spec(key_id: str, key: Key, calendar: Calendar) -> KeySpec:
    """Return a key as the component's argument.

    Args:
        key: The effective entry.
        calendar: Decides whether the previous generation stays valid.
    """
    spec = KeySpec(name=key.label(key_id), description=key.description, role=key.role.value, generation=key.generation)
    if key.warn_ahead is not None and key.manual:
        spec["warnAheadSeconds"] = key.warn_ahead
    if key.adopt:
        spec["adopt"] = list(key.adopt)
    if key.service_account is not None:
        spec["serviceAccount"] = key.service_account
    if key.acts_as is not None:
        spec["actsAs"] = key.acts_as
    if calendar.keeps_previous(key):
        spec["keepPrevious"] = True
    if key.deliver is not None:
        secret = key.deliver.secret
        spec["deliver"] = DeliverySpec(namespace=secret.namespace, name=secret.name, key=secret.key)
    if key.retain is Retain.NONE:
        spec["retain"] = key.retain.value
    return cast("KeySpec", {**spec, **_renewal(key, calendar), **_flags(key)})


def _flags(key: Key) -> dict[str, bool]:
    reported = key.model_dump(by_alias=True)
    return {flag: True for flag in FLAGS if reported[flag]}


def bucket_spec(
    bucket: Bucket, store: StoreConfig | None, values: Mapping[str, pulumi.Input[str]], calendar: Calendar
) -> BucketSpec:
    """Return a bucket as the component's argument.

    Args:
        bucket: The effective entry.
        values: Values of an existing bucket's keys, by field.
        calendar: Has the guaranteed interval of runs.
    """
    spec = BucketSpec(name=bucket.name, endpoint=sessions_endpoint(bucket, store), driver=bucket.driver.value)
    if bucket.driver is BucketDriver.EXISTING:
        return cast("BucketSpec", {**spec, **values})
    if bucket.shared:
        spec["shared"] = True
    else:
        spec = cast("BucketSpec", {**spec, **_own(bucket)})
    spec["credentials"] = _credentials(bucket, calendar)
    return spec


def _own(bucket: Bucket) -> dict[str, Any]:
    """Return the arguments of a bucket that is the stack's own."""
    reported: dict[str, Any] = {
        "versioning": bucket.versioning,
        "expireAfterDays": bucket.expire_after_days,
        "tags": dict(sorted(bucket.tags.items())) or None,
        "objectLock": bucket.object_lock or None,
        "encryption": bucket.encryption and bucket.encryption.value,
        "adopt": bucket.adopt or None,
        "onDelete": bucket.on_delete.value if bucket.on_delete is not OnDelete.KEEP else None,
        "force": bucket.force or None,
    }
    given = {field: value for field, value in reported.items() if value is not None}
    return {**given, "protect": bucket.protect, "state": bucket.state.value}


def _credentials(bucket: Bucket, calendar: Calendar) -> BucketCredentialsSpec:
    renewal = _renewal(bucket.credentials, calendar)
    return cast("BucketCredentialsSpec", {"generation": bucket.credentials.generation, **renewal})


def _renewal(one: Key | BucketCredentials, calendar: Calendar) -> dict[str, bool | int]:
    """Return how long tokens or access keys live, and when the next one comes. What the file leaves out is left out."""
    policy = one.policy(calendar.run_every)
    given: dict[str, bool | int] = {"never": True} if one.lifetime == NEVER else {"lifetimeSeconds": one.lifetime}
    if one.rotate is not None:
        given["manual"] = one.manual
    if one.rotate_before is not None:
        given["rotateBeforeSeconds"] = policy.rotate_before
    if one.overlap is not None:
        given["overlapSeconds"] = policy.overlap
    if calendar.run_every:
        given["runEverySeconds"] = calendar.run_every
    return given
