"""Stack file models as arguments of the components and as ledger entries."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from ambient_components.access import Entry, Period
from ambient_components.components import (
    GrantSpec,
    LimitsSpec,
    NetworkPeerSpec,
    OnCloseSpec,
    SettingsSpec,
    WorkspaceArgs,
)
from ambient_components.fleet.calendar import Calendar
from ambient_components.fleet.keys import key_entry, key_spec
from ambient_components.fleet.object_store import ObjectStore
from ambient_components.fleet.rails import allowed_rails
from ambient_components.fleet.secret_values import WorkspaceValues
from ambient_components.fleet.stack_settings import StackSettings
from ambient_components.fleet.storage import bucket_entry, bucket_spec
from ambient_components.rules.states import WorkspaceState
from ambient_components.spec import Workspace as WorkspaceModel
from ambient_components.spec.dates import written
from ambient_components.spec.places import sources_of


def ledger_of(
    workspaces: Mapping[str, WorkspaceModel], calendar: Calendar, store: ObjectStore | None = None
) -> dict[str, Entry]:
    """Return the access that workspaces declare, as the ledger records it: subjects, roles and lifetimes, no secrets.

    Args:
        workspaces: The workspaces by name.
        calendar: Decides which grants, overlaps and exceptions are in force.
        store: The stack's object store.
    """
    return {name: _entry(workspace, calendar, store) for name, workspace in sorted(workspaces.items())}


def _entry(workspace: WorkspaceModel, calendar: Calendar, store: ObjectStore | None) -> Entry:
    entry = Entry(
        state=workspace.state.value,
        adopt=workspace.adopt,
        owners=tuple(sorted(str(subject) for subject in workspace.owners)),
        # Names only: a released workspace must keep its settings in the run that releases it.
        settings=_given(workspace.settings.model_dump(exclude_defaults=True, by_alias=True)),
        limits=_given(workspace.limits.model_dump(exclude_defaults=True, by_alias=True)),
        bucket=bucket_entry(workspace, store),
        allow=tuple(allowed_rails(workspace.allow, calendar)),
    )
    if workspace.state is WorkspaceState.CLOSED:
        return entry
    return replace(
        entry,
        grants={str(one.subject): one.role.value for one in calendar.grants(workspace)},
        dates=_dates(workspace),
        keys={key_id: key_entry(key, calendar) for key_id, key in workspace.keys.items()},
        secrets=_secrets(workspace),
    )


def _dates(workspace: WorkspaceModel) -> dict[str, tuple[Period, ...]]:
    """Return the periods of each grant that has dates, in force or not."""
    dates: dict[str, list[Period]] = {}
    for grant in workspace.grants:
        if grant.dated:
            ends = (None if end is None else written(end) for end in (grant.from_, grant.until))
            dates.setdefault(str(grant.subject), []).append(Period(grant.role.value, *ends))
    ordered = {who: sorted(periods, key=lambda period: period.order) for who, periods in sorted(dates.items())}
    return {who: tuple(periods) for who, periods in ordered.items()}


def _secrets(workspace: WorkspaceModel) -> dict[str, dict[str, str]]:
    secrets: dict[str, dict[str, str]] = {}
    for kind, variable, _, source in sources_of(workspace):
        secrets.setdefault(kind, {})[variable] = str(source)
    return secrets


def _given(declared: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted(declared))


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
        "owners": sorted(str(subject) for subject in workspace.owners),
        "grants": [
            GrantSpec(subject=str(grant.subject), role=grant.role.value) for grant in calendar.grants(workspace)
        ],
        "keys": {key_id: key_spec(key_id, key, calendar) for key_id, key in sorted(workspace.keys.items())},
        "runnerSecrets": values.runner,
        "integrationSecrets": values.integrations,
        "onDrift": {
            "runner": workspace.secrets.on_drift.runner.value,
            "integrations": workspace.secrets.on_drift.integrations.value,
        },
        "settings": _settings(workspace, ca_bundle),
        "limits": _limits(workspace),
        "labels": dict(sorted(workspace.labels.items())),
        "annotations": dict(sorted(workspace.annotations.items())),
        "protect": workspace.protect,
        "state": workspace.state.value,
    }
    if workspace.adopt:
        args["adopt"] = True
    if workspace.display_name:
        args["displayName"] = workspace.display_name
    if workspace.description:
        args["description"] = workspace.description
    if on_close := workspace.on_close.model_dump(exclude_defaults=True, mode="json"):
        names = {"sessions": "sessions", "wait": "waitSeconds"}
        args["onClose"] = cast("OnCloseSpec", {names[field]: value for field, value in on_close.items()})
    if workspace.pod_security:
        args["podSecurity"] = workspace.pod_security.value
    if (bucket := workspace.storage.bucket) is not None:
        args["bucket"] = bucket_spec(bucket, settings.store, values.storage, calendar)
    return args


def _settings(workspace: WorkspaceModel, ca_bundle: str | None) -> SettingsSpec:
    declared = workspace.settings
    spec: SettingsSpec = {"featureFlags": declared.feature_flags}
    if declared.idle_timeout is not None:
        spec["idleTimeoutSeconds"] = declared.idle_timeout
    if declared.mcp_servers is not None:
        custom = {name: server.as_platform() for name, server in sorted(declared.mcp_servers.custom.items())}
        disabled = sorted(declared.mcp_servers.disabled)
        spec["mcpServers"] = {**({"custom": custom} if custom else {}), **({"disabled": disabled} if disabled else {})}
    if ca_bundle is not None:
        spec["caBundle"] = ca_bundle
    return spec


def _limits(workspace: WorkspaceModel) -> LimitsSpec:
    declared = workspace.limits
    spec: LimitsSpec = {"quota": declared.quota}
    if declared.containers is not None:
        spec["containers"] = {
            "defaultRequest": declared.containers.default_request,
            "default": declared.containers.default,
            "min": declared.containers.min,
            "max": declared.containers.max,
        }
    if declared.network is not None:
        allow = [
            cast("NetworkPeerSpec", peer.model_dump(exclude_none=True, mode="json")) for peer in declared.network.allow
        ]
        spec["network"] = {"isolate": declared.network.isolate, "allow": allow}
    return spec
