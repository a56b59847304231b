"""Memory in processes of seconds: the command, the engine, and the plugins and the program of a stack.

They create tens of thousands of objects that live until they end, and a collector scans them again and again: while
Python imports, while a program registers resources, and once more at the end. Uncollected objects end with the process.
"""

import atexit
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

UNKNOWN_MEMORY: Final = sys.maxsize

_COLLECT_AFTER: Final = 200_000
"""New objects before a collection of the youngest generation; imports alone stay below it."""

_ENOUGH: Final = 8 << 30
"""Bytes of free memory from which an engine and its plugin may take that much more."""

_RARELY: Final = "300"
"""Growth of the heap in percent after which Go collects; its default is 100."""

_GO_LIMIT: Final = 1 << 30
"""Bytes from which Go collects: more than the engine of a stack with hundreds of workspaces needs."""


_MEMORY: Final = 512 << 20
"""Bytes of memory for one engine with its program and its plugins."""


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
    enough = _ENOUGH <= free_memory() < UNKNOWN_MEMORY
    return {"GOGC": "off", "GOMEMLIMIT": str(_GO_LIMIT)} if enough else {}


def free_memory(root: Path = Path("/")) -> int:
    """Return the free memory in bytes. `UNKNOWN_MEMORY` is larger than any.

    Args:
        root: The root of the file system, for tests.
    """
    return min(_available(root), _left(root))


def default_jobs(root: Path = Path("/")) -> int:
    """Return the default number of engines: one for each core and each half gigabyte of free memory, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, free_memory(root) // _MEMORY))


def _available(root: Path) -> int:
    try:
        text = (root / "proc/meminfo").read_text(encoding="utf-8")
        return _numbers(text.replace(":", ""))["MemAvailable"] << 10
    except (OSError, ValueError, KeyError):
        return UNKNOWN_MEMORY


def _left(root: Path) -> int:
    """Return the bytes that a container's limit leaves (cgroups v2). /proc/meminfo covers the whole machine."""
    folder = root / "sys/fs/cgroup"
    try:
        limit, used = (int((folder / f"memory.{name}").read_text(encoding="utf-8")) for name in ("max", "current"))
        cache = _numbers((folder / "memory.stat").read_text(encoding="utf-8")).get("inactive_file", 0)
    except (OSError, ValueError):
        return UNKNOWN_MEMORY  # no limit ("max"), or no such file
    return max(0, limit - used + cache)


def _numbers(text: str) -> Mapping[str, int]:
    """Parse lines of a name and a number."""
    words = (line.split() for line in text.splitlines())
    return {line[0]: int(line[1]) for line in words if len(line) > 1}
