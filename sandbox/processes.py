"""Background programs that outlive the command that started them: pid files that cannot point at a stranger.

A pid alone proves nothing, as the kernel gives it to somebody else after a reboot or a crash. The start time stored
beside it does: the pair is unique as long as the machine runs.
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

# Held so that no Popen is collected while its child runs, which would warn; the children are meant to stay.
_CHILDREN: list[subprocess.Popen[bytes]] = []


def start_time(pid: int) -> str | None:
    """When the process with this pid started, in the kernel's own words; None if there is none or it is a zombie."""
    for child in _CHILDREN:
        if child.pid == pid and child.poll() is not None:
            return None
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The second field, the name, may hold spaces and brackets: count from its end.
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
        """Its output, of this and of earlier starts."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.directory / "run" / f"{self.name}.json"

    def pid(self) -> int | None:
        """The pid of the running program, None when it does not run (any more)."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            pid, started = int(record["pid"]), str(record["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid if start_time(pid) == started else None

    def command(self) -> list[str]:
        """The command, and note, it was last started with: a start with another one is a restart."""
        try:
            return list(json.loads(self._record.read_text(encoding="utf-8"))["command"])
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def start(self, command: Sequence[str], environ: Mapping[str, str] | None = None, note: str | None = None) -> int:
        """Start it in a session of its own, so that Ctrl-C in the caller's terminal is not Ctrl-C for it.

        A note is recorded after the command: something that decides the start but is not in the command line.
        """
        for path in (self.log, self._record):
            path.parent.mkdir(parents=True, exist_ok=True)
        # Logs of an API server may quote what it was sent: like the tokens, nobody else's business.
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
        """End it, politely first; False if it was not running. Returns when it is gone."""
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
        """The end of its log, for errors."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        except OSError:
            return "(no log)"
        return "\n".join(lines) or "(nothing logged)"
