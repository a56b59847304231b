"""Entry point of the launcher of the stand-in language host, which every engine run starts twice.

Importing a module of the protocol also imports the SDK around it, two thirds of the host's CPU time (measured). The
host does not need the SDK, so its packages stay empty. The programs that it runs are separate processes with the SDK.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_EMPTY_PACKAGES = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")


def main() -> None:
    """Serve until a signal arrives, and then end at once, because the engine waits for this process."""
    gc.disable()
    only_the_protocol()
    from sandbox.language_host import main as serve  # noqa: PLC0415  # needs the empty packages

    serve()
    sys.stdout.flush()
    os._exit(0)


def only_the_protocol() -> None:
    """Register the packages of the protocol without running their code, which imports the SDK."""
    path = None
    for name in _EMPTY_PACKAGES:
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            message = f"{name} is not installed"
            raise ModuleNotFoundError(message)
        path = spec.submodule_search_locations
        sys.modules[name] = module_from_spec(spec)
