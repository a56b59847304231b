"""The inputs of a stack's program: its files, config and secrets, all read and checked before anything is declared.

A shard reads the whole file but declares only its own workspaces. It does not need the secrets of other shards.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from ambient_components.access import Entry
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.errors import AmbientError, Problem, Problems, Where, fail
from ambient_components.problem_json import for_engine, is_for_ambient
from ambient_components.program.acknowledgements import acknowledgements, from_the_future
from ambient_components.program.ca_bundles import ca_bundles
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import expired_exceptions, ledger_of
from ambient_components.program.secret_values import WorkspaceValues, secret_values
from ambient_components.program.shard import excluded_workspaces, missing_file, of_shard
from ambient_components.program.stack_settings import StackSettings
from ambient_components.program.storage import missing_libraries
from ambient_components.rules.acknowledgements import NONE, Acknowledgements
from ambient_components.rules.findings import Finding
from ambient_components.shards.excluded import Excluded, others
from ambient_components.stackfile import LoadedStack, StackFile, Workspace, load_stack
from ambient_components.stackfile.checks.installation import check_installation
from ambient_components.stackfile.checks.keys import beyond_cap
from ambient_components.stackfile.checks.sources import in_platform_namespace
from ambient_components.stackfile.checks.storage import against_store
from ambient_components.stackfile.checks.upcoming_dates import beginning, ended_grants, ending
from ambient_components.stackfile.checks.workspaces import without_runner_secret
from ambient_components.stackfile.loader import located


@dataclass(frozen=True, slots=True)
class Inputs:
    file: StackFile
    settings: StackSettings
    values: Mapping[str, WorkspaceValues]
    bundles: Mapping[str, str]
    """Contents of CA bundles, by workspace."""
    access: Mapping[str, Entry]
    acknowledged: Acknowledgements
    excluded: Excluded = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    """Workspaces of the fleet's other shards."""

    @classmethod
    def read(cls, path: Path | None = None) -> "Inputs":
        """Read the stack of this run: ``stacks/<stack>.yaml``, or the file of the shard's fleet."""
        problems, found = Problems(), Problems()
        excluded = excluded_workspaces(problems)
        try:
            settings = StackSettings.read(problems)
            settings.require_cluster(problems)
            stack, moved = _own_part(settings, path)
            found.extend(located(stack, config_findings(stack.file.workspaces, settings)))
            guard = Guard(Cluster(settings.cluster.get("context")), settings.cluster.get("clusterUid"))
            values = secret_values(stack, guard, found, settings.platform_namespace)
            calendar = Calendar.of(stack.file)
            found.extend(located(stack, from_the_future(stack.file, calendar)))
            # `ambient` gets all warnings, and counts these.
            acknowledged = NONE if is_for_ambient() else acknowledgements(stack.file, calendar)
            bundles = ca_bundles(stack.file.workspaces, stack.project, found, acknowledged, sources=stack.sources)
        except AmbientError as error:
            problems.extend(error.problems)
        problems.extend(others(found, excluded))
        if problems:
            raise AmbientError(problems)
        access = ledger_of(stack.file.workspaces, calendar, settings.store_config)
        _warn(_warnings(stack, settings, calendar), acknowledged)
        for note in located(stack, beginning(stack.file, calendar.now)):
            if acknowledged.of(note) is None:
                pulumi.log.info(for_engine([note]))
        _warn(expired_exceptions(stack, access, calendar), acknowledged)
        return cls(stack.file, settings, values, bundles, access, acknowledged, excluded, moved)


def config_findings(workspaces: Mapping[str, Workspace], settings: StackSettings) -> Iterator[Finding]:
    """Find what does not go together with the stack's config, or with this machine."""
    if settings.platform_namespace in workspaces:
        # The stack file's own checks already refuse its default name.
        path = ("workspaces", settings.platform_namespace)
        problem = "is the platform's own namespace, as the stack's config says"
        yield Finding(path, problem, "choose another name", at_key=True)
    yield from in_platform_namespace(workspaces, settings.platform_namespace)
    if settings.max_token_lifetime is not None:
        yield from beyond_cap(workspaces, settings.max_token_lifetime)
    yield from against_store(workspaces, settings.store_config)
    yield from missing_libraries(workspaces, settings.store_config)


def _warnings(stack: LoadedStack, settings: StackSettings, calendar: Calendar) -> list[Problem]:
    dates = located(stack, [*ended_grants(stack.file, calendar.now), *ending(stack.file, calendar.now)])
    dates.sort(key=lambda problem: problem.sort_key)
    without_runner = [] if settings.vertex else located(stack, without_runner_secret(stack.file))
    installed = located(stack, check_installation(stack.file, sso=settings.sso, api_server=settings.api_server))
    return [*stack.warnings, *without_runner, *installed, *dates]


def _warn(warnings: Iterable[Problem], acknowledged: Acknowledgements) -> None:
    for warning in warnings:
        if acknowledged.of(warning) is None:
            pulumi.log.warn(for_engine([warning]))


def _own_part(settings: StackSettings, path: Path | None) -> tuple[LoadedStack, list[str]]:
    """Return the part of the file that this stack declares, and the names of the workspaces of other shards."""
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
