"""Engines that use this command's warm processes (`ambient_components.warm`), where that changes nothing but the time.

The engine's ``--client`` option connects it to a language host of ours. The plugin finds the fork server by an
environment variable. An engine starts as usual if there is no fork server, or if the project asks for something
that only Pulumi's own language host does: another virtual environment or toolchain, a type checker, an environment of
Pulumi ESC.
"""

import itertools
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ambient_components.engine.stack_config import ConfigFiles, project_settings
from ambient_components.errors import AmbientError
from ambient_components.warm import client
from ambient_components.warm.protocol import LANGUAGE, OFF, SOCKET_VARIABLE

_ATTACHED: Final = frozenset({"up", "preview", "refresh", "destroy"})
_SCRIPT: Final = "pulumi-language-python-exec"
"""Pulumi's script that runs a program, beside `pulumi`."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Attached:
    """The connection of one engine to warm processes, or none."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Additional environment variables of the engine."""
    flags: tuple[str, ...] = ()
    """Additional flags of the engine."""
    host: client.Forked | None = None
    """Its language host."""

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the engine's environment. The fork server of a command around this one is none of ours."""
        variables = dict(environ)
        if variables.get(SOCKET_VARIABLE) != OFF:
            variables.pop(SOCKET_VARIABLE, None)
        return variables | {**self.variables}

    def close(self) -> None:
        """End the language host, once the engine has ended."""
        if self.host is not None:
            self.host.end()


def attach(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Attached:
    server = client.server()
    if server is None or arguments[0] not in _ATTACHED or not server.serves(environ):
        return Attached()
    script = _script(environ)
    if script is None or not runs_here(folder) or _opens_environment(arguments, folder):
        return Attached({SOCKET_VARIABLE: server.path})  # the plugin compares the interpreters itself
    path = f"{server.path}-{next(_numbers)}"
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
        given, streams = (path, server.path, script), (nothing.fileno(),) * 3
        host = client.fork(server.path, LANGUAGE, given, streams, environ=environ, folder=folder)
    if host is None:
        client.give_up()
        return Attached()
    # The engine tells plugins the options of the runtime by these, which --client replaces.
    runtime = {"PULUMI_RUNTIME_TOOLCHAIN": "pip", "PULUMI_RUNTIME_VIRTUALENV": sys.prefix}
    return Attached({SOCKET_VARIABLE: server.path, **runtime}, ("--client", f"unix:{path}"), host)


def runs_here(folder: Path) -> bool:
    """Tell whether a project's program runs in this process's virtual environment, and needs nothing but that."""
    try:
        runtime: Any = project_settings(folder).get("runtime")
    except AmbientError:
        return False
    if not isinstance(runtime, Mapping) or runtime.get("name") != "python":
        return False
    options = runtime.get("options")
    options = dict(options) if isinstance(options, Mapping) else {}
    selected = options.pop("virtualenv", None)
    if options.pop("toolchain", "pip") != "pip" or options or not isinstance(selected, str):
        return False
    with suppress(OSError):
        return (folder / selected).resolve() == Path(sys.prefix).resolve()
    return False


def _opens_environment(arguments: Sequence[str], folder: Path) -> bool:
    """Tell whether a stack's config imports an environment of Pulumi ESC.

    Its variables are set in the engine, where an ordinary language host inherits them.
    """
    try:
        files = ConfigFiles.of(folder)
        given = dict(itertools.pairwise(arguments))
        path = Path(given.get("--config-file") or files.path(given.get("--stack", "").rpartition("/")[2]))
        return "environment" in files.read(path) if (folder / path).exists() else False
    except AmbientError:
        return True


def _script(environ: Mapping[str, str]) -> str | None:
    """Return the path of Pulumi's script: beside `pulumi`, or on PATH, as the engine looks for its language host."""
    pulumi = shutil.which("pulumi", path=environ.get("PATH"))
    if pulumi is None:
        return None
    beside = Path(pulumi).resolve().with_name(_SCRIPT)
    return str(beside) if beside.is_file() else shutil.which(_SCRIPT, path=environ.get("PATH"))
