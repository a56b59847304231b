"""The values of a stack's secrets, read from config, environment variables, files or other Secrets.

A missing value is unknown in a preview, with a warning, because a change request from a fork has no secrets. In an
update it is an error. The program declares nothing until all values are present.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, cast

import pulumi
from pulumi.runtime import get_config, is_config_secret

from ambient_components.cluster.guard import Guard
from ambient_components.errors import PathPart, Problem, Problems, format_path, hints_of, refusal
from ambient_components.model.sources import Source
from ambient_components.model.workspaces import ProgramWorkspace
from ambient_components.problem_json import MISSING_VALUE, for_engine
from ambient_components.program.secret_sources import Missing, Refused, SourceReader, used_sources
from ambient_components.program.shard import config_flags
from ambient_components.pulumi_sdk import UNKNOWN
from ambient_components.stackfile.loader import LoadedStack

_SHOWN: Final = 10

Values = dict[str, pulumi.Input[str]]


@dataclass(frozen=True, slots=True)
class WorkspaceValues:
    runner: Values = field(default_factory=dict)
    integrations: Values = field(default_factory=dict)
    storage: Values = field(default_factory=dict)
    """The accessKey and secretKey of an existing bucket."""

    @classmethod
    def of_program(cls, workspace: ProgramWorkspace) -> "WorkspaceValues":
        bucket = workspace.storage.bucket
        keys = {"accessKey": bucket.access_key, "secretKey": bucket.secret_key} if bucket is not None else {}
        storage: Values = {name: value for name, value in keys.items() if value is not None}
        return cls({**workspace.secrets.runner}, {**workspace.secrets.integrations}, storage)


@dataclass(frozen=True, slots=True)
class _Reference:
    workspace: str
    kind: str
    """runner, integrations or storage."""
    variable: str
    source: Source
    path: tuple[PathPart, ...]


def secret_values(stack: LoadedStack, guard: Guard, problems: Problems, platform: str) -> dict[str, WorkspaceValues]:
    """Look up the values of workspaces that are not closed: in the cluster only Secrets, and never the platform's."""
    references = [*_references(stack, platform)]
    reader = SourceReader(stack, guard, [reference.source for reference in references])
    values = {name: WorkspaceValues() for name in stack.file.workspaces}
    missing: list[Problem] = []
    for reference in references:
        source = reference.source
        value = reader.read(reference.workspace, source) if source.config is None else _from_config(source.config)
        if isinstance(value, Missing | Refused):
            preview = pulumi.runtime.is_dry_run() and isinstance(value, Missing)
            problem = Problem(
                stack.sources.value(reference.path),
                format_path(reference.path),
                value.problem,
                hints_of(value.remedy),
                MISSING_VALUE if preview else None,
                (reference.workspace,),
            )
            if preview:
                missing.append(problem)
            else:
                problems.extend([problem])
            value = pulumi.Output.secret(pulumi.Output.from_input(cast("str", UNKNOWN)))
        getattr(values[reference.workspace], reference.kind)[reference.variable] = value
    _warn(missing)
    return values


def _references(stack: LoadedStack, platform: str) -> Iterator[_Reference]:
    for name, workspace in sorted(stack.file.workspaces.items()):
        for kind, variable, below, source in used_sources(workspace):
            if source.secret is None or source.secret.namespace != platform:
                yield _Reference(name, kind, variable, source, ("workspaces", name, *below))


def _warn(missing: Iterable[Problem]) -> None:
    """Log one warning for all missing values, because a fork's preview lacks every secret. `ambient` gets each."""
    problems = [*missing]
    if problems:
        more = [refusal(f"and {len(problems) - _SHOWN} more")] if len(problems) > _SHOWN else []
        shown = [
            *(replace(problem, warning=True) for problem in problems[:_SHOWN]),
            *more,
            refusal("unknown in this preview, an error in pulumi up"),
        ]
        pulumi.log.warn(for_engine(problems, people=shown))


def _from_config(key: str) -> pulumi.Output[str] | Missing | Refused:
    config = pulumi.Config()
    value = config.get_secret(key)
    if value is None:
        return Missing(f"the stack's config has no {key!r}", f"set it: {_command(key)}")
    if not is_config_secret(config.full_key(key)):
        return Refused(f"{key!r} is in the stack's config in plain text", f"encrypt it: {_command(key)}")
    if get_config(config.full_key(key)) == "":
        return Refused(f"{key!r} is empty in the stack's config", f"the platform wants a value: {_command(key)}")
    return value


def _command(key: str) -> str:
    return f"pulumi config set --secret {key} {config_flags()}"
