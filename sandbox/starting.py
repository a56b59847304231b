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


def wait_ready(service: Service, ready: Callable[[], bool], *needed: Service) -> None:
    """Wait until `ready` returns true.

    Args:
        service: The program.
        ready: Tells whether it answers.
        needed: Programs without which it never does.

    Raises:
        SandboxError: One of the programs ended, or it is not ready in time. The message has the end of the log.
    """
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        ended = next((one for one in (*needed, service) if one.pid() is None), None)
        if ended or time.monotonic() > deadline:
            failed = ended or service
            what = "ended at once" if ended else f"is not ready after {START_SECONDS:.0f} s"
            message = f"{failed.name} {what}. The end of {failed.log}:\n{failed.last_lines()}"
            if ended:
                message += "\nhint: If a newer version wrote its data, use that one, or delete the data: make clean"
            raise SandboxError(message)
        time.sleep(0.05)


def start_listening(
    service: Service, port: int | None, start: Callable[[int], object], ready: Callable[[], bool], *needed: Service
) -> None:
    """Start a program on its last port, or on another one if that is in use, and wait until it is ready.

    Args:
        service: The program.
        port: The last port, if any.
        start: Records a port and starts the program on it.
        ready: Tells whether the program answers on it.
        needed: Programs without which it never does.
    """
    for attempt in range(3):
        port = _usable_port(port)
        start(port)
        try:
            wait_ready(service, ready, *needed)
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
