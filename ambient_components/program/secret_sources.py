"""The values of secrets, read from where the stack file says they are: the one table of sources and how each is read.

A value in the stack's config is the exception: only a program has it decrypted (`program.secret_values`).
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ambient_components.cluster.client import ApiError, core
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.parallel import in_parallel
from ambient_components.errors import Remedy, StepError
from ambient_components.model.sources import SecretRef, Source
from ambient_components.model.stack import Workspace
from ambient_components.rules.findings import Path
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.loader import LoadedStack, secret_file
from ambient_components.stackfile.places import sources_of
from ambient_components.stackfile.regular import Unreadable

_Place = tuple[str, str]
"""Namespace and name of a Secret."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that is not there, and what to do."""

    problem: str
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that is there, and that must not be used."""

    problem: str
    remedy: Remedy


Value = str | Missing | Refused


def used_sources(workspace: Workspace) -> Iterator[tuple[str, str, Path, Source]]:
    """Yield the sources that a run reads, as `sources_of` has them: a closed workspace has no secrets."""
    if workspace.state is not WorkspaceState.CLOSED:
        yield from sources_of(workspace)


def is_outside(source: Source) -> bool:
    """Tell whether a value is neither in the stack's files nor in its config."""
    return source.env is not None or source.file is not None or source.secret is not None


class SourceReader:
    """Reads values, with every Secret of the cluster read once."""

    def __init__(self, stack: LoadedStack, guard: Guard, desired: Iterable[Source]) -> None:
        self._stack = stack
        self._secrets = _secrets(
            guard, {(source.secret.namespace, source.secret.name) for source in desired if source.secret}
        )

    def read(self, workspace: str, source: Source) -> Value:
        """Return the value of a source that is not in the config."""
        if source.env is not None:
            return _from_environment(source.env)
        if source.file is not None:
            return _from_file(self._stack, workspace, source.file)
        if source.secret is not None:
            return _from_secret(source.secret, self._secrets[source.secret.namespace, source.secret.name])
        return source.value or ""


def _from_environment(variable: str) -> Value:
    # An empty one is what a pipeline sets for a secret that it does not have.
    if not os.environ.get(variable):
        state = "empty" if variable in os.environ else "not set"
        return Missing(f"the environment variable {variable!r} is {state}", "set it where pulumi runs")
    value = os.environ[variable]
    # Python reads other bytes as halves of characters, over which the SDK would stumble with a traceback.
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        return Refused(f"the environment variable {variable!r} is not UTF-8", "variables of sessions are text")
    return value


def _from_file(stack: LoadedStack, workspace: str, place: str) -> Value:
    try:
        text = secret_file(stack, workspace, place)
    except Unreadable as error:
        if error.missing:
            return Missing(f"there is no file {place!r}", ("write it before pulumi runs", "keep it out of Git"))
        return Refused(f"the file {place!r} {error.problem}", error.hint)
    except UnicodeDecodeError:
        return Refused(f"the file {place!r} can't be read: not UTF-8", "a file of text is expected")
    # Editors end a file with a newline; in a header or a password it is one character too many.
    value = text.removesuffix("\n").removesuffix("\r")
    return value or Missing(f"the file {place!r} is empty", "write the value into it")


def _from_secret(reference: SecretRef, data: Mapping[str, Any] | Missing) -> Value:
    if isinstance(data, Missing):
        return data
    place, key = f"Secret {reference.namespace}/{reference.name}", reference.key
    if key not in data:
        return Missing(f"{place} has no key {key!r}", f"it has: {', '.join(sorted(data)) or 'none'}")
    try:
        value = base64.b64decode(data[key]).decode()
    except ValueError:
        return Refused(f"key {key!r} of {place} is not text", "variables of sessions are text")
    return value or Missing(f"key {key!r} of {place} is empty", "the platform wants a value")


def _secrets(guard: Guard, places: Iterable[_Place]) -> dict[_Place, Mapping[str, Any] | Missing]:
    desired = list(places)
    if not desired:
        return {}
    try:
        guard.cluster  # noqa: B018  # a failure here concerns all values
    except StepError as error:
        return dict.fromkeys(desired, Missing(f"the cluster can't be asked: {error}", "it holds the value"))
    return dict(zip(desired, in_parallel(lambda place: _data(guard, *place), desired), strict=True))


def _data(guard: Guard, namespace: str, name: str) -> Mapping[str, Any] | Missing:
    place = f"Secret {namespace}/{name}"
    try:
        secret = guard.cluster.get(core("namespaces", namespace, "secrets", name))
    except ApiError as error:
        return Missing(f"{place} can't be read: {error}", "give the identity of the kubeconfig the right to get it")
    except StepError as error:
        return Missing(f"{place} can't be read: {error}", "it holds the value")
    if secret is None:
        return Missing(f"there is no {place}", "create it, or fix the reference")
    return secret.get("data") or {}
