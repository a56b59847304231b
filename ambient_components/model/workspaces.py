"""A workspace in a program: the stack file's fields, with secrets' values, and what a stack's config has besides."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from ambient_components.model.base import Model, refuse
from ambient_components.model.grants import grant_findings, owner_findings
from ambient_components.model.keys import key_findings, shared_account_findings
from ambient_components.model.marks import OUTPUT
from ambient_components.model.rotation import Overlap
from ambient_components.model.schedules import schedules_findings
from ambient_components.model.sources import OnDrift
from ambient_components.model.stack import Workspace
from ambient_components.model.storage import SeparateBucket
from ambient_components.model.types import Flag, NamespaceName, Text
from ambient_components.platform.contract import INTEGRATION_SECRET, PLATFORM_NAMESPACE_DEFAULT
from ambient_components.platform.naming import key_id_problem, workspace_name_problem
from ambient_components.rules.findings import Finding, below, verdict_finding
from ambient_components.rules.secrets import drift_findings, integration_findings, runner_findings
from ambient_components.rules.states import WorkspaceState
from ambient_components.rules.workspaces import note_findings, text_findings


def _owner(value: str) -> str:
    project, _, fleet = value.partition("/")
    if not project or not fleet:
        refuse(f"{value!r} is not the owner of a workspace", "allowed: PROJECT/FLEET")
    return value


class SecretValues(Model):
    """Environment variables of all sessions of the workspace, kept as secrets."""

    private: ClassVar[bool] = True

    runner: dict[Text, Annotated[Text, OUTPUT]] = {}
    """API keys of language models by variable: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    integrations: dict[Text, Annotated[Text, OUTPUT]] = {}
    """Further variables by name, such as GITHUB_TOKEN."""

    on_drift: OnDrift | None = None
    """Which side wins after a save of a secret in the UI."""


class SeparateWorkspace(Workspace):
    """A workspace of a program."""

    secrets: SecretValues = SecretValues()  # type: ignore[assignment]  # values, where a file has their sources
    """Values of the environment variables of all sessions."""

    owner: Annotated[Text, AfterValidator(_owner)]
    """Owner, PROJECT/FLEET. Default: the program's project and stack."""

    namespace: Text
    """Name of the namespace. Default: the component's name. Another name is another workspace."""

    bucket: SeparateBucket | None = None
    """The workspace's own storage with its credentials. Default: the platform's shared bucket."""

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

    run_every: Overlap = 0
    """Guaranteed interval of runs. Default: none."""

    @classmethod
    def of(cls, workspace: Workspace, **known: Any) -> "SeparateWorkspace":
        """Return a workspace of a stack file, which has passed its checks, with what a run knows."""
        declared = {field: getattr(workspace, field) for field in Workspace.model_fields}
        return cls.model_construct(**{**declared, **known})


def bucket_place(namespace: str, owner: str, state: str) -> dict[str, Any]:
    """Return what a workspace's bucket has from its place."""
    return {
        "owner": owner,
        "workspace": namespace,
        "workspace_state": WorkspaceState(state),
        "used_in": f"{namespace}/{INTEGRATION_SECRET}",
    }


OF_FILES: Final = ("template", "reviewers", "storage", "exceptions", "acknowledge", "shard")


def workspace_findings(workspace: SeparateWorkspace) -> Iterator[Finding]:
    """Find what no single field shows, in Python's spelling."""
    yield from verdict_finding((), workspace_name_problem(workspace.namespace))
    for field in OF_FILES:
        if field in workspace.model_fields_set:
            yield Finding((field,), "is for stack files and Workspaces", "remove it", at_key=True)
    if "ca_bundle" in workspace.settings.model_fields_set:
        remedy = "give the content of the file as ca_bundle of the workspace"
        yield Finding(("settings", "ca_bundle"), "is for stack files", remedy, at_key=True)
    yield from below(("owners",), owner_findings(workspace.owners))
    yield from below(("grants",), grant_findings(workspace.grants, ZoneInfo("UTC"), workspace.state))
    yield from note_findings(workspace.labels, workspace.annotations)
    yield from text_findings({"display_name": workspace.display_name, "description": workspace.description})
    yield from below(("settings",), workspace.settings.findings())
    yield from below(("limits",), workspace.limits.findings())
    yield from below(("schedules",), schedules_findings(workspace.schedules))
    yield from below(("secrets",), _secret_findings(workspace.secrets, has_bucket=workspace.bucket is not None))
    for key_id, key in workspace.keys.items():
        yield from verdict_finding(("keys", key_id), key_id_problem(key_id))
        found = key_findings(
            key, key_id, workspace.namespace, workspace.platform_namespace, run_every=workspace.run_every
        )
        yield from below(("keys", key_id), found)
    yield from below(("keys",), shared_account_findings(workspace.keys))


def _secret_findings(secrets: SecretValues, *, has_bucket: bool) -> Iterator[Finding]:
    yield from below(("runner",), runner_findings(secrets.runner))
    yield from below(("integrations",), integration_findings(secrets.integrations))
    if secrets.on_drift is not None:
        yield from below(("on_drift",), drift_findings(secrets.on_drift.integrations, has_bucket=has_bucket))
