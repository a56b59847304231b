"""Runs a command and watches it: seconds, CPU, and the memory of the whole tree of processes below it."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_INTERVAL: Final = 0.2
"""Seconds between two looks at /proc. One costs about 5 ms of CPU with 200 processes on the machine."""

_MIB: Final = 1 << 20
_PARTS: Final = (
    ("ambient_components.provider", "ambient plugin"),
    ("bin/ambient ", "ambient"),
    ("kubectl", "kubectl"),
    ("bench.floor", "client"),
    ("pulumi-language-python-exec --", "program"),
    ("pulumi-resource-kubernetes", "kubernetes plugin"),
    ("language", "language host"),
    ("pulumi", "engine"),
)
"""What a command line holds, and what its process is called here; the first match counts."""


@dataclass(frozen=True)
class Usage:
    """What one command took. Memory is None where the machine has no /proc to read it from."""

    seconds: float
    cpu_seconds: float
    """User and system, of the command and all its descendants; the API server is not among them."""

    largest_mib: float
    """Peak of the largest process."""

    written_mib: float
    """Written to files, as the kernel counts it (blocks of the whole tree): nearly all of it is state."""

    total_mib: float | None
    """Peak of the sum over the tree, sampled; pages that processes share count once for each."""

    cpu_of: dict[str, float] = field(default_factory=dict)
    """CPU seconds by part, sampled: a little less than `cpu_seconds` in sum."""

    mib_of: dict[str, float] = field(default_factory=dict)
    """Peak memory by part."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    text: str
    """What it printed, both streams."""

    usage: Usage


def run(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stdin: str = "") -> Ended:
    """Runs a command to its end. An interrupt ends the whole tree and is passed on."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as given:
        given.write(stdin.encode())
        given.seek(0)
        started = time.monotonic()
        # In a session of its own: Ctrl-C comes to us alone, and we end the tree in order.
        child = subprocess.Popen(
            list(command), cwd=cwd, env=dict(environment), stdin=given, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        watch = _Watch(child.pid)
        try:
            with watch:
                # wait4 and not Popen.wait: only it tells what this child, and no other one, has used.
                _, status, used = os.wait4(child.pid, 0)
        except BaseException:
            _end(child, watch.pids)
            raise
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    largest = used.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024) / _MIB
    usage = Usage(
        seconds=seconds,
        cpu_seconds=used.ru_utime + used.ru_stime,
        # The kernel's figure leaves out processes that nobody waited for, ours those that lived shorter than a look.
        largest_mib=max([largest, *watch.peaks.values()]),
        written_mib=used.ru_oublock * 512 / _MIB,
        total_mib=watch.total or None,
        cpu_of=watch.cpu_of(),
        mib_of=dict(watch.peaks),
    )
    return Ended(child.returncode, text, usage)


def _end(child: subprocess.Popen[bytes], pids: set[int]) -> None:
    """Ends the command and what it started: first as Ctrl-C does, so that the engine lets go of its lock."""
    for _ in range(2):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.kill(child.pid, signal.SIGINT)
            child.wait(timeout=5)
            break
    # A plugin has a process group of its own and can outlive the engine for a while.
    alive = {pid for pid, _, _ in _processes()} & pids
    for pid in alive:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=5)


class _Watch:
    """Looks at a tree of processes until it is told to stop."""

    def __init__(self, root: int) -> None:
        self.total = 0.0
        self.peaks: dict[str, float] = {}
        self.pids = {root}
        self._names: dict[int, str] = {}
        self._cpu: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def cpu_of(self) -> dict[str, float]:
        """CPU seconds by part."""
        spent: dict[str, float] = defaultdict(float)
        for pid, seconds in self._cpu.items():
            spent[self._names[pid]] += seconds
        return dict(spent)

    def __enter__(self) -> "_Watch":
        if _PROC.joinpath("self", "stat").exists():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look_on(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._look()

    def _look(self) -> None:
        total = 0.0
        found = list(_processes())
        grown = True
        while grown:
            # A pid that was seen once stays: its parent may be gone.
            below = {pid for pid, parent, _ in found if parent in self.pids}
            grown = not below <= self.pids
            self.pids |= below
        for pid, _, cpu in found:
            if pid in self.pids and (size := _memory(pid)) is not None:
                now, peak = size
                total += now
                # Named anew at every look: a shell becomes what it starts.
                name = self._names[pid] = _part(pid) or self._names.get(pid, "other")
                self._cpu[pid] = cpu
                self.peaks[name] = max(peak, self.peaks.get(name, 0.0))
        self.total = max(self.total, total)


def _processes() -> Iterator[tuple[int, int, float]]:
    """Every process: pid, parent's pid, CPU seconds so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    for folder in _PROC.iterdir() if _PROC.is_dir() else ():
        if folder.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # The second field, the name, may hold spaces and brackets: count from its end.
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                yield int(folder.name), int(fields[1]), (int(fields[11]) + int(fields[12])) / ticks


def _memory(pid: int) -> tuple[float, float] | None:
    """MiB now and at the peak; None of a process that is gone."""
    try:
        lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return None
    sizes = {
        key: int(value.split()[0]) / 1024
        for key, _, value in (line.partition(":") for line in lines)
        if key in {"VmRSS", "VmHWM"}
    }
    return (sizes["VmRSS"], sizes["VmHWM"]) if len(sizes) == 2 else None


def _part(pid: int) -> str | None:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    return next((name for mark, name in _PARTS if mark in words), "other") if words else None
