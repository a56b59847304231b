"""A run of one stack that is shown to a person: progress, Ctrl-C, and a log of the engine's output."""

import os
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from ambient_components import activity
from ambient_components.engine import texts
from ambient_components.engine.command import phase
from ambient_components.errors import AmbientError
from ambient_components.fleet.processes import Child, Interrupts, answer
from ambient_components.fleet.run_events import Reported
from ambient_components.stacks.pulumi import PulumiEngine

_LOOK: Final = 0.2
"""Seconds between two looks at the running engine."""


@dataclass
class Logged(Reported):
    """The events of a run, with a readable line for each in a log. Values of resources are not logged."""

    log: TextIO | None = field(default=None, repr=False)
    shown: bool = False
    """Whether the lines are also printed, to standard error."""

    def take(self, line: str) -> list[str]:
        lines = super().take(line)
        self.write(lines)
        return lines

    def write(self, lines: Iterable[str]) -> None:
        """Write lines to the log. On a full disk the log ends, and the run goes on."""
        written = [*lines]
        if self.shown:
            for line in written:
                activity.note(line)
        if self.log is None:
            return
        try:
            self.log.writelines(f"{line}\n" for line in written)
            self.log.flush()
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the log, whatever the disk says."""
        log, self.log = self.log, None
        if log is not None:
            with suppress(OSError):
                log.close()


@dataclass(frozen=True, slots=True)
class Ended:
    verb: str
    """up, refresh or destroy."""
    stack: str
    reported: Reported
    code: int
    """The engine's exit code, negative for a signal."""
    interrupted: bool
    """Whether Ctrl-C ended the run. False if the run was complete."""
    output: str
    """The engine's output other than events."""
    seconds: float
    log: str
    """The path of the log."""

    @property
    def complete(self) -> bool:
        """Whether all that was begun succeeded and is on record, also of an interrupted run."""
        if self.code == 0:
            return True
        # With PULUMI_CONTINUE_ON_ERROR, steps may have failed before Ctrl-C.
        return self.interrupted and self.code > 0 and not self.reported.failures and not texts.is_locked(self.output)


def carry_out(engine: PulumiEngine, verb: str, stack: str, *flags: str, verbose: bool = False) -> Ended:
    """Run `pulumi up`, `refresh` or `destroy` without a preview and wait for its end.

    The first Ctrl-C lets the engine finish its steps and write its state. The third one kills it. The log of a complete
    run is deleted.

    Args:
        verbose: Whether to print the lines of the log as they come.
    """
    begun = time.monotonic()
    words = engine.arguments(
        (verb, "--yes", "--skip-preview", "--json", "--suppress-outputs", *flags, "--stack", stack)
    )
    # Also a passphrase that was typed. `Child` takes it as the whole environment.
    environ = engine.environment((verb, "--stack", stack))
    handle, path = tempfile.mkstemp(prefix=f"ambient-{verb}-{stack.replace('/', '-')}-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log, Interrupts() as interrupts:
        reported = Logged(log=log, shown=verbose)
        try:
            child = Child(words, engine.folder, environ, reported)
        except AmbientError:
            Path(path).unlink(missing_ok=True)
            raise
        code = _waited(child, phase((verb, "--stack", stack)), stack, interrupts)
        reported.write(line for line in child.output.splitlines() if line not in reported.other)
        reported.close()
    interrupted = interrupts.count > 0 and code != 0
    ended = Ended(verb, stack, reported, code, interrupted, child.output, time.monotonic() - begun, path)
    if ended.complete:
        Path(path).unlink(missing_ok=True)
    return ended


def _waited(child: Child, doing: str, stack: str, interrupts: Interrupts) -> int:
    """Wait for the engine, show progress, and answer Ctrl-C."""
    codes: list[int] = []

    def wait() -> None:
        try:
            codes.append(child.wait())
        finally:
            interrupts.wake()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    answered = 0
    with activity.waiting(doing) as line:
        while thread.is_alive():
            interrupts.wait(_LOOK)
            while answered < interrupts.count:
                answered += 1
                activity.note(f"ambient: {answer([child], answered, stack)}")
            waits = f"Waiting for the steps in progress of {stack}: {child.reported.step}"
            line.text = waits if answered else progress(doing, child.reported)
    thread.join()
    return codes[0] if codes else 1


def progress(doing: str, reported: Reported) -> str:
    """Return the text of the progress line."""
    done = f": {reported.done} resource{'' if reported.done == 1 else 's'} done" if reported.done else ""
    return f"{doing}{done}{', ' if done and reported.step else ''}{reported.step if done else ''}"
