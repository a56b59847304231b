"""What starting a background program takes: one start at a time, a port that is free, and a wait until it answers."""

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
    """One start or stop at a time: two would each start a program on the same data."""
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_ready(service: Service, ready: Callable[[], bool]) -> None:
    """Return when `ready` says so.

    Raises:
        SandboxError: the program ended or is not ready in time; with the end of its log.
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
    """Start a program on its port of last time, or on another where that is taken, and wait until it is ready.

    Args:
        service: what is started.
        port: the remembered port, if there is one.
        start: remembers the port that it is given, and starts the program on it.
        ready: whether it answers there.
    """
    for attempt in range(3):
        port = _usable_port(port)
        start(port)
        try:
            wait_ready(service, ready)
        except SandboxError:
            # Between looking and listening another program can take the port.
            if attempt == 2 or "address already in use" not in service.last_lines():
                raise
            port = None
        else:
            return


def _usable_port(preferred: int | None) -> int:
    """The preferred port if nobody listens on it, else any free one."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            # As the servers will do: connections of the one before, still in TIME_WAIT, do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    message = "No free port on 127.0.0.1."
    raise SandboxError(message)
