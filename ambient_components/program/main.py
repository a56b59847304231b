"""The Pulumi program of a stack: read all inputs, validate them, then declare the resources.

A shard reads the whole file but declares only its own workspaces. It does not need the secrets of other shards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pulumi

from ambient_components.access import write_ledger
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.components import ClusterArgs, ClusterProviders, Workspace
from ambient_components.engine.names import LEDGER_NAME, Part, key_output, logical_name
from ambient_components.errors import AmbientError, Problem, Problems, Where, fail, format_path
from ambient_components.problem_json import for_engine, is_for_ambient
from ambient_components.program.acknowledgements import acknowledgements, from_the_future
from ambient_components.program.arguments import workspace_args
from ambient_components.program.ca_bundles import ca_bundles
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import expired_exceptions, ledger_of, stack_guardrails
from ambient_components.program.secret_values import WorkspaceValues, secret_values
from ambient_components.program.shard import excluded_workspaces, is_exported, missing_file, of_shard
from ambient_components.program.stack_settings import StackSettings, effective_store
from ambient_components.program.storage import check_storage, uses_aws
from ambient_components.pulumi_sdk import apply_patches
from ambient_components.resources import AccessLedger, AccessLedgerArgs
from ambient_components.rules.acknowledgements import NONE, Acknowledgements
from ambient_components.rules.keys import Retain
from ambient_components.shards.excluded import Excluded, others
from ambient_components.stackfile import LoadedStack, load_stack
from ambient_components.stackfile.checks.installation import check_installation
from ambient_components.stackfile.checks.keys import beyond_cap
from ambient_components.stackfile.checks.sources import in_platform_namespace
from ambient_components.stackfile.checks.upcoming_dates import beginning, ended_grants, ending
from ambient_components.stackfile.checks.workspaces import without_runner_secret
from ambient_components.stackfile.loader import located

CLUSTER_NAME: Final = "cluster"


def run(path: Path | None = None) -> None:
    """Declare the stack of this run.

    The stack file is ``stacks/<stack>.yaml`` in the project folder. A shard reads the file of its fleet.

    Raises:
        pulumi.RunError: The file or the config has problems. The message lists them all, and nothing is declared.
    """
    apply_patches()
    problems, found = Problems(), Problems()
    excluded = excluded_workspaces(problems)
    try:
        settings = StackSettings.read(problems)
        stack, moved = _own_part(settings, path)
        _check_platform_namespace(stack, settings, found)
        _check_lifetimes(stack, settings, found)
        check_storage(stack, settings.store_config, found)
        values = secret_values(stack, _guard(settings), found, settings.platform_namespace)
        calendar = Calendar.of(stack.file)
        found.extend(located(stack, from_the_future(stack.file, calendar)))
        # `ambient` gets all warnings, and counts these.
        acknowledged = NONE if is_for_ambient() else acknowledgements(stack.file, calendar)
        bundles = ca_bundles(stack, found, acknowledged)
    except AmbientError as error:
        problems.extend(error.problems)
    problems.extend(others(found, excluded))
    if problems:
        raise pulumi.RunError(for_engine(AmbientError(problems).problems))
    dates = located(stack, [*ended_grants(stack.file, calendar.now), *ending(stack.file, calendar.now)])
    dates.sort(key=lambda problem: problem.sort_key)
    without_runner = [] if settings.vertex else located(stack, without_runner_secret(stack.file))
    installed = located(stack, check_installation(stack.file, sso=settings.sso, api_server=settings.api_server))
    _warn([*stack.warnings, *without_runner, *installed, *dates], acknowledged)
    for note in located(stack, beginning(stack.file, calendar.now)):
        if acknowledged.of(note) is None:
            pulumi.log.info(for_engine([note]))
    _declare(stack, settings, values, bundles, excluded, moved, acknowledged)


def _warn(warnings: Iterable[Problem], acknowledged: Acknowledgements) -> None:
    for warning in warnings:
        if acknowledged.of(warning) is None:
            pulumi.log.warn(for_engine([warning]))


def _own_part(settings: StackSettings, path: Path | None) -> tuple[LoadedStack, list[str]]:
    """Return the part of the file that this stack declares, and the names of the workspaces of other shards.

    Raises:
        AmbientError: The file is missing or invalid, or names only other stacks.
    """
    name = pulumi.get_stack() if settings.shard is None else settings.shard.fleet
    path = path or Path("stacks") / f"{name}.yaml"
    if not path.exists() and settings.shard is None and (remedy := missing_file(str(path), name)):
        fail(Where(str(path)), "", "there is no such file", remedy)
    stack = load_stack(path)
    if stack.file.stacks:
        names = ", ".join(stack.file.stacks)
        fail(Where(str(path)), "stacks", "names stacks, and is none itself", f"run them: ambient up {name}, or {names}")
    if settings.shard is None:
        return stack, []
    own = of_shard(stack, settings.shard)
    return own, sorted(stack.file.workspaces.keys() - own.file.workspaces.keys())


def _guard(settings: StackSettings) -> Guard:
    return Guard(Cluster(settings.cluster.get("context")), settings.cluster.get("clusterUid"))


def _check_platform_namespace(stack: LoadedStack, settings: StackSettings, problems: Problems) -> None:
    """Refuse the platform's namespace as a workspace, as a source of secrets and as a place for keys.

    The stack file's own checks already refuse its default name.
    """
    path = ("workspaces", settings.platform_namespace)
    if settings.platform_namespace in stack.file.workspaces:
        problems.add(
            stack.sources.key(path),
            format_path(path),
            "is the platform's own namespace, as the stack's config says",
            "choose another name",
            workspaces=(settings.platform_namespace,),
        )
    problems.extend(located(stack, in_platform_namespace(stack.file.workspaces, settings.platform_namespace)))


def _check_lifetimes(stack: LoadedStack, settings: StackSettings, problems: Problems) -> None:
    """Refuse lifetimes beyond the cluster's cap, if the config has the cap."""
    if settings.max_token_lifetime is not None:
        problems.extend(located(stack, beyond_cap(stack.file.workspaces, settings.max_token_lifetime)))


def _declare(
    stack: LoadedStack,
    settings: StackSettings,
    values: Mapping[str, WorkspaceValues],
    bundles: Mapping[str, str],
    excluded: Excluded,
    moved: list[str],
    acknowledged: Acknowledgements,
) -> None:
    calendar = Calendar.of(stack.file)
    settings = replace(settings, store=effective_store(stack.file.workspaces, settings.store))
    cluster = settings.cluster if settings.store is None else ClusterArgs(**settings.cluster, store=settings.store.args)
    providers = ClusterProviders.of(CLUSTER_NAME, cluster)
    access = ledger_of(stack.file.workspaces, calendar, settings.store_config)
    _warn(expired_exceptions(stack, access, calendar), acknowledged)
    args: AccessLedgerArgs = {"owner": settings.owner, "workspaces": write_ledger(access)}
    if guardrails := stack_guardrails(stack.file, calendar):
        args["guardrails"] = guardrails
    if settings.shard is not None:
        args["record"] = settings.shard.record(settings.owner, settings.platform_namespace)
    if excluded:
        args["excluded"] = sorted(excluded)
    if moved:
        args["moved"] = moved
    if acknowledged.scopes:
        args["acknowledged"] = acknowledged.names
    ledger = AccessLedger(LEDGER_NAME, args, pulumi.ResourceOptions(provider=providers.ambient))
    for_workspaces = providers.with_aws if uses_aws(stack.file.workspaces) else providers.both
    for name, workspace in sorted(stack.file.workspaces.items()):
        declared = Workspace(
            logical_name(name, Part.WORKSPACE),
            workspace_args(workspace, settings, values[name], calendar, bundles.get(name)),
            pulumi.ResourceOptions(providers=for_workspaces, depends_on=[ledger]),
        )
        for key_id, key in sorted(declared.keys.items()):
            has_token = key.access_token is not None and workspace.keys[key_id].retain is not Retain.NONE
            if has_token and is_exported(excluded, name, key_id):
                pulumi.export(key_output(name, key_id), key.token)
