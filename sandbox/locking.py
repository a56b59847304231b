"""A lock between runs that write to the same folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandbox.progress import Progress


@contextmanager
def one_at_a_time(path: Path, other: str, progress: Progress) -> Iterator[None]:
    """Wait until no other run holds the lock. The kernel releases it when the process ends.

    Args:
        path: The lock file. Its folder is created if it is missing.
        other: What another run is doing, for the message while this one waits.
        progress: Shows the message.
    """
    with ExitStack() as stack:
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(path.open("w", encoding="utf-8"))
            if not _try_lock(lock.fileno()):
                with progress.step(f"{other}: waiting for it") as tick:
                    while not _try_lock(lock.fileno()):
                        tick()
                        time.sleep(0.5)
            # The other run may have deleted the folder, as `make clean` does. A third one then locks another file.
            if _is_at(path, lock.fileno()):
                break
        yield


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
