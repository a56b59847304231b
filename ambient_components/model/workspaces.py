"""A workspace in a program: the stack file's fields, with secrets' values, and what a stack's config has besides."""

from collections.abc import Iterator
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from ambient_components.model.dates import TimeZone
from ambient_components.model.grants import grant_findings
from ambient_components.model.keys import key_findings, shared_account_findings
from ambient_components.model.marks import OUTPUT, UNPRINTED
from ambient_components.model.rotation import Overlap
from ambient_components.model.sources import SecretValues
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.model.storage import SeparateBucket, StorageValues
from ambient_components.model.types import Flag, NamespaceName, Owner, Text
from ambient_components.platform.contract import INTEGRATION_SECRET, PLATFORM_NAMESPACE_DEFAULT
from ambient_components.platform.naming import key_id_problem, workspace_name_problem
from ambient_components.rules.findings import Finding, below, verdict_finding
from ambient_components.rules.guard import GuardSharing, guard_annotations
from ambient_components.rules.secrets import drift_findings, integration_findings, runner_findings
from ambient_components.rules.workspaces import WorkspaceState


class ProgramWorkspace(Workspace):
    """One workspace: a namespace of the platform with access, keys, secrets and session settings."""

    secrets: Annotated[SecretValues, UNPRINTED] = SecretValues.as_default()  # type: ignore[assignment]  # values, where a file has their sources
    """Values of the environment variables of all sessions."""

    storage: StorageValues = StorageValues.as_default()
    """Storage of session state. Default: the platform's shared bucket."""


class Program(StackFile):
    """The workspaces of a program."""

    workspaces: dict[Text, ProgramWorkspace] = {}  # type: ignore[assignment]
    """Workspaces by name, which is also the namespace's name and cannot be changed."""


class SeparateWorkspace(ProgramWorkspace):
    """A workspace of a program."""

    owner: Owner
    """Owner, PROJECT/FLEET. Default: the program's project and stack."""

    namespace: Text
    """Name of the namespace. Default: the component's name. Another name is another workspace."""

    ca_bundle: Annotated[Text | None, OUTPUT] = None
    """Content of a PEM file that replaces the system's CA file in session containers."""

    openshift: Flag = False
    """Whether the cluster is OpenShift, which shows display name and description. Default: false."""

    platform_namespace: NamespaceName = PLATFORM_NAMESPACE_DEFAULT
    """Namespace of the platform, for network policies. Default: ambient-code."""

    ambient_api_server: Flag = False
    """Whether the platform's API server (V2) runs in that namespace, for network policies. Default: false."""

    operator_image: Annotated[Text | None, OUTPUT] = None
    """Image of the platform's operator, which schedules run. Default: the one that the platform's backend has."""

    stack_file: Text = ""
    """The stack file, as refusals of the cluster's guard name it. Default: none."""

    run_every: Overlap = 0
    """Guaranteed interval of runs. Default: none."""

    timezone: TimeZone = ZoneInfo("UTC")
    """Time zone of days. Default: UTC."""

    @property
    def guard_annotations(self) -> dict[str, str]:
        """The annotations of a guarded Namespace. Access ends in a closed one, so people may give none either."""
        closed = self.state is WorkspaceState.CLOSED
        keys = {} if closed else self.keys
        accounts = [key.service_account for key in keys.values() if key.service_account]
        sharing = GuardSharing.NONE if closed else self.guard.sharing
        return guard_annotations(sharing, self.guard.off, keys=keys, accounts=accounts, file=self.stack_file)

    @property
    def bucket(self) -> SeparateBucket | None:
        """The workspace's own bucket, with what it has from its place."""
        bucket = self.storage.bucket
        if bucket is None:
            return None
        return SeparateBucket.from_declared(
            bucket,
            owner=self.owner,
            workspace=self.namespace,
            workspace_state=self.state,
            used_in=f"{self.namespace}/{INTEGRATION_SECRET}",
            run_every=self.run_every or None,
        )


OF_FILES: Final = ("template", "reviewers", "exceptions", "acknowledge", "shard")


def workspace_findings(workspace: SeparateWorkspace) -> Iterator[Finding]:
    """Find what no single field shows, in Python's spelling."""
    yield from verdict_finding((), workspace_name_problem(workspace.namespace))
    for field in OF_FILES:
        if field in workspace.model_fields_set:
            yield Finding((field,), "is for stack files and Workspaces", "remove it", at_key=True)
    if "ca_bundle" in workspace.settings.model_fields_set:
        remedy = "give the content of the file as ca_bundle of the workspace"
        yield Finding(("settings", "ca_bundle"), "is for stack files", remedy, at_key=True)
    yield from workspace.findings()
    yield from below(("grants",), grant_findings(workspace.grants, workspace.timezone, workspace.state))
    bucket, secrets = workspace.bucket, workspace.secrets
    yield from below(("secrets", "runner"), runner_findings(secrets.runner))
    yield from below(("secrets", "integrations"), integration_findings(secrets.integrations))
    findings = drift_findings(secrets.on_drift.integrations, has_bucket=bucket is not None)
    yield from below(("secrets", "on_drift"), findings)
    for key_id, key in workspace.keys.items():
        yield from verdict_finding(("keys", key_id), key_id_problem(key_id))
        findings = key_findings(
            key, key_id, workspace.namespace, workspace.platform_namespace, run_every=workspace.run_every
        )
        yield from below(("keys", key_id), findings)
    yield from below(("keys",), shared_account_findings(workspace.keys))
