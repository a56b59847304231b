"""The free memory of this machine or container."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

UNKNOWN: Final = sys.maxsize


def free(root: Path = Path("/")) -> int:
    """Return the free memory in bytes. `UNKNOWN` is larger than any.

    Args:
        root: The root of the file system, for tests.
    """
    return min(_available(root), _left(root))


def _available(root: Path) -> int:
    try:
        text = (root / "proc/meminfo").read_text(encoding="utf-8")
        return _numbers(text.replace(":", ""))["MemAvailable"] << 10
    except (OSError, ValueError, KeyError):
        return UNKNOWN


def _left(root: Path) -> int:
    """Return the bytes that a container's limit leaves (cgroups v2). /proc/meminfo covers the whole machine."""
    folder = root / "sys/fs/cgroup"
    try:
        limit, used = (int((folder / f"memory.{name}").read_text(encoding="utf-8")) for name in ("max", "current"))
        cache = _numbers((folder / "memory.stat").read_text(encoding="utf-8")).get("inactive_file", 0)
    except (OSError, ValueError):
        return UNKNOWN  # no limit ("max"), or no such file
    return max(0, limit - used + cache)


def _numbers(text: str) -> Mapping[str, int]:
    """Parse lines of a name and a number."""
    words = (line.split() for line in text.splitlines())
    return {one[0]: int(one[1]) for one in words if len(one) > 1}
