"""Runs of `ambient` that are killed, with what they started or without it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from tests.support.machine import Machine
from tests.support.stacks import PATIENCE, REPOSITORY, Result

WHO: Final = ("ambient", "engine", "both", "group", "all")
"""Whom a kill meets: the command, its engine, both, the command's process group, or all that it started."""


class Checkout(Protocol):
    """A project's folder."""

    machine: Machine
    folder: Path
    environment: dict[str, str]


class Run:
    """A run of `ambient` beside the test."""

    def __init__(self, checkout: Checkout, *words: str, more: Mapping[str, str] | None = None) -> None:
        self._machine = checkout.machine
        self.log = checkout.folder / f"run-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(REPOSITORY / ".venv" / "bin" / "ambient"), *words],
                cwd=checkout.folder, env={**checkout.environment, **(more or {})}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> Result:
        code = self.process.wait(timeout=PATIENCE)
        text = self.log.read_text()
        self._machine.outputs.append(text)
        return Result(code, text)

    def kill(self, who: str) -> None:
        """Kill them at once. What is left of a dead engine ends by itself, as after any crash."""
        started = dict(_started(self.process.pid))
        engines = [pid for pid, words in started.items() if words[:1] and Path(words[0]).name == "pulumi"]
        pids = {
            "ambient": [self.process.pid],
            "engine": engines,
            "both": [self.process.pid, *engines],
            "group": [self.process.pid],
            "all": [self.process.pid, *started],
        }[who]
        if who == "group":
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)


@contextmanager
def killable(checkout: Checkout, *words: str, more: Mapping[str, str] | None = None) -> Iterator[Run]:
    run = Run(checkout, *words, more=more)
    try:
        yield run
    finally:
        if not run.ended:
            run.kill("all")


def _started(pid: int) -> Iterator[tuple[int, list[str]]]:
    """Yield all processes that one has started, also those that these have, with their command lines."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.name))
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            words: list[str] = []
            with suppress(OSError):
                words = (Path("/proc") / str(child) / "cmdline").read_bytes().decode(errors="replace").split("\0")
            yield child, words
            waiting.append(child)
