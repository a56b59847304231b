"""Engines that use this command's warm processes (`ambient_components.warm`), where that changes nothing but the time.

The engine's ``--client`` option connects it to a language host of ours. The plugin finds the fork server by an
environment variable. An engine starts as usual if there is no fork server, or if Pulumi.yaml asks for something that
only Pulumi's own language host does: another virtual environment, another toolchain, a type checker.
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

from ambient_components.engine.stack_config import project_settings
from ambient_components.errors import AmbientError
from ambient_components.warm import client
from ambient_components.warm.protocol import LANGUAGE, SOCKET_VARIABLE

_ATTACHED: Final = frozenset({"up", "preview", "refresh", "destroy"})
_SCRIPT: Final = "pulumi-language-python-exec"
"""Pulumi's script that runs a program, beside `pulumi`."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Attached:
    """The connection of one engine to warm processes, or none."""

    flags: tuple[str, ...] = ()
    """Additional flags of the engine."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Additional environment variables of the engine."""
    host: client.Forked | None = None
    """Its language host."""

    def close(self) -> None:
        """End the language host, once the engine has ended."""
        if self.host is not None:
            self.host.end()


def attach(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Attached:
    """Prepare warm processes for an engine.

    Args:
        arguments: The engine's arguments.
        folder: The project folder.
        environ: The engine's complete environment.
    """
    server = client.server()
    if server is None or arguments[0] not in _ATTACHED or not server.serves(environ):
        return Attached()
    warm = {SOCKET_VARIABLE: server.path}
    script = _script(environ)
    if script is None or not runs_here(folder):
        return Attached(environ=warm)  # the plugin compares the interpreters itself
    path = f"{server.path}-{next(_numbers)}"
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
        streams = (nothing.fileno(),) * 3
        given = (path, server.path, script)
        host = client.fork(server.path, LANGUAGE, given, streams, environ=environ, folder=folder)
    if host is None:
        return Attached()
    return Attached(("--client", f"unix:{path}"), warm, host)


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


def _script(environ: Mapping[str, str]) -> str | None:
    """Return the path of Pulumi's script: beside `pulumi`, as the engine looks for its language host."""
    pulumi = shutil.which("pulumi", path=environ.get("PATH"))
    if pulumi is None:
        return None
    found = Path(pulumi).resolve().with_name(_SCRIPT)
    return str(found) if found.is_file() else shutil.which(_SCRIPT, path=environ.get("PATH"))
