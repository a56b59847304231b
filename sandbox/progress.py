"""Progress of builds: a live line on a terminal, plain lines with a heartbeat elsewhere.

A silent build of minutes looks hung, both in a terminal and in a CI log. A spinner in a CI log is noise.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.status import Status

HEARTBEAT_SECONDS = 8.0
"""Longest silence of a step where there is no terminal, also of a download that stalls."""


class Tick(Protocol):
    """Shows that a step goes on, with what it has achieved so far."""

    def __call__(self, detail: str = "") -> None: ...


def spell(seconds: float) -> str:
    """Return a duration in the form 42s or 3m07s."""
    whole = int(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m{whole % 60:02d}s"


def minutes(seconds: float) -> str:
    """Return an estimate in whole minutes: "about 3 min"."""
    return f"about {round(seconds / 60)} min" if seconds >= 90 else "about a minute"


class Pace:
    """Estimates the time of builds: from figures of another machine at first, then from this machine's own builds."""

    def __init__(self, cores: int) -> None:
        self._factor = 1 / cores
        self._known = self._spent = 0.0

    def estimate(self, cpu_seconds: float) -> float:
        """Return the seconds that a build of so many CPU seconds will take here."""
        return cpu_seconds * self._factor

    def learn(self, cpu_seconds: float, used: float, seconds: float) -> None:
        """Take a finished build into account. One that Go's cache mostly had tells nothing.

        Args:
            cpu_seconds: The CPU time that was expected.
            used: The CPU time that it took.
            seconds: How long it took.
        """
        if used >= cpu_seconds / 2:
            self._known += cpu_seconds
            self._spent += seconds
            self._factor = self._spent / self._known


class Progress:
    """Reports steps. The worker calls the given tick a few times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Print one plain line without wrapping, so paths stay whole."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str, hint: str = "") -> Iterator[Tick]:
        """Report one step from start to end, with its duration."""
        started = time.monotonic()
        suffix = f" ({hint})" if hint else ""
        if self._console.is_terminal:
            with self._console.status(f"{text}{suffix}") as status:
                yield self._live(status, text, suffix, started)
        else:
            self.say(f"{text}{suffix} ...")
            with self._heartbeat(text, suffix, started) as tick:
                yield tick
        self.say(f"{text}: done in {spell(time.monotonic() - started)}")

    def _live(self, status: Status, text: str, suffix: str, started: float) -> Tick:
        shown = ""

        def tick(detail: str = "") -> None:
            nonlocal shown
            now = spell(time.monotonic() - started)
            if now != shown:
                shown = now
                # Escaped, because "[2/5]" would be parsed as markup.
                more = f", {detail}" if detail else suffix
                status.update(f"{text}, {now}{more}".replace("[", r"\["))

        return tick

    @contextmanager
    def _heartbeat(self, text: str, suffix: str, started: float) -> Iterator[Tick]:
        more, ended = suffix, threading.Event()

        def tick(detail: str = "") -> None:
            nonlocal more
            more = f", {detail}" if detail else suffix

        def beat() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                self.say(f"{text}: still at it after {spell(time.monotonic() - started)}{more}")

        threading.Thread(target=beat, daemon=True).start()
        try:
            yield tick
        finally:
            ended.set()
