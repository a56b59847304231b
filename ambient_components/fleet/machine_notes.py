"""Who runs on this machine: a file for each engine, by which a later run knows that a lock's holder is dead."""

import hashlib
import json
import os
import signal
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ambient_components.engine.texts import Lock
from ambient_components.errors import AmbientError
from ambient_components.stacks.project import bare_name
from ambient_components.writing import PRIVATE, write_file

_OF_MACHINE: Final = "pid:[4026531836]"
"""The namespace of the machine's own process numbers (PROC_PID_INIT_INO of Linux). A container has another one."""

_LOCKED_WITHIN: Final = 600.0
"""Seconds after its start within which an engine locks its state."""

_ENDING: Final = 20.0
"""Seconds in which a killed engine's plugins may end the step in progress. Pulumi's own ones ask for their engine only
every five minutes, so what is left then is killed.
"""

_WAITING: Final = 100.0
"""Seconds to wait for another run that takes over a lock."""

_PAUSE: Final = 0.1
_SLACK: Final = 2.0
"""Seconds by which a computed start of a process can be wrong."""


@dataclass(frozen=True, slots=True)
class Process:
    started: int
    """Clock ticks since the machine's start. With the process number, it names one process."""
    session: int


@dataclass(frozen=True, slots=True)
class Noted:
    stack: str
    boot: str
    """Id of the machine's start."""
    pid: int
    started: int
    begun: float
    """Seconds since 1970."""
    sessions: tuple[int, ...]


class MachineNote:
    """The note of an engine on this machine, outside of containers. The folder is the user's own (`locks.NoNote`)."""

    def __init__(self, stack: str, folder: Path | None = None) -> None:
        self._stack = bare_name(stack)
        self._folder = folder or Path(tempfile.gettempdir()) / f"ambient-runs-{os.getuid()}"
        self._begun = 0.0
        self._pid = 0

    def begin(self) -> None:
        self._begun = time.time()

    def started(self, pid: int, *sessions: int) -> None:
        process = process_of(pid)
        if process is None or not self._is_safe():
            return
        self._pid = pid
        noted = Noted(self._stack, _boot(), pid, process.started, self._begun, (pid, *sessions))
        with suppress(AmbientError):  # without a note, people take the lock off
            write_file(self._path(pid), json.dumps(asdict(noted)).encode(), PRIVATE)

    def ended(self) -> None:
        if self._pid:
            self._path(self._pid).unlink(missing_ok=True)

    def is_of_dead(self, lock: Lock) -> bool:
        noted = self._noted(lock)
        if noted is None:
            return False
        process = process_of(noted.pid)
        if process is None:
            return True
        # Another process has its number. It may be the holder, unless it started after the lock was made.
        return process.started != noted.started and _start(process) > lock.time + _SLACK

    def settled(self, locks: Sequence[Lock]) -> bool:
        sessions = {session for lock in locks if (noted := self._noted(lock)) for session in noted.sessions}
        # The kernel gives the number of a session to no process before the session is empty. So where another process
        # has the engine's number, nothing is left of the engine, and that process is not meant.
        own = {lock.pid for lock in locks if process_of(lock.pid) is None}
        _wait(sessions - {lock.pid for lock in locks} | own)
        # Not the fork servers: one may be of a command that goes on with other shards.
        for pid in _members(own):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return _wait(own)

    def forget(self, locks: Sequence[Lock]) -> None:
        for lock in locks:
            self._path(lock.pid).unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        name = hashlib.sha256(self._stack.encode()).hexdigest()[:10]
        until = time.monotonic() + _WAITING
        # The kernel gives the lock of this file back, however the process ends.
        try:
            file = (self._folder / f"{name}.lock").open("a", encoding="utf-8")
        except OSError:
            yield False
            return
        with file:
            while not (alone := _flock(file.fileno())) and time.monotonic() < until:
                time.sleep(_PAUSE)
            yield alone

    def _noted(self, lock: Lock) -> Noted | None:
        """Return the engine that made a lock. None if no noted one did."""
        if not self._is_safe():
            return None
        try:
            fields = json.loads(self._path(lock.pid).read_text(encoding="utf-8"))
            noted = Noted(**{**fields, "sessions": (*fields["sessions"],)})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        made_it = (
            (noted.stack, noted.boot, noted.pid) == (self._stack, _boot(), lock.pid)
            and lock.host == socket.gethostname()
            and int(noted.begun) <= lock.time <= noted.begun + _LOCKED_WITHIN
        )
        return noted if made_it else None

    def _path(self, pid: int) -> Path:
        return self._folder / f"{pid}.json"

    def _is_safe(self) -> bool:
        """Make the folder if it is missing, and tell whether only this user can write to it."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            status = self._folder.lstat()
            return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
        return False


def sees_machine() -> bool:
    """Tell whether process numbers are the machine's own here: on Linux, outside of containers."""
    with suppress(OSError):
        return sys.platform == "linux" and str(Path("/proc/self/ns/pid").readlink()) == _OF_MACHINE
    return False


def process_of(pid: int) -> Process | None:
    """Return a process of this machine. None if it has ended, also if its parent has not taken note of that yet."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = status.rpartition(")")[2].split()  # proc_pid_stat(5), from the third field on
    return None if state in "ZX" else Process(started=int(fields[18]), session=int(fields[2]))


def _wait(sessions: Collection[int]) -> bool:
    """Wait until nothing is left of some sessions, and return whether that is so."""
    until = time.monotonic() + _ENDING
    while (left := _members(sessions)) and time.monotonic() < until:
        time.sleep(_PAUSE)
    return not left


def _members(sessions: Collection[int]) -> list[int]:
    """Return the processes of some sessions."""
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if (process := process_of(pid)) and process.session in sessions]


def _start(process: Process) -> float:
    """Return when a process started, in seconds since 1970."""
    uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    return time.time() - uptime + process.started / os.sysconf("SC_CLK_TCK")


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _flock(number: int) -> bool:
    import fcntl  # noqa: PLC0415  # Windows has none, and nothing is noted there

    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
