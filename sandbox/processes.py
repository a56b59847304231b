"""Background programs that outlive their command, with pid files that never refer to another process.

A pid alone is not unique, because the kernel reuses it after a reboot or a crash. The pid with the process's start time
is unique as long as the machine runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.paths import write_private

# Kept, because a collected Popen with a running child warns, and these children are meant to stay.
_CHILDREN: list[subprocess.Popen[bytes]] = []


def start_time(pid: int) -> str | None:
    """Return the start time of the process, in the kernel's format. None if there is none or it is a zombie."""
    for child in _CHILDREN:
        if child.pid == pid and child.poll() is not None:
            return None
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The second field, the name, may contain spaces and brackets, so count from its end.
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if state and not state.startswith("Z") else None


@dataclass(frozen=True)
class Service:
    """One named background program of a sandbox directory."""

    name: str
    directory: Path

    @property
    def log(self) -> Path:
        """The log file of this and earlier starts."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.directory / "run" / f"{self.name}.json"

    def pid(self) -> int | None:
        """The pid of the running program. None if it does not run."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            pid, started = int(record["pid"]), str(record["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid if start_time(pid) == started else None

    def command(self) -> list[str]:
        """The command and note of the last start. A start with other ones is a restart."""
        try:
            return list(json.loads(self._record.read_text(encoding="utf-8"))["command"])
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def start(self, command: Sequence[str], environ: Mapping[str, str] | None = None, note: str | None = None) -> int:
        """Start the program in a session of its own, so that Ctrl-C in the caller's terminal does not reach it.

        A note is recorded with the command, for something that affects the start but is not in the command line.
        """
        for path in (self.log, self._record):
            path.parent.mkdir(parents=True, exist_ok=True)
        # Private, because an API server's log may quote requests.
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = subprocess.Popen(
                list(command),
                cwd=self.directory,
                env=dict(environ) if environ is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        except OSError as error:
            message = f"{self.name} cannot be started: {error}"
            raise SandboxError(message) from error
        finally:
            os.close(descriptor)
        _CHILDREN.append(child)
        record = {"pid": child.pid, "started": start_time(child.pid), "command": [*command, *([note] if note else [])]}
        write_private(self._record, json.dumps(record))
        return child.pid

    def stop(self, patience: float = 15.0) -> bool:
        """Stop the program, first with SIGTERM, and wait until it has ended. Return False if it was not running."""
        pid = self.pid()
        if pid is None:
            self._record.unlink(missing_ok=True)
            return False
        for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + wait
            while time.monotonic() < deadline:
                if self.pid() is None:
                    self._record.unlink(missing_ok=True)
                    return True
                time.sleep(0.02)
        message = f"{self.name} (pid {pid}) does not end."
        raise SandboxError(message)

    def last_lines(self, count: int = 15) -> str:
        """Return the end of the log, for errors."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        except OSError:
            return "(no log)"
        return "\n".join(lines) or "(nothing logged)"
