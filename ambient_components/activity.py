"""The progress line: what a command waits for, and for how long. On standard error only.

On a terminal one line is redrawn while the command waits, and removed afterwards. Without a terminal a long wait gets
one plain line.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, TextIO

from ambient_components.printable import one_line

_DELAY: Final = 0.25
"""Seconds after the command's start at which the first line appears. A command that answers sooner has none."""

_TICK: Final = 0.2
"""Seconds between two redraws."""

_LONG: Final = 5.0
"""Seconds after which a wait gets a line where there is no terminal."""

_CLEAR: Final = "\r\033[K"


@dataclass(eq=False)
class Activity:
    """Something that the command waits for. The progress line reads it while it changes."""

    text: str
    began: float = field(default_factory=time.monotonic)
    reported: bool = False
    """Whether it has its plain line."""


class _Line:
    """The progress line of the process. It has a thread only while something is waited for."""

    def __init__(self) -> None:
        self.silent = 0
        self.plain = False
        """Whether to print plain lines without a terminal."""
        self.started = time.monotonic()
        self._lock = threading.Lock()
        self._active: list[Activity] = []
        self._wake: threading.Event | None = None
        self._drawn = False

    def begin(self, activity: Activity) -> None:
        stream = sys.stderr
        live = is_live(stream)
        with self._lock:
            self._active.append(activity)
            if self._wake is None and not self.silent and (live or self.plain):
                self._wake = threading.Event()
                threading.Thread(target=self._run, args=(stream, live, self._wake), daemon=True).start()

    def end(self, activity: Activity) -> None:
        with self._lock:
            self._active.remove(activity)
            if self._active or self._wake is None:
                return
            self._wake.set()
            self._wake = None
            if self._drawn:
                self._write(sys.stderr, _CLEAR)
                self._drawn = False

    def note(self, text: str) -> None:
        """Print a line above the progress line."""
        with self._lock:
            self._write(sys.stderr, f"{_CLEAR if self._drawn else ''}{text}\n")
            self._drawn = False

    def _run(self, stream: TextIO, live: bool, wake: threading.Event) -> None:
        pause = max(0.0, self.started + _DELAY - time.monotonic())
        while not wake.wait(pause):
            pause = _TICK
            with self._lock:
                if wake.is_set():
                    return
                if live:
                    self._draw(stream)
                else:
                    self._report(stream)

    def _draw(self, stream: TextIO) -> None:
        now = self._active[-1]
        width = shutil.get_terminal_size().columns - 1
        seconds = f" ... {time.monotonic() - now.began:.0f}s"
        self._write(stream, f"{_CLEAR}{one_line(now.text)[: max(width - len(seconds), 0)]}{seconds}")
        self._drawn = True

    def _report(self, stream: TextIO) -> None:
        for waiting in self._active:
            if not waiting.reported and time.monotonic() - waiting.began >= _LONG:
                waiting.reported = True
                self._write(stream, f"{one_line(waiting.text)} ...\n")

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        # A closed terminal must not end the run.
        with suppress(OSError, ValueError):
            stream.write(text)
            stream.flush()


_line: Final = _Line()


def is_live(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal on which a line can be redrawn."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def start(*, plain: bool) -> None:
    """Start with a new command.

    Args:
        plain: Whether a long wait gets a plain line where there is no terminal.
    """
    _line.plain, _line.started = plain, time.monotonic()


@contextmanager
def waiting(text: str) -> Iterator[Activity]:
    """Show the progress line during the block. In nested or parallel blocks the latest one is shown.

    Args:
        text: What is done, such as ``Reading the state of dev``.
    """
    activity = Activity(text)
    _line.begin(activity)
    try:
        yield activity
    finally:
        _line.end(activity)


def note(text: str) -> None:
    """Print a line to standard error while the progress line may be shown."""
    _line.note(text)


@contextmanager
def silent() -> Iterator[None]:
    """Show no progress line in the block, which shows its own progress."""
    _line.silent += 1
    try:
        yield
    finally:
        _line.silent -= 1
