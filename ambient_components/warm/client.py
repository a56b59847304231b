"""Clients of the fork server: the command that starts it, the plugin, and the language host."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ambient_components.warm import protocol
from ambient_components.warm.protocol import OFF, SOCKET_VARIABLE, Job, identity

_SOCKET: Final = "fork"
_TRACING: Final = ("TRACEPARENT", "PULUMI_OTEL_")
_BACKLOG: Final = 128
_END_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 30.0
"""Time for an answer, which includes all imports. A server that hangs holds nothing up for longer."""


class Forked:
    """A process that the fork server forked for this one. It ends when this one does."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def wait(self) -> int | None:
        """Return its exit code; None if it was killed."""
        with suppress(OSError):
            code = self.connection.recv(1)
            return code[0] if code else None
        return None

    def end(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def fork(
    path: str,
    kind: str,
    arguments: Sequence[str],
    streams: Sequence[int],
    *,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Forked | None:
    """Have a process forked, or return None if the server is gone or runs another interpreter or package.

    A language host is returned once engines can connect to it.
    """
    try:
        connection = socket.socket(socket.AF_UNIX)
    except OSError:
        return None
    try:
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(path)
        protocol.send(
            connection, Job(kind, [*arguments], dict(environ), str(folder or Path.cwd()), identity()), streams
        )
        taken = connection.recv(1) == protocol.TAKEN
        if taken and (kind != protocol.LANGUAGE or connection.recv(1) == protocol.READY):
            connection.settimeout(None)
            return Forked(connection)
    except OSError:
        pass
    connection.close()
    return None


def hand_over(kind: str) -> int | None:
    """Let a forked process do the work of this one, and wait for it. None if there is no fork server.

    A signal ends this process, and with it the forked one.
    """
    path = os.environ.get(SOCKET_VARIABLE, "")
    if path in ("", OFF):
        return None
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    forked = fork(path, kind, sys.argv, (0, 1, 2))
    if forked is None:
        signal.signal(signal.SIGINT, before)
        return None
    parent = os.getppid()
    forked.connection.settimeout(1)
    while True:
        try:
            code = forked.connection.recv(1)
        except TimeoutError:
            # A killed engine sends no signal, but this process then has another parent.
            if os.getppid() != parent:
                return 1
            continue
        except OSError:
            return 1
        return code[0] if code else 1


class ForkServer:
    def __init__(self, environ: Mapping[str, str] = os.environ, files: Sequence[str] = ()) -> None:
        self._python = _python(environ)
        folder = tempfile.mkdtemp(prefix="ambient-")
        self.path = str(Path(folder) / _SOCKET)
        try:
            self._process = self._started(folder, environ, files)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        atexit.register(self.close)

    def _started(self, folder: str, environ: Mapping[str, str], files: Sequence[str]) -> subprocess.Popen[bytes]:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.path)
            listening.listen(_BACKLOG)  # clients wait until the server has imported everything
            return subprocess.Popen(  # noqa: S603
                # -P: the working directory is not a place to import from.
                [sys.executable, "-P", "-m", "ambient_components.warm.server", str(listening.fileno()), folder, *files],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                # Pulumi's SDK begins tracing, with threads, where it finds these.
                env={name: value for name, value in environ.items() if not name.startswith(_TRACING)},
                pass_fds=(listening.fileno(),),
                # Ctrl-C is for the command alone, which interrupts its engines.
                start_new_session=True,
            )  # fmt: skip

    @property
    def session(self) -> int:
        """The session of the server and of what it forks."""
        return self._process.pid

    def serves(self, environ: Mapping[str, str]) -> bool:
        """Tell whether Python would start alike in an environment: its variables count only at a start."""
        return _python(environ) == self._python and not any(name.startswith(_TRACING) for name in environ)

    def close(self) -> None:
        """End the server. What it forked ends with its own client."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()  # only while it imports
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(Path(self.path).parent, ignore_errors=True)


def _python(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(("PYTHON", "PULUMI_PYTHON"))}


_server: ForkServer | None = None


def begin(environ: Mapping[str, str] = os.environ, *, files: Sequence[str] = ()) -> None:
    """Start this command's fork server, unless it exists or is off. It loads the stack files once for all programs."""
    global _server  # noqa: PLW0603  # one for a process
    # It needs private names of Python, see `server._end`.
    known = sys.platform == "linux" and sys.version_info < (3, 15)
    if _server is None and known and environ.get(SOCKET_VARIABLE) != OFF:
        with suppress(OSError):  # such as a TMPDIR too long for a socket: engines start as before
            _server = ForkServer(environ, files)


def give_up() -> None:
    """Start all further engines of this command as before: its fork server does not answer.

    It is not ended, as it still reports the exit codes of programs of other engines.
    """
    global _server  # noqa: PLW0603  # as in `begin`
    _server = None


def server() -> ForkServer | None:
    return _server


def sessions() -> tuple[int, ...]:
    """Return the sessions of processes that this command's engines use beside their own."""
    return () if _server is None else (_server.session,)
