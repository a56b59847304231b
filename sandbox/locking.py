"""A lock between runs that write to the same cache folder."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.progress import Progress


@contextmanager
def one_at_a_time(path: Path, other: str, progress: Progress) -> Iterator[None]:
    """Wait until no other run holds the lock. The kernel releases it when the process ends.

    Args:
        path: The lock file.
        other: What another run is doing, for the message while this one waits.
        progress: Shows the message.
    """
    with path.open("w", encoding="utf-8") as lock:
        if not _try_lock(lock.fileno()):
            with progress.step(f"{other}: waiting for it") as tick:
                while not _try_lock(lock.fileno()):
                    tick()
                    time.sleep(0.5)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
