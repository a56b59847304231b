"""The `pulumi` command for the verbs."""

import getpass
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ambient_components.engine.command import Engine
from ambient_components.engine.texts import PASSPHRASE_VARIABLES, missing_passphrase
from ambient_components.errors import AmbientError
from ambient_components.shards.excluded import EXCLUDE_VARIABLE
from ambient_components.shards.names import split_shard
from ambient_components.stacks.project import Project

_CONFIGURED = frozenset({"up", "preview", "refresh", "destroy", "config"})
"""Commands that use a stack's config, with --config-file."""

_DECRYPTING = frozenset({"up", "preview", "refresh", "destroy"})
_SECRET_FLAGS = frozenset({"--show-secrets", "--secret"})
"""Other commands need the passphrase only with one of these."""

_CONFIG_FILE = "--config-file"


class PulumiEngine(Engine):
    """The `pulumi` command in a project with fleets: a shard uses its fleet's config."""

    def arguments(self, given: tuple[str, ...]) -> tuple[str, ...]:
        """Return the arguments, with the fleet's config file if they name a shard."""
        if given[0] not in _CONFIGURED or "--stack" not in given[:-1] or _CONFIG_FILE in given:
            return given
        stack = given[given.index("--stack") + 1]
        if split_shard(stack) is None:
            return given
        project = Project.find(self.folder)
        if project.shard_of(stack) is None:
            return given
        return (*given, _CONFIG_FILE, str(project.config_file(stack)))

    def environment(self, arguments: tuple[str, ...]) -> dict[str, str]:
        """Return the environment: with the passphrase if the command needs it, and without excluded workspaces.

        Only a run over a fleet sets excluded workspaces, with flags.
        """
        environ = super().environment(arguments)
        environ.pop(EXCLUDE_VARIABLE, None)
        if "--stack" in arguments[:-1] and (arguments[0] in _DECRYPTING or _SECRET_FLAGS & {*arguments}):
            stack = arguments[arguments.index("--stack") + 1]
            environ |= passphrase(Project.find(self.folder), stack, environ)
        return environ


def engine_for(folder: Path) -> PulumiEngine:
    """Return the engine for runs: a failed step holds back no revocation (docs/concepts/how-it-works.md)."""
    environ = {"PULUMI_CONTINUE_ON_ERROR": "true", "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "false"}
    return PulumiEngine(folder, {**os.environ, **environ})


_SALT: Final = "encryptionsalt"
"""The entry of a stack's config with which its passphrase is checked. Other secrets providers write others."""

_LOCK: Final = threading.Lock()
_typed: dict[str, str] = {}
"""The answers by salt. Never in `os.environ`, so that no other program inherits them."""


def passphrase(project: Project, stack: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variable with a stack's passphrase. Empty if the stack needs none or the environment has it."""
    if any(environ.get(name) is not None for name in PASSPHRASE_VARIABLES):
        return {}
    path = project.config_file(stack)
    salt = project.read(path).get(_SALT) if path.is_file() else None
    if not salt:
        return {}
    with _LOCK:
        if str(salt) not in _typed:
            _typed[str(salt)] = _ask(stack)
        return {PASSPHRASE_VARIABLES[0]: _typed[str(salt)]}


def _ask(stack: str) -> str:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise AmbientError([missing_passphrase(stack)])
    try:
        return getpass.getpass(f"Passphrase of stack {stack}: ", stream=sys.stderr)
    except EOFError:
        raise KeyboardInterrupt from None


def require_passphrase(project: Project, stack: str) -> None:
    """Ask for a stack's passphrase now if a later command needs it, so that nothing happens before the answer."""
    passphrase(project, stack, os.environ)
