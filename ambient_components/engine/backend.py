"""The backend's list of a project's stacks, and their states."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from ambient_components import activity
from ambient_components.engine import texts
from ambient_components.engine.command import Answer, CommandError, Engine, failed, phase, start
from ambient_components.engine.stack_config import ConfigFiles
from ambient_components.engine.state import Export
from ambient_components.errors import AmbientError, stop
from ambient_components.suggest import did_you_mean

_LIST = ("stack", "ls", "--json")
_SHOWN_NAMES = 10


@dataclass(frozen=True, slots=True)
class Stack:
    at: str
    """Time of the last write, verbatim. Empty means never."""
    resources: int | None
    """Number of resources, if the backend reports it."""

    @property
    def empty(self) -> bool:
        return not self.at or self.resources == 0

    def written_since(self, begun: str, before: "Stack | None") -> bool:
        """Tell whether a run that began then (RFC 3339) has written the state; `before` is the same state before it."""
        if not self.at or (before is not None and self.at == before.at):
            return False
        return datetime.fromisoformat(self.at) >= datetime.fromisoformat(begun)


class Question:
    """A `pulumi stack ls --json` in the background, started early and read after the files are loaded."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._process = start(_LIST, folder, environ)
        self._stacks: dict[str, Stack] | None = None

    def answer(self) -> dict[str, Stack]:
        """Return the stacks by name, with and without the organisation."""
        if self._stacks is not None:
            return self._stacks
        with activity.waiting(phase(_LIST)):
            stdout, stderr = self._process.communicate()
        if self._process.returncode != 0:
            failed(_LIST, Answer(self._process.returncode, stdout, stderr))
        self._stacks = read_stacks(stdout)
        return self._stacks


def read_stacks(text: str) -> dict[str, Stack]:
    try:
        stacks = {
            str(item["name"]): Stack(item.get("lastUpdate") or "", item.get("resourceCount"))
            for item in json.loads(text)
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return stop("`pulumi stack ls --json` printed something else than stacks")
    return {**{_bare(name): stack for name, stack in stacks.items()}, **stacks}


def stack_of(stacks: Mapping[str, Stack], name: str) -> Stack | None:
    """Return one of the stacks, which may be named without the organisation and the project, or None."""
    bare = _bare(name)
    # The list is of one project, and leaves its name out.
    listed = f"{name.partition('/')[0]}/{bare}" if "/" in name else bare
    if listed in stacks:
        return stacks[listed]
    # The own organisation, and that of file backends, may be left out too.
    others = any(stack.endswith(f"/{bare}") for stack in stacks)
    return None if others else stacks.get(bare)


def _bare(stack: str) -> str:
    return stack.rpartition("/")[2]


def current_backend(engine: Engine) -> str | None:
    """Return the URL of the backend in use (PULUMI_BACKEND_URL, Pulumi.yaml or the login), or None without a login."""
    try:
        return str(json.loads(engine.run("whoami", "--json"))["url"])
    except CommandError as error:
        if texts.has_no_backend(error.output):
            return None
        raise


def encrypts_by_itself(engine: Engine) -> bool:
    """Tell whether the backend is Pulumi Cloud or another server of its API, which has a key for each stack."""
    return (current_backend(engine) or "").startswith(("https://", "http://"))


def stack_names(engine: Engine) -> set[str]:
    return {*read_stacks(engine.run(*_LIST))}


def has_stack(engine: Engine, stack: str) -> bool:
    return stack_of(read_stacks(engine.run(*_LIST)), stack) is not None


def export(engine: Engine, stack: str) -> Export:
    return _state(export_text(engine, stack), stack)


def export_text(engine: Engine, stack: str) -> str:
    """Return a stack's state with encrypted secrets, as JSON."""
    try:
        return engine.run("stack", "export", "--stack", stack)
    except CommandError as error:
        if texts.missing_stack(error.output) is None:
            raise
    return unknown_stack(engine, stack)


def unknown_stack(engine: Engine, stack: str) -> NoReturn:
    """Report that the backend does not have a stack, and which stacks it has."""
    names = sorted({_bare(name) for name in stack_names(engine)})
    stop(
        f"the backend has no stack {stack!r}",
        did_you_mean(_bare(stack), names),
        f"known: {', '.join(names[:_SHOWN_NAMES])}" + (" …" if len(names) > _SHOWN_NAMES else "") if names else "",
        *(texts.other_backend(stack) if _has_config(engine, stack) else (f"to create it: ambient init {stack}",)),
    )


def _has_config(engine: Engine, stack: str) -> bool:
    """Tell whether the project has a config of the stack, which `pulumi stack init` writes."""
    with suppress(AmbientError):
        return ConfigFiles.of(engine.folder).path(_bare(stack)).exists()
    return False


def export_with_secrets(engine: Engine, stack: str) -> Export:
    """Return a stack's state with decrypted secrets: no part of it may enter an error."""
    arguments = ("stack", "export", "--show-secrets", "--stack", stack)
    answer = engine.attempt(*arguments)
    if answer.code != 0:
        failed(arguments, answer._replace(stdout=""))
    return _state(answer.stdout, stack)


def _state(text: str, stack: str) -> Export:
    try:
        state = json.loads(text)
    except ValueError:
        state = None
    if not isinstance(state, dict):
        return stop(f"`pulumi stack export --stack {stack}` printed no state")
    return state


def output(engine: Engine, stack: str, name: str) -> str | None:
    """Return a decrypted output of a stack, or None if the stack does not have it."""
    values = json.loads(engine.run("stack", "output", "--json", "--show-secrets", "--stack", stack) or "{}")
    value = values.get(name)
    return None if value is None else str(value)


def output_names(engine: Engine, stack: str) -> list[str] | None:
    """Return the names of a stack's outputs, or None if they can't be read."""
    try:
        return list(json.loads(engine.run("stack", "output", "--json", "--stack", stack) or "{}"))
    except (AmbientError, ValueError):
        return None
