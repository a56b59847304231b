"""The fork server: ``python -m ambient_components.warm.server FD FOLDER [PROJECT FILE...]``.

It has one thread and starts nothing of gRPC, as neither survives a fork. It ends, and removes the socket's folder, when
its standard input ends, so it does not outlive the command that started it.
"""

import atexit
import gc
import importlib
import io
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NoReturn

from ambient_components.collector import collect_rarely
from ambient_components.warm import protocol

_LANGUAGE: Final = "ambient_components.warm.language"
_LOADER: Final = "ambient_components.stackfile.loader"
_PLUGIN: Final = "ambient_components.provider.serving"
_PRELOADED: Final = (
    "grpc",
    "grpc._channel",
    "grpc.aio",
    "pulumi",
    "pulumi.runtime",
    "ambient_components.program.workspaces",
    _PLUGIN,
    _LANGUAGE,
)
"""By name, as this module is below them. What is missing here is imported by each process."""

_PRELOADED_LATER: Final = "kubernetes"
"""The plugin's client of the cluster, imported in a fifth of a second: while the first engine starts."""

_BUFFER: Final = 4096
_PAUSE_SECONDS: Final = 0.1
_LAST_SECONDS: Final = 1.0
"""Time at the end for the processes of clients that have ended."""


def main() -> None:
    """Import everything, load the files, then fork a process for each connection to the listening socket."""
    number, folder, *files = sys.argv[1:]
    collect_rarely()  # before the imports, of which a collector takes a tenth
    try:
        with socket.socket(fileno=int(number)) as listening:
            for name in _PRELOADED:
                importlib.import_module(name)
            if files:
                os.chdir(files[0])
                preload: Callable[[str], None] = importlib.import_module(_LOADER).preload
                for file in files[1:]:
                    preload(file)
            # What exists now is shared by all processes, until one writes to it.
            gc.freeze()
            _fork_all(listening)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fork_all(listening: socket.socket) -> None:
    running: dict[int, socket.socket] = {}
    later = [_PRELOADED_LATER]
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from now on it ends with its standard input
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([listening, sys.stdin, woken], [], [])
        if woken in ready:
            woken.recv(_BUFFER)
            _reap(running)
        if sys.stdin in ready:
            break
        if listening in ready:
            _fork(listening, (woken, wake), running)
            while later:
                with suppress(Exception):  # the plugin imports it again, and reports what is wrong
                    importlib.import_module(later.pop())
                gc.freeze()
    until = time.monotonic() + _LAST_SECONDS
    while running and time.monotonic() < until:
        time.sleep(0.01)
        _reap(running)


def _fork(listening: socket.socket, wakers: Iterable[socket.socket], running: dict[int, socket.socket]) -> None:
    """Accept a client and fork its process. Where that is impossible, the client starts its own."""
    try:
        connection, _ = listening.accept()
    except OSError:  # no descriptors
        time.sleep(_PAUSE_SECONDS)
        return
    try:
        pid = os.fork()
    except OSError:  # no memory, no processes
        connection.close()
        return
    if pid:
        running[pid] = connection
        return
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for inherited in (listening, *wakers, *running.values()):
        inherited.close()
    _become(connection)


def _reap(running: dict[int, socket.socket]) -> None:
    """Send the exit codes of ended processes to their clients, and nothing for a killed one."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with running.pop(pid) as connection, suppress(OSError):
                if os.WIFEXITED(status):
                    connection.sendall(bytes([os.WEXITSTATUS(status)]))


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
        code = 0 if end.code is None else end.code if isinstance(end.code, int) else 1
        if not isinstance(end.code, int | None):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # the process ends here
        traceback.print_exc()
    _end(code)


def _end(code: int) -> NoReturn:
    """End as an interpreter does, but without freeing a copy of everything: threads, exit handlers, streams.

    Kubernetes' client removes its temporary files, with keys of a kubeconfig, in an exit handler.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # it has no public name
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # the code is known
        traceback.print_exc()
    finally:
        os._exit(code & 0xFF)


def _program(connection: socket.socket) -> int:
    """Run Pulumi's own script that runs programs. It ends with its exit code."""
    _end_with(connection)
    # Unbuffered, like an ordinary language host's programs.
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(number, "wb", buffering=0, closefd=False), write_through=True)  # noqa: SIM115
        for number in (1, 2)
    )
    runpy.run_path(sys.argv[0], run_name="__main__")
    return 0


def _plugin(connection: socket.socket) -> int:
    serve: Callable[[str, socket.socket], None] = importlib.import_module(_PLUGIN).serve_until_closed
    serve(sys.argv[-1], connection)
    return 0


def _language(connection: socket.socket) -> int:
    serve: Callable[[list[str], socket.socket], None] = importlib.import_module(_LANGUAGE).serve
    serve(sys.argv, connection)
    return 0


_JOBS: Final = {protocol.PROGRAM: _program, protocol.PLUGIN: _plugin, protocol.LANGUAGE: _language}


def _end_with(connection: socket.socket) -> None:
    """End this process when its client does, like a child that is killed."""

    def wait() -> None:
        with suppress(OSError):
            connection.recv(1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
