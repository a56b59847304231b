"""How many engines a machine bears at once: by its processors, and by the memory that is free, also in a container."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_EACH: Final = 512 << 20
"""Bytes that one engine takes, with its program and its plugins."""


def default_jobs(root: Path = Path("/")) -> int:
    """As many engines as the machine bears: one a core, and half a gigabyte of memory for each; at least one.

    Args:
        root: of the machine's own files.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, min(_free(root), _left(root)) // _EACH))


def _free(root: Path) -> int:
    """Bytes of memory that new processes may have; more than enough where the machine does not say."""
    try:
        text = (root / "proc/meminfo").read_text(encoding="utf-8")
        return _numbers(text.replace(":", ""))["MemAvailable"] << 10
    except (OSError, ValueError, KeyError):
        return sys.maxsize


def _left(root: Path) -> int:
    """Bytes that a container's limit leaves: /proc/meminfo is that of the whole machine. Of version 2 of cgroups."""
    folder = root / "sys/fs/cgroup"
    try:
        limit, used = (int((folder / f"memory.{name}").read_text(encoding="utf-8")) for name in ("max", "current"))
        cache = _numbers((folder / "memory.stat").read_text(encoding="utf-8")).get("inactive_file", 0)
    except (OSError, ValueError):
        return sys.maxsize  # there is no limit ("max"), or no such file
    return max(0, limit - used + cache)


def _numbers(text: str) -> Mapping[str, int]:
    """Lines of a name and a number."""
    words = (line.split() for line in text.splitlines())
    return {one[0]: int(one[1]) for one in words if len(one) > 1}
