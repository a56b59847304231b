"""Starting background programs: one start at a time, a free port, and waiting until it answers."""

from __future__ import annotations

import fcntl
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.processes import Service

START_SECONDS = 60.0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Allow one start or stop at a time. Two would each start a program on the same data."""
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_ready(service: Service, ready: Callable[[], bool]) -> None:
    """Wait until `ready` returns true.

    Raises:
        SandboxError: The program ended or is not ready in time. The message has the end of its log.
    """
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        ended = service.pid() is None
        if ended or time.monotonic() > deadline:
            what = "ended at once" if ended else f"is not ready after {START_SECONDS:.0f} s"
            message = f"{service.name} {what}. The end of {service.log}:\n{service.last_lines()}"
            raise SandboxError(message)
        time.sleep(0.05)


def start_listening(
    service: Service, port: int | None, start: Callable[[int], object], ready: Callable[[], bool]
) -> None:
    """Start a program on its last port, or on another one if that is in use, and wait until it is ready.

    Args:
        service: The program.
        port: The last port, if any.
        start: Records a port and starts the program on it.
        ready: Tells whether the program answers on it.
    """
    for attempt in range(3):
        port = _usable_port(port)
        start(port)
        try:
            wait_ready(service, ready)
        except SandboxError:
            # Another program can take the port between the check and the start.
            if attempt == 2 or "address already in use" not in service.last_lines():
                raise
            port = None
        else:
            return


def _usable_port(preferred: int | None) -> int:
    """Return the preferred port if it is free, else any free one."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            # As the servers do: connections of the previous one in TIME_WAIT do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    message = "No free port on 127.0.0.1."
    raise SandboxError(message)
