"""The default number of parallel engines, from the number of processors and the free memory, also in a container."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_EACH: Final = 512 << 20
"""Bytes of memory for one engine with its program and its plugins."""


def default_jobs(root: Path = Path("/")) -> int:
    """Return the default number of engines: one for each core and each half gigabyte of free memory, at least one.

    Args:
        root: The root of the file system, for tests.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, min(_free(root), _left(root)) // _EACH))


def _free(root: Path) -> int:
    """Return the free memory in bytes. A large number if it is unknown."""
    try:
        text = (root / "proc/meminfo").read_text(encoding="utf-8")
        return _numbers(text.replace(":", ""))["MemAvailable"] << 10
    except (OSError, ValueError, KeyError):
        return sys.maxsize


def _left(root: Path) -> int:
    """Return the bytes that a container's limit leaves (cgroups v2). /proc/meminfo covers the whole machine."""
    folder = root / "sys/fs/cgroup"
    try:
        limit, used = (int((folder / f"memory.{name}").read_text(encoding="utf-8")) for name in ("max", "current"))
        cache = _numbers((folder / "memory.stat").read_text(encoding="utf-8")).get("inactive_file", 0)
    except (OSError, ValueError):
        return sys.maxsize  # no limit ("max"), or no such file
    return max(0, limit - used + cache)


def _numbers(text: str) -> Mapping[str, int]:
    """Parse lines of a name and a number."""
    words = (line.split() for line in text.splitlines())
    return {one[0]: int(one[1]) for one in words if len(one) > 1}
