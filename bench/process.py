"""Running and measuring a command: seconds, CPU, and memory of its whole process tree."""

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
"""Seconds between two samples of /proc. One costs about 5 ms of CPU with 200 processes on the machine."""

_MIB: Final = 1 << 20
_PARTS: Final = (
    ("ambient_components.provider", "ambient plugin"),
    ("ambient_components.warm", "warm processes"),
    ("bin/ambient ", "ambient"),
    ("kubectl", "kubectl"),
    ("bench.raw_client", "client"),
    ("pulumi-language-python-exec --", "program"),
    ("pulumi-resource-kubernetes", "kubernetes plugin"),
    ("language", "language host"),
    ("pulumi", "engine"),
)
"""Text in a command line and the name of the part. The first match counts."""


@dataclass(frozen=True)
class Usage:
    """The resources of one command. Memory is None on a machine without /proc."""

    seconds: float
    cpu_seconds: float
    """User and system time of the command and all descendants, without the API server."""

    largest_mib: float
    """Peak memory of the largest process."""

    written_mib: float
    """Bytes written to files by the whole tree, counted by the kernel in blocks. Nearly all of it is state."""

    total_mib: float | None
    """Peak of the sampled sum over the tree. A page that several processes share counts once (PSS)."""

    cpu_of: dict[str, float] = field(default_factory=dict)
    """Sampled CPU seconds by part. The sum is slightly less than `cpu_seconds`."""

    mib_of: dict[str, float] = field(default_factory=dict)
    """Peak memory by part."""


@dataclass(frozen=True)
class Ended:
    """The end of a command."""

    code: int
    text: str
    """Its output, both streams."""

    usage: Usage


def run(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stdin: str = "") -> Ended:
    """Run a command to its end. An interrupt ends the whole tree and is passed on."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as given:
        given.write(stdin.encode())
        given.seek(0)
        started = time.monotonic()
        # In a session of its own, so that Ctrl-C reaches only this process, which ends the tree in order.
        child = subprocess.Popen(
            list(command), cwd=cwd, env=dict(environment), stdin=given, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        watch = _Watch(child.pid)
        try:
            with watch:
                # wait4 instead of Popen.wait, because only it reports the resources of exactly this child.
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
        # The kernel's sum lacks processes without a waiting parent, ours those shorter than the sampling interval.
        largest_mib=max([largest, *watch.peaks.values()]),
        written_mib=used.ru_oublock * 512 / _MIB,
        total_mib=watch.total or None,
        cpu_of=watch.cpu_of(),
        mib_of=dict(watch.peaks),
    )
    return Ended(child.returncode, text, usage)


def _end(child: subprocess.Popen[bytes], pids: set[int]) -> None:
    """End the command and its children, first with SIGINT, so that the engine releases its lock."""
    for _ in range(2):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.kill(child.pid, signal.SIGINT)
            child.wait(timeout=5)
            break
    # A plugin has its own process group and can outlive the engine for a while.
    alive = {pid for pid, _, _ in _processes()} & pids
    for pid in alive:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=5)


class _Watch:
    """Samples a process tree until it is stopped."""

    def __init__(self, root: int) -> None:
        self.total = 0.0
        self.peaks: dict[str, float] = {}
        self.pids = {root}
        self._names: dict[int, str] = {}
        self._cpu: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def cpu_of(self) -> dict[str, float]:
        """Return CPU seconds by part."""
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
            # A known pid stays, because its parent may have ended.
            below = {pid for pid, parent, _ in found if parent in self.pids}
            grown = not below <= self.pids
            self.pids |= below
        for pid, _, cpu in found:
            if pid in self.pids and (size := _memory(pid)) is not None:
                now, peak = size
                total += now
                # Renamed in every sample, because a shell becomes the program that it executes.
                name = self._names[pid] = _part(pid) or self._names.get(pid, "other")
                self._cpu[pid] = cpu
                self.peaks[name] = max(peak, self.peaks.get(name, 0.0))
        self.total = max(self.total, total)


def _processes() -> Iterator[tuple[int, int, float]]:
    """Yield pid, parent's pid and CPU seconds of every process."""
    ticks = os.sysconf("SC_CLK_TCK")
    for folder in _PROC.iterdir() if _PROC.is_dir() else ():
        if folder.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # The second field, the name, may contain spaces and brackets, so count from its end.
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                yield int(folder.name), int(fields[1]), (int(fields[11]) + int(fields[12])) / ticks


def _memory(pid: int) -> tuple[float, float] | None:
    """Return current and peak memory in MiB. None if the process has ended."""
    try:
        folder = _PROC / str(pid)
        text = (folder / "smaps_rollup").read_text(errors="replace") + (folder / "status").read_text(errors="replace")
    except OSError:
        return None
    sizes = {
        key: int(value.split()[0]) / 1024
        for key, _, value in (line.partition(":") for line in text.splitlines())
        if key in {"Pss", "VmHWM"}
    }
    return (sizes["Pss"], sizes["VmHWM"]) if len(sizes) == 2 else None


def _part(pid: int) -> str | None:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    return next((name for mark, name in _PARTS if mark in words), "other") if words else None
