"""A program's workspaces as a stack file, for its checks, and those of both as arguments of the component."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ambient_components.components.argument_checks import checked_when_known
from ambient_components.model.messages import spelled
from ambient_components.model.sources import SecretValues, Source
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.model.storage import BucketValues, StorageValues
from ambient_components.model.workspaces import Program, ProgramWorkspace, SeparateWorkspace
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import sessions_endpoint
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import StackSettings
from ambient_components.rules.findings import Finding
from ambient_components.stackfile.checks.names import CHECKS


class _Given(Source):
    """The source of a value that the program itself has."""

    def given(self, *_fields: str) -> tuple[str, ...]:
        return ("program",)

    def __str__(self) -> str:
        return "the program"


_GIVEN: Final = _Given.model_construct()


def as_stack_file(program: Program) -> StackFile:
    """Return a program's workspaces with sources in place of secret values, which no ledger gets."""
    workspaces = {name: _without_values(workspace) for name, workspace in program.workspaces.items()}
    return program.model_copy(update={"workspaces": workspaces})


def _without_values(workspace: ProgramWorkspace) -> Workspace:
    secrets, bucket = workspace.secrets, workspace.storage.bucket
    sections = {name: dict.fromkeys(getattr(secrets, name), _GIVEN) for name in secrets.model_fields_set - {"on_drift"}}
    changes: dict[str, Any] = {"secrets": secrets.model_copy(update=sections)} if sections else {}
    if bucket is not None:
        # An empty value is none, as the platform silently saves nothing with it.
        given = {"access_key", "secret_key"} & bucket.model_fields_set
        keys = {field: None if getattr(bucket, field) in (None, "") else _GIVEN for field in given}
        storage = workspace.storage.model_copy(update={"bucket": bucket.model_copy(update=keys)})
        changes |= {"storage": storage} if keys else {}
    return workspace.model_copy(update=changes) if changes else workspace


def when_known(program: Program, entries: Mapping[str, Any]) -> Program:
    """Return a program that refuses its outputs by the checks of a stack file, once their values are known."""
    workspaces = {}
    for name, workspace in program.workspaces.items():
        alone = Program.model_construct(workspaces={name: workspace})
        checked = checked_when_known("", alone, {"workspaces": {name: entries[name]}}, _entry_findings)
        workspaces[name] = checked.workspaces[name]
    return program.model_copy(update={"workspaces": workspaces})


def _entry_findings(program: Program) -> Iterator[Finding]:
    for name, workspace in as_stack_file(program).workspaces.items():
        for check in CHECKS:
            yield from spelled(check(("workspaces", name), workspace), Program)


def separate_workspace(
    name: str,
    workspace: Workspace,
    settings: StackSettings,
    values: WorkspaceValues,
    calendar: Calendar,
    ca_bundle: str | None = None,
    stack_file: str = "",
) -> SeparateWorkspace:
    bucket = None
    if workspace.storage.bucket is not None:
        bucket = BucketValues.from_declared(
            workspace.storage.bucket,
            endpoint=sessions_endpoint(workspace.storage.bucket, settings.store_config),
            access_key=values.storage.get("accessKey"),
            secret_key=values.storage.get("secretKey"),
        )
    variables: dict[str, Any] = {"runner": values.runner, "integrations": values.integrations}
    return SeparateWorkspace.from_declared(
        workspace,
        namespace=name,
        owner=settings.owner,
        owners=sorted(workspace.owners, key=str),
        grants=sorted(workspace.grants, key=lambda grant: str(grant.subject)),
        keys=dict(sorted(workspace.keys.items())),
        labels=dict(sorted(workspace.labels.items())),
        annotations=dict(sorted(workspace.annotations.items())),
        secrets=SecretValues.model_construct(**variables, on_drift=workspace.secrets.on_drift),
        storage=StorageValues.model_construct(bucket=bucket),
        ca_bundle=ca_bundle,
        openshift=settings.openshift,
        platform_namespace=settings.platform_namespace,
        ambient_api_server=settings.api_server,
        stack_file=stack_file,
        operator_image=settings.operator_image or None,
        run_every=calendar.run_every,
        timezone=calendar.zone,
    )
