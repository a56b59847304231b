"""The inputs of a stack's program: its files, config and secrets, all read and checked before anything is declared.

A shard reads the whole file but declares only its own workspaces. It does not need the secrets of other shards.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pulumi

from ambient_components.access.entries import Entry
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.components import ClusterProviders
from ambient_components.components.argument_checks import ArgumentsError, read
from ambient_components.errors import AmbientError, Problem, Problems, Where, fail
from ambient_components.model import clusters
from ambient_components.model.messages import spelled
from ambient_components.model.stack import StackFile
from ambient_components.model.workspaces import Program
from ambient_components.problem_json import for_engine, is_for_ambient
from ambient_components.program.access_tests import access_test_refusals, unapproved
from ambient_components.program.acknowledgements import acknowledgements, from_the_future
from ambient_components.program.arguments import as_stack_file, when_known
from ambient_components.program.ca_bundles import ca_bundles
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import expired_exceptions, ledger_of
from ambient_components.program.secret_values import WorkspaceValues, secret_values
from ambient_components.program.shard import excluded_workspaces, missing_file, of_shard
from ambient_components.program.stack_settings import StackSettings
from ambient_components.rules.findings import Finding, as_problem, program_spelling
from ambient_components.rules.warnings import NONE, Acknowledgements, WarningRule
from ambient_components.shards.excluded import Excluded, others
from ambient_components.stackfile.checks.installation import check_installation
from ambient_components.stackfile.checks.keys import beyond_cap
from ambient_components.stackfile.checks.names import check_stack
from ambient_components.stackfile.checks.reviews import overdue
from ambient_components.stackfile.checks.sources import in_platform_namespace
from ambient_components.stackfile.checks.storage import against_store, missing_libraries
from ambient_components.stackfile.checks.upcoming_dates import beginning, ended_grants, ending
from ambient_components.stackfile.checks.workspaces import without_runner_secret
from ambient_components.stackfile.files import DISK
from ambient_components.stackfile.loader import LoadedStack, load_stack, located
from ambient_components.stackfile.places import Project, placed
from ambient_components.stackfile.yaml.positions import SourceMap

_PROGRAM: Final = SourceMap(("__main__.py", 1, 1))
"""The place from which paths of a program count: its file lies in the working directory."""


@dataclass(frozen=True, slots=True)
class Inputs:
    file: StackFile
    settings: StackSettings
    values: Mapping[str, WorkspaceValues]
    bundles: Mapping[str, str]
    """Contents of CA bundles, by workspace."""
    access: Mapping[str, Entry]
    acknowledged: Acknowledgements
    stack_file: str = ""
    """Path of the stack file in the project, or its name alone. Empty for a program's mapping."""
    excluded: Excluded = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    """Workspaces of the fleet's other shards."""

    @classmethod
    def read(cls, path: Path | None = None, cluster: ClusterProviders | None = None) -> "Inputs":
        """Read the stack of this run: ``stacks/<stack>.yaml``, or the file of the shard's fleet.

        Args:
            path: Another file.
            cluster: Another cluster than that of the stack's config, with its store or with none.
        """
        problems, checked = Problems(), Problems()
        excluded = excluded_workspaces(problems)
        try:
            settings = StackSettings.read(problems).of_cluster(cluster)
            settings.require_cluster(problems)
            stack, moved, broken = _own_part(settings, path)
            guard = Guard(Cluster(settings.cluster.get("context")), settings.cluster.get("cluster_uid"))
            values = secret_values(stack, guard, checked, settings.platform_namespace)
            checked.extend(broken)
            bundles, of_bundles = ca_bundles(stack.file.workspaces, stack.project)
            checked.extend(located(stack, [*stack_findings(stack.file, settings), *of_bundles]))
        except AmbientError as error:
            problems.extend(error.problems)
        problems.extend(others(checked.errors, excluded))
        if problems:
            raise AmbientError(problems)
        name = Path(stack.path).name if Path(stack.path).is_absolute() else stack.path
        more = {"stack_file": name, "excluded": excluded, "moved": moved}
        inputs = cls._of(stack.file, settings, values, bundles, **more)
        inputs.warn([*stack.warnings, *checked.warnings, *located(stack, inputs.warnings())])
        return inputs

    @classmethod
    def of_program(
        cls, given: Mapping[str, Any], cluster: clusters.Cluster | ClusterProviders | None = None
    ) -> "Inputs":
        """Return the inputs of a program that declares its workspaces by a mapping.

        Args:
            given: The sections of a stack file in Python's spelling, with values where a file has their sources.
            cluster: Another cluster than that of the stack's config, with its store or with none.

        Raises:
            ValueError: All problems, one per line, each with its path.
        """
        problems = Problems()
        settings = StackSettings.read(problems).of_cluster(cluster)
        if settings.shard is not None:
            # A mapping has no other stack's workspaces to tell its own from.
            problems.add(None, "", "this stack is a shard of a fleet", "declare its file: Workspaces.from_file()")
        project = Project.of(DISK, _PROGRAM.value(()).file)
        program, findings = read(Program, given, lambda valid: _program_findings(valid, settings, project))
        refused, others = [finding for finding in findings if not finding.warning], [*map(str, problems)]
        if program is None or refused or others:
            raise ArgumentsError(refused, others=others)
        program = when_known(program, given.get("workspaces", {}))
        file = placed(as_stack_file(program), _PROGRAM, project)
        bundles, _ = ca_bundles(file.workspaces, project)
        values = {name: WorkspaceValues.of_program(workspace) for name, workspace in program.workspaces.items()}
        inputs = cls._of(file, settings, values, bundles)
        with program_spelling():
            later = [*spelled(inputs.warnings(), Program)]
        inputs.warn(as_problem(finding) for finding in [*findings, *later])
        return inputs

    @classmethod
    def _of(
        cls,
        file: StackFile,
        settings: StackSettings,
        values: Mapping[str, WorkspaceValues],
        bundles: Mapping[str, str],
        **of_file: Any,
    ) -> "Inputs":
        calendar = Calendar.of(file)
        access = ledger_of(file.workspaces, calendar, settings.store_config)
        # `ambient` gets all warnings, and counts these.
        acknowledged = NONE if is_for_ambient() else acknowledgements(file, calendar)
        return cls(file, settings, values, bundles, access, acknowledged, **of_file)

    def warnings(self) -> Iterator[Finding]:
        """Yield what the config and the day of this run make of the declaration."""
        file, settings, calendar = self.file, self.settings, Calendar.of(self.file)
        if not settings.vertex:
            yield from without_runner_secret(file)
        yield from check_installation(file, sso=settings.sso, api_server=settings.api_server)
        for dates in (ended_grants, ending, beginning, overdue):
            yield from dates(file, calendar.now)
        yield from expired_exceptions(file, self.access, calendar)

    def warn(self, warnings: Iterable[Problem]) -> None:
        for warning in sorted(warnings, key=lambda problem: problem.sort_key):
            if self.acknowledged.of(warning) is None:
                log = pulumi.log.info if warning.rule == WarningRule.GRANT_BEGINNING else pulumi.log.warn
                log(for_engine([warning]))


def _program_findings(program: Program, settings: StackSettings, project: Project) -> Iterator[Finding]:
    file = placed(as_stack_file(program), _PROGRAM, project)
    _, of_bundles = ca_bundles(file.workspaces, project)
    yield from spelled([*check_stack(file), *stack_findings(file, settings), *of_bundles], Program)


def stack_findings(file: StackFile, settings: StackSettings) -> Iterator[Finding]:
    """Find what does not go together with the stack's config, with this machine, or with today."""
    workspaces = file.workspaces
    if settings.platform_namespace in workspaces:
        # The stack file's own checks already refuse its default name.
        path = ("workspaces", settings.platform_namespace)
        problem = "is the platform's own namespace, as the stack's config says"
        yield Finding(path, problem, "choose another name", at_key=True)
    yield from in_platform_namespace(workspaces, settings.platform_namespace)
    if settings.max_token_lifetime is not None:
        yield from beyond_cap(workspaces, settings.max_token_lifetime)
    yield from against_store(workspaces, settings.store_config, of_program=settings.store_of_program)
    yield from missing_libraries(workspaces, settings.store_config)
    yield from from_the_future(file, Calendar.of(file))
    yield from unapproved(file, settings.approved_tests)


def _own_part(settings: StackSettings, path: Path | None) -> tuple[LoadedStack, list[str], list[Problem]]:
    """Return the part of the file that this stack declares, the workspaces of other shards, and broken access tests.

    The paths of escalation may lead from one shard to another, so the whole file is evaluated.
    """
    name = pulumi.get_stack() if settings.shard is None else settings.shard.fleet
    path = path or Path("stacks") / f"{name}.yaml"
    if not path.exists() and settings.shard is None and (remedy := missing_file(str(path), name)):
        fail(Where(str(path)), "", "there is no such file", remedy)
    stack = load_stack(path)
    if stack.file.stacks:
        names = ", ".join(stack.file.stacks)
        fail(Where(str(path)), "stacks", "names stacks, and is none itself", f"run them: ambient up {name}, or {names}")
    broken = access_test_refusals(stack, Calendar.of(stack.file))
    if settings.shard is None:
        return stack, [], broken
    own = of_shard(stack, settings.shard)
    moved = stack.file.workspaces.keys() - own.file.workspaces.keys()
    return own, sorted(moved), others(broken, moved)
