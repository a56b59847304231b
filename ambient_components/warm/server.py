"""The fork server: ``python -m ambient_components.warm.server FD FOLDER``.

It has one thread and starts nothing of gRPC, as neither survives a fork. It ends, and removes the socket's folder, when
its standard input ends, so it does not outlive the command that started it.
"""

import gc
import importlib
import os
import runpy
import select
import shutil
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from ambient_components.warm import protocol

_PRELOADED: Final = (
    "grpc",
    "grpc.aio",
    "pulumi",
    "pulumi.runtime",
    "ambient_components.program.main",
    "ambient_components.provider.__main__",
    "ambient_components.provider.protocol.peers",
    "ambient_components.provider.servicer",
    "ambient_components.warm.language",
)
"""By name, as this module is below them. What is missing here is imported by each process."""

_LAST: Final = 1.0
"""Seconds to wait at the end for the processes of clients that have ended."""


def main() -> None:
    """Import everything, then fork a process for each connection to the listening socket."""
    number, folder = sys.argv[1:]
    try:
        with socket.socket(fileno=int(number)) as listening:
            for name in _PRELOADED:
                importlib.import_module(name)
            # What exists now is shared by all processes, until one writes to it.
            gc.collect()
            gc.freeze()
            _fork_all(listening)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fork_all(listening: socket.socket) -> None:
    running = 0
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [], 1)
        running -= _reap()
        if sys.stdin in ready:
            break
        if listening in ready:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _become(connection)
            connection.close()
            running += 1
    until = time.monotonic() + _LAST
    while running and time.monotonic() < until:
        time.sleep(0.01)
        running -= _reap()


def _reap() -> int:
    """Take note of ended processes, so that their use of the machine counts for this one. Return their number."""
    count = 0
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            count += 1
    return count


def _become(connection: socket.socket) -> NoReturn:
    """Be the process of a job, and end with it. Nothing of the server runs after it."""
    code = 1
    try:
        job, streams = protocol.receive(connection)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  # the process's own
        if job.identity != protocol.identity():
            connection.sendall(protocol.REFUSED)
            os._exit(0)
        os.environ.clear()
        os.environ.update(job.environ)
        os.environ.pop(protocol.SOCKET_VARIABLE, None)
        os.chdir(job.folder)
        sys.argv = [*job.arguments]
        connection.sendall(protocol.TAKEN)
        code = _JOBS[job.kind](connection)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # the process ends here
        traceback.print_exc()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    with suppress(OSError):
        connection.sendall(bytes([code & 0xFF]))
    # Without the interpreter's own end, which would free a copy of everything.
    os._exit(code)


def _program(connection: socket.socket) -> int:
    """Run Pulumi's own script that runs programs. It ends with its exit code."""
    _end_with(connection)
    runpy.run_path(sys.argv[0], run_name="__main__")
    return 0


def _plugin(connection: socket.socket) -> int:
    serve: Callable[[str, socket.socket], None] = importlib.import_module(_PRELOADED[5]).serve_until_closed
    serve(sys.argv[-1], connection)
    return 0


def _language(connection: socket.socket) -> int:
    serve: Callable[[list[str], socket.socket], None] = importlib.import_module(_PRELOADED[-1]).serve
    serve(sys.argv, connection)
    return 0


_JOBS: Final = {"program": _program, "plugin": _plugin, "language": _language}


def _end_with(connection: socket.socket) -> None:
    """End this process when its client does, like a child that is killed."""

    def wait() -> None:
        with suppress(OSError):
            connection.recv(1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
