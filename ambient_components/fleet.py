"""From a stack file to components: the one place where models, config and Pulumi meet.

Nothing in here supposes that there is one stack: a fleet is many (docs/how-it-works.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime.config import get_config, is_config_secret

from ambient_components.access import Entry, Ledger
from ambient_components.components import ClusterArgs, ClusterProviders, GrantSpec, KeySpec, Workspace, WorkspaceArgs
from ambient_components.errors import AmbientError, Problem, Problems, format_path
from ambient_components.naming import logical_workspace
from ambient_components.quiet import without_stack_traces
from ambient_components.resources import AccessLedger
from ambient_components.spec import LoadedStack, WorkspaceState, load_stack
from ambient_components.spec import Workspace as WorkspaceModel

LEDGER_NAME: Final = "access"
CLUSTER_NAME: Final = "cluster"


@dataclass(frozen=True)
class StackSettings:
    """What the stack's config (``stacks/Pulumi.<stack>.yaml``) says."""

    owner: str
    """PROJECT/FLEET, as ownership annotations say it."""

    cluster: ClusterArgs
    openshift: bool

    @classmethod
    def read(cls, problems: Problems) -> "StackSettings":
        """Reads the project's namespace of the config; what is missing goes to `problems`."""
        config = pulumi.Config()
        cluster: ClusterArgs = {}
        if context := config.get("context"):
            cluster["context"] = context
        if uid := config.get("clusterUid"):
            cluster["clusterUid"] = uid
        else:
            problems.add(
                None,
                "clusterUid",
                f"the config of stack {pulumi.get_stack()!r} does not say which cluster it belongs to",
                "set it once: pulumi config set clusterUid "
                "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid}), or begin with: ambient init",
            )
        owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        openshift = config.get("openshift") or "false"
        if openshift not in ("true", "false"):
            problems.add(
                None, "openshift", f"{openshift!r} is neither true nor false", "pulumi config set openshift true"
            )
        return cls(owner, cluster, openshift == "true")


def run(path: Path | None = None) -> None:
    """The whole program of a stack: ``stacks/<stack>.yaml`` of the project's folder, declared.

    Raises:
        pulumi.RunError: with every problem of the file and of the config, one a line; nothing is then changed.
    """
    without_stack_traces()
    problems = Problems()
    settings = StackSettings.read(problems)
    try:
        stack = load_stack(path or Path("stacks") / f"{pulumi.get_stack()}.yaml")
        workspaces = sorted(stack.file.workspaces.items())
        secrets = {name: _runner_secrets(stack, name, workspace, problems) for name, workspace in workspaces}
    except AmbientError as error:
        problems.extend(error.problems)
    if problems:
        raise pulumi.RunError(str(AmbientError(problems)))
    _declare(stack, settings, secrets)


def _declare(
    stack: LoadedStack, settings: StackSettings, secrets: Mapping[str, Mapping[str, pulumi.Input[str]]]
) -> None:
    providers = ClusterProviders.of(CLUSTER_NAME, settings.cluster)
    ledger = AccessLedger(
        LEDGER_NAME,
        {"owner": settings.owner, "workspaces": ledger_of(stack.file.workspaces)},
        pulumi.ResourceOptions(provider=providers.ambient),
    )
    for name, workspace in sorted(stack.file.workspaces.items()):
        declared = Workspace(
            logical_workspace(name),
            workspace_args(workspace, settings, secrets[name]),
            pulumi.ResourceOptions(providers=providers.both, depends_on=[ledger]),
        )
        for key_id, key in sorted(declared.keys.items()):
            pulumi.export(f"{name}/{key_id}", key.token)


def ledger_of(workspaces: Mapping[str, WorkspaceModel]) -> Ledger:
    """The access that these workspaces declare, as the ledger records it: subjects, roles and lives, no secret."""
    return {name: _entry(workspace) for name, workspace in sorted(workspaces.items())}


def _entry(workspace: WorkspaceModel) -> Entry:
    active = workspace.state is WorkspaceState.ACTIVE
    return {
        "state": workspace.state.value,
        "owners": sorted(str(subject) for subject in workspace.owners),
        "grants": {str(grant.subject): grant.role.value for grant in workspace.grants} if active else {},
        "keys": {
            key_id: {"role": key.role.value, "lifetimeSeconds": key.lifetime, "generation": key.generation}
            for key_id, key in workspace.keys.items()
        }
        if active
        else {},
    }


def workspace_args(
    workspace: WorkspaceModel, settings: StackSettings, runner_secrets: Mapping[str, pulumi.Input[str]]
) -> WorkspaceArgs:
    """A model as the component's plain arguments."""
    args: WorkspaceArgs = {
        "owner": settings.owner,
        "openshift": settings.openshift,
        "owners": sorted(str(subject) for subject in workspace.owners),
        "grants": [
            GrantSpec(subject=str(grant.subject), role=grant.role.value)
            for grant in sorted(workspace.grants, key=lambda grant: str(grant.subject))
        ],
        "keys": {
            key_id: KeySpec(
                name=key.label(key_id),
                description=key.description,
                role=key.role.value,
                lifetimeSeconds=key.lifetime,
                generation=key.generation,
            )
            for key_id, key in sorted(workspace.keys.items())
        },
        "runnerSecrets": dict(sorted(runner_secrets.items())),
        "protect": workspace.protect,
        "state": workspace.state.value,
    }
    if workspace.display_name:
        args["displayName"] = workspace.display_name
    if workspace.description:
        args["description"] = workspace.description
    return args


def _runner_secrets(
    stack: LoadedStack, name: str, workspace: WorkspaceModel, problems: Problems
) -> dict[str, pulumi.Input[str]]:
    """The values of the runner secret, out of the stack's encrypted config.

    A key that is missing is unknown in a preview, with a warning (a change request from a fork has no secrets), and a
    problem in an update. One that lies there in plain text is a problem in both.
    """
    if workspace.state is not WorkspaceState.ACTIVE:
        return {}
    config = pulumi.Config()
    values: dict[str, pulumi.Input[str]] = {}
    for key, reference in workspace.secrets.runner.items():
        path = ("workspaces", name, "secrets", "runner", key)
        command = f"pulumi config set --secret {reference.config} --stack {pulumi.get_stack()}"
        value = config.get_secret(reference.config)
        if value is not None and not is_config_secret(config.full_key(reference.config)):
            where, text = stack.sources.value(path), "is in the stack's config in plain text"
            problems.add(where, format_path(path), f"{reference.config!r} {text}", f"encrypt it: {command}")
        elif get_config(config.full_key(reference.config)) == "":
            where, text = stack.sources.value(path), f"{reference.config!r} is empty in the stack's config"
            problems.add(where, format_path(path), text, f"the platform wants a value: {command}")
        elif value is not None:
            values[key] = value
        elif pulumi.runtime.is_dry_run():
            missing = _missing(stack, path, reference.config, command)
            pulumi.log.warn(f"{missing}; unknown in this preview, an error in pulumi up")
            values[key] = pulumi.Output.secret(_unknown())
        else:
            problems.extend([_missing(stack, path, reference.config, command)])
    return values


def _unknown() -> pulumi.Output[str]:
    return pulumi.Output.from_input(cast("str", UNKNOWN))


def _missing(stack: LoadedStack, path: tuple[str, ...], key: str, command: str) -> Problem:
    where = stack.sources.value(path)
    return Problem(where, format_path(path), f"the stack's config has no {key!r}", f"set it: {command}")
