"""Garbage collection in processes of seconds: the command, the engine, and the plugins and the program of a stack.

They create tens of thousands of objects that live until they end, and a collector scans them again and again: while
Python imports, while a program registers resources, and once more at the end. Uncollected objects end with the process.
"""

import atexit
import gc
from collections.abc import Mapping
from typing import Final

from ambient_components import memory

_COLLECT_AFTER: Final = 200_000
"""New objects before a collection of the youngest generation; imports alone stay below it."""

_ENOUGH: Final = 8 << 30
"""Bytes of free memory from which an engine and its plugin may take that much more."""

_RARELY: Final = "300"
"""Growth of the heap in percent after which Go collects; its default is 100."""

_GO_LIMIT: Final = 1 << 30
"""Bytes from which Go collects: more than the engine of a stack with hundreds of workspaces needs."""


def collect_rarely() -> None:
    """Exclude existing objects from garbage collection, collect rarely, and not at the end of the process."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


def go_settings(environ: Mapping[str, str], *, alone: bool) -> dict[str, str]:
    """Return Go's settings for an engine and its plugins. Empty if the user has set one of them.

    One engine alone collects nothing: `ambient plan` takes a sixth less CPU time. With little free memory it has Go's
    defaults. Several at once collect rarely, which takes some 80 MiB more of each.

    Args:
        environ: The user's environment variables.
        alone: Whether no other engine runs at the same time.
    """
    if {"GOGC", "GOMEMLIMIT"} & environ.keys():
        return {}
    if not alone:
        return {"GOGC": _RARELY}
    enough = _ENOUGH <= memory.free() < memory.UNKNOWN
    return {"GOGC": "off", "GOMEMLIMIT": str(_GO_LIMIT)} if enough else {}
