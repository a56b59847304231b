"""The values of a stack's secrets, read from config, environment variables, files or other Secrets.

A missing value is unknown in a preview, with a warning, because a change request from a fork has no secrets. In an
update it is an error. The program declares nothing until all values are present.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, cast

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime.config import get_config, is_config_secret

from ambient_components.cluster import ApiError, core
from ambient_components.errors import PathPart, Problem, Problems, format_path
from ambient_components.failure import StepError
from ambient_components.fleet.shard import config_flags
from ambient_components.guard import Guard
from ambient_components.rules.states import WorkspaceState
from ambient_components.spec import LoadedStack, SecretRef, Source
from ambient_components.spec.loader import secret_file
from ambient_components.spec.places import sources_of
from ambient_components.spec.regular import Unreadable

_AT_ONCE: Final = 16
_SHOWN: Final = 10

Values = dict[str, pulumi.Input[str]]


@dataclass(frozen=True, slots=True)
class WorkspaceValues:
    """The secret values of one workspace, by variable."""

    runner: Values = field(default_factory=dict)
    integrations: Values = field(default_factory=dict)
    storage: Values = field(default_factory=dict)
    """The accessKey and secretKey of an existing bucket."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One value to look up."""

    workspace: str
    kind: str
    """runner, integrations or storage."""
    variable: str
    source: Source
    path: tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class _Missing:
    """A missing value, with a hint."""

    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Refused:
    """A value that exists but must not be used, with a hint."""

    problem: str
    remedy: str


_Found = pulumi.Output[str] | str | _Missing | _Refused


def secret_values(stack: LoadedStack, guard: Guard, problems: Problems, platform: str) -> dict[str, WorkspaceValues]:
    """Look up every secret value of every workspace that is not closed.

    Args:
        stack: The stack.
        guard: The stack's cluster. Queried only if a source is a Secret.
        problems: Collects missing values (in an update) and refused values (always).
        platform: The platform's namespace. No Secret there is read; validation refuses such a source.
    """
    wanted = [one for one in _wanted(stack) if one.source.secret is None or one.source.secret.namespace != platform]
    in_cluster = _from_cluster(guard, {one.source.secret for one in wanted if one.source.secret})
    found = {name: WorkspaceValues() for name in stack.file.workspaces}
    missing: list[Problem] = []
    for one in wanted:
        value = _find(stack, one, in_cluster)
        if isinstance(value, _Missing | _Refused):
            problem = Problem(stack.sources.value(one.path), format_path(one.path), value.problem, value.remedy)
            preview = pulumi.runtime.is_dry_run() and isinstance(value, _Missing)
            if preview:
                missing.append(problem)
            else:
                problems.extend([problem])
            value = pulumi.Output.secret(pulumi.Output.from_input(cast("str", UNKNOWN)))
        getattr(found[one.workspace], one.kind)[one.variable] = value
    _warn(missing)
    return found


def _wanted(stack: LoadedStack) -> Iterator[_Wanted]:
    for name, workspace in sorted(stack.file.workspaces.items()):
        if workspace.state is WorkspaceState.CLOSED:
            continue
        for kind, variable, below, source in sources_of(workspace):
            yield _Wanted(name, kind, variable, source, ("workspaces", name, *below))


def _warn(missing: Iterable[Problem]) -> None:
    """Log one warning for all missing values, because a fork's preview lacks every secret."""
    lines = [str(problem) for problem in missing]
    if lines:
        more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        text = "\n".join([*lines[:_SHOWN], *more])
        pulumi.log.warn(f"{text}\nunknown in this preview, an error in pulumi up")


def _find(stack: LoadedStack, one: _Wanted, in_cluster: Mapping[SecretRef, _Found]) -> _Found:
    source = one.source
    if source.config is not None:
        return _from_config(source.config)
    if source.env is not None:
        return _from_environment(source.env)
    if source.file is not None:
        return _from_file(stack, one.workspace, source.file)
    if source.secret is not None:
        return in_cluster[source.secret]
    return source.value or ""


def _from_config(key: str) -> _Found:
    config = pulumi.Config()
    command = f"pulumi config set --secret {key} {config_flags()}"
    value = config.get_secret(key)
    if value is None:
        return _Missing(f"the stack's config has no {key!r}", f"set it: {command}")
    if not is_config_secret(config.full_key(key)):
        return _Refused(f"{key!r} is in the stack's config in plain text", f"encrypt it: {command}")
    if get_config(config.full_key(key)) == "":
        return _Refused(f"{key!r} is empty in the stack's config", f"the platform wants a value: {command}")
    return value


def _from_environment(variable: str) -> _Found:
    # Pipelines set a secret that they do not have to the empty string.
    if not os.environ.get(variable):
        state = "empty" if variable in os.environ else "not set"
        return _Missing(f"the environment variable {variable!r} is {state}", "set it where pulumi runs")
    value = os.environ[variable]
    # Python decodes other bytes to lone surrogates, on which the SDK fails with a traceback.
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        return _Refused(f"the environment variable {variable!r} is not UTF-8", "variables of sessions are text")
    return value


def _from_file(stack: LoadedStack, workspace: str, place: str) -> _Found:
    try:
        text = secret_file(stack, workspace, place)
    except Unreadable as error:
        if error.missing:
            return _Missing(f"there is no file {place!r}", "write it before pulumi runs; keep it out of Git")
        return _Refused(f"the file {place!r} {error.problem}", error.hint)
    except UnicodeDecodeError:
        return _Refused(f"the file {place!r} can't be read: not UTF-8", "a file of text is expected")
    # Editors end a file with a newline, which is not part of a password or a header.
    value = text.removesuffix("\n").removesuffix("\r")
    return value or _Missing(f"the file {place!r} is empty", "write the value into it")


def _from_cluster(guard: Guard, references: Iterable[SecretRef]) -> dict[SecretRef, _Found]:
    wanted = list(references)
    if not wanted:
        return {}
    try:
        guard.cluster  # noqa: B018  # if this fails, every value is missing
    except StepError as error:
        return dict.fromkeys(wanted, _Missing(f"the cluster can't be asked: {error}", "it holds the value"))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(lambda one: _from_secret(guard, one), wanted), strict=True))


def _from_secret(guard: Guard, reference: SecretRef) -> _Found:
    space, name, key = reference.namespace, reference.name, reference.key
    place = f"Secret {space}/{name}"
    try:
        secret = guard.cluster.get(core("namespaces", space, "secrets", name))
    except ApiError as error:
        return _Missing(f"{place} can't be read: {error}", "see docs/deployer-rights.md")
    except StepError as error:
        return _Missing(f"{place} can't be read: {error}", "it holds the value")
    if secret is None:
        return _Missing(f"there is no {place}", "create it, or mend the reference")
    data = secret.get("data") or {}
    if key not in data:
        return _Missing(f"{place} has no key {key!r}", f"it has: {', '.join(sorted(data)) or 'none'}")
    try:
        value = base64.b64decode(data[key]).decode()
    except ValueError:
        return _Refused(f"key {key!r} of {place} is not text", "variables of sessions are text")
    return value or _Missing(f"key {key!r} of {place} is empty", "the platform wants a value")
