"""Processes of running engines, and the signals Ctrl-C, SIGTERM and SIGHUP during the run.

Signals are counted here and handled by the main loop.
"""

import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from ambient_components.engine import texts
from ambient_components.engine.attaching import attach
from ambient_components.engine.command import environment, start
from ambient_components.errors import refusal
from ambient_components.fleet.run_events import Failure, Reported
from ambient_components.problem_json import decode

_ANSWERED = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)


class Interrupts:
    """Count interrupts while the context is active. Before and after it they have their usual effect."""

    def __init__(self) -> None:
        self.count = 0
        self._event = threading.Event()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _ANSWERED:
            if number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            self._before[number] = signal.signal(number, self._one_more)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self, seconds: float) -> None:
        """Wait for some seconds or until the next interrupt or `wake`."""
        self._event.wait(seconds)
        self._event.clear()

    def wake(self) -> None:
        self._event.set()

    def _one_more(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.count += 1
        self._event.set()


_KEPT: Final = 20_000
"""Maximum characters that are kept of the output other than events."""


class Child:
    """A running engine.

    Args:
        environ: The complete environment.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str], reported: Reported) -> None:
        self.reported = reported
        self.started = time.monotonic()
        self._reported: list[str] = []
        environ = environment(environ)  # of the program too
        self._warm = attach(arguments, folder, environ)
        try:
            self._process = start([*arguments, *self._warm.flags], folder, self._warm.environment(environ))
        except BaseException:
            self._warm.close()
            raise
        self._errors = threading.Thread(target=self._listen, daemon=True)
        self._errors.start()

    @property
    def output(self) -> str:
        """The output other than events, such as why the engine did not start."""
        return "\n".join([*self.reported.other, "".join(self._reported).strip()]).strip()

    def wait(self) -> int:
        """Read the output until the process ends. Return the exit code, negative for a signal."""
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        with closing(self._warm):
            for line in self._process.stdout:
                self.reported.take(line)
            code = self._process.wait()
        self._errors.join(timeout=5)
        if code != 0 and not self.reported.failures:
            self._explain(code)
        return code

    def interrupt(self) -> None:
        """Let the engine finish the current steps and write its state."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill the engine and all its children at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _explain(self, code: int) -> None:
        """Add a failure for an exit that no event explains."""
        if texts.is_locked(self.output):
            return  # told by `locks`, with the way out
        if self.reported.canceled:
            return
        text = texts.reason(self.output) or f"exit code {code}"
        if code < 0:
            text = f"the engine was killed ({signal.Signals(-code).name}): what it did is not on record"
        for problem in (code > 0 and decode(self.output)) or (texts.explained(self.output) or refusal(text),):
            self.reported.failures.setdefault(Failure("", "", problem))

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101  # it is a pipe
        kept = 0
        for line in self._process.stderr:
            if kept < _KEPT:
                kept += len(line)
                self._reported.append(line)


def answer(children: Iterable[Child], time_of: int, those: str) -> str:
    """Act on an interrupt, and return what it means: interrupt the engines, warn, then kill them.

    Args:
        time_of: Which interrupt it is, from 1.
        those: What runs, such as `2 shards`.
    """
    if time_of == 1:
        for child in children:
            child.interrupt()
        return f"interrupted: no new step starts; waiting for {those} to end the steps in progress and write the state"
    if time_of == 2:
        return f"still waiting for {those}; the next Ctrl-C kills the engine, and its last steps are not recorded"
    for child in children:
        child.kill()
    return f"killed: {those}"
