"""One engine over one shard: a process in a session of its own, listened to while it runs."""

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ambient_components.cli.fleets.events import Failure, Told
from ambient_components.engine import texts
from ambient_components.engine.command import start
from ambient_components.errors import refusal
from ambient_components.problem_json import decode

_KEPT: Final = 20_000
"""Characters of what it says beside its events."""


class Child:
    """A process, from its start to its end.

    Args:
        arguments: of the engine's command.
        folder: where it runs.
        environ: its whole environment.
        told: takes what it says.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str], told: Told) -> None:
        self.told = told
        self.started = time.monotonic()
        self._said: list[str] = []
        self._process = start(arguments, folder, environ)
        self._errors = threading.Thread(target=self._listen, daemon=True)
        self._errors.start()

    @property
    def said(self) -> str:
        """What it said beside its events: why it did not begin, for instance."""
        return "\n".join([*self.told.other, "".join(self._said).strip()]).strip()

    def wait(self) -> int:
        """Listens to its end; returns the exit code, negative for a signal."""
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        for line in self._process.stdout:
            self.told.take(line)
        code = self._process.wait()
        self._errors.join(timeout=5)
        if code != 0 and not self.told.failures:
            self._explain(code)
        return code

    def interrupt(self) -> None:
        """Lets it end the steps under way, and write its state."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Ends it and all that it started, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _explain(self, code: int) -> None:
        """A failure that no event tells of."""
        if texts.is_locked(self.said):
            return  # told by `locks`, with the way out
        if self.told.canceled:
            return
        text = texts.reason(self.said) or f"exit code {code}"
        if code < 0:
            text = f"the engine was killed ({signal.Signals(-code).name}): what it did is not on record"
        for problem in (code > 0 and decode(self.said)) or (refusal(text),):
            self.told.failures.setdefault(Failure("", "", problem))

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101  # it is a pipe
        kept = 0
        for line in self._process.stderr:
            if kept < _KEPT:
                kept += len(line)
                self._said.append(line)
