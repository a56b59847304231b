"""Processes of running engines, the signals during the run, and a run of one stack that is shown to a person.

Ctrl-C, SIGTERM and SIGHUP are counted here and handled by the main loop.
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Final, Self, TextIO

from ambient_components import activity
from ambient_components.engine import texts
from ambient_components.engine.attaching import attach
from ambient_components.engine.command import environment, phase, start
from ambient_components.errors import AmbientError, refusal
from ambient_components.fleet.locks import note_of, run_despite_dead
from ambient_components.fleet.run_events import Failure, Reported
from ambient_components.problem_json import decode
from ambient_components.stacks.pulumi import PulumiEngine
from ambient_components.warm import client

_ANSWERED = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)

_LOOK: Final = 0.2
"""Seconds between two looks at the running engines."""


class Interrupts:
    """Count interrupts while the context is active. Before and after it they have their usual effect."""

    def __init__(self) -> None:
        self.count = 0
        self._answered = 0
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

    def wait(self) -> Iterator[int]:
        """Wait a moment, and yield the number of each interrupt that was not yielded before: the first one is 1."""
        self._event.wait(_LOOK)
        self._event.clear()
        while self._answered < self.count:
            self._answered += 1
            yield self._answered

    def wake(self) -> None:
        self._event.set()

    def _one_more(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.count += 1
        self._event.set()


_KEPT: Final = 20_000
"""Maximum characters that are kept of the output other than events."""


class Child:
    begun: ClassVar[int] = 0
    """Number of engines that this process has started."""

    def __init__(self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str], reported: Reported) -> None:
        Child.begun += 1
        self.reported = reported
        self._reported: list[str] = []
        environ = environment(environ)  # of the program too
        self._note = note_of(folder, arguments[[*arguments].index("--stack") + 1], environ)
        self._note.begin()
        self._warm = attach(arguments, folder, environ)
        try:
            self._process = start([*arguments, *self._warm.flags], folder, self._warm.environment(environ))
        except BaseException:
            self._warm.close()
            self._note.ended()
            raise
        self._note.started(self._process.pid, *client.sessions())
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
        if code >= 0 and not texts.may_leave_lock(self.output):
            self._note.ended()
            if self.reported.began:  # it had the lock, so nothing that died before has one
                self._note.forget(())
        if code != 0 and not self.reported.failures:
            self._explain(code)
        return code

    def interrupt(self) -> None:
        """Let the engine finish the current steps and write its state."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
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
    """Act on the first or a later interrupt, and return what it means: interrupt the engines, warn, then kill them."""
    if time_of == 1:
        for child in children:
            child.interrupt()
        return f"interrupted: no new step starts; waiting for {those} to end the steps in progress and write the state"
    if time_of == 2:
        return f"still waiting for {those}; the next Ctrl-C kills the engine, and its last steps are not recorded"
    for child in children:
        child.kill()
    return f"killed: {those}"


# One stack, shown to a person.


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


def carry_out(
    engine: PulumiEngine, verb: str, stack: str, *flags: str, verbose: bool = False, reviewed: bool = False
) -> Ended:
    """Run `pulumi up`, `refresh` or `destroy` without a preview and wait for its end.

    The first Ctrl-C lets the engine finish its steps and write its state. The third one kills it. The log of a complete
    run is deleted. The lock of a dead run is taken over, but not to destroy, which would leave what that run made and
    never recorded, and not for a reviewed plan, which says nothing of what a refresh finds.
    """
    begun = time.monotonic()
    words = [
        *engine.arguments((verb, "--yes", "--skip-preview", "--json", "--suppress-outputs", *flags, "--stack", stack))
    ]
    # Also a passphrase that was typed. `Child` takes it as the whole environment.
    environ = engine.environment((verb, "--stack", stack))
    handle, path = tempfile.mkstemp(prefix=f"ambient-{verb}-{stack.replace('/', '-')}-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log, Interrupts() as interrupts:
        tries: list[tuple[Logged, Child, int]] = []

        def attempt() -> str:
            """Run the engine, and return its output if it did not even begin. Not again after an interrupt."""
            if tries and interrupts.count:
                return ""
            reported = Logged(log=log, shown=verbose)
            child = Child(words, engine.folder, environ, reported)
            code = _waited(child, phase((verb, "--stack", stack)), stack, interrupts)
            reported.write(line for line in child.output.splitlines() if line not in reported.other)
            tries.append((reported, child, code))
            return "" if code == 0 or reported.began else child.output

        def unlock() -> bool:
            if interrupts.count:
                return False
            if verb == "up" and "--refresh" not in words:
                words.append("--refresh")  # the dead run may have deleted what is still in the state
            return engine.attempt("cancel", "--yes", "--stack", stack).code == 0

        def say(text: str) -> None:
            activity.note(f"ambient: {stack}: {text}")

        try:
            if reviewed or verb == "destroy":
                attempt()
            else:
                run_despite_dead(note_of(engine.folder, stack, environ), attempt, unlock, say)
        except AmbientError:
            Path(path).unlink(missing_ok=True)
            raise
        reported, child, code = tries[-1]
        reported.close()
    interrupted = interrupts.count > 0 and code != 0
    ended = Ended(verb, stack, reported, code, interrupted, child.output, time.monotonic() - begun, path)
    if ended.complete:
        Path(path).unlink(missing_ok=True)
    return ended


def _waited(child: Child, doing: str, stack: str, interrupts: Interrupts) -> int:
    codes: list[int] = []

    def wait() -> None:
        try:
            codes.append(child.wait())
        finally:
            interrupts.wake()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    with activity.waiting(doing) as line:
        while thread.is_alive():
            for time_of in interrupts.wait():
                activity.note(f"ambient: {answer([child], time_of, stack)}")
            waits = f"Waiting for the steps in progress of {stack}: {child.reported.step}"
            line.text = waits if interrupts.count else progress(doing, child.reported)
    thread.join()
    return codes[0] if codes else 1


def progress(doing: str, reported: Reported) -> str:
    done = f": {reported.done} resource{'' if reported.done == 1 else 's'} done" if reported.done else ""
    return f"{doing}{done}{', ' if done and reported.step else ''}{reported.step if done else ''}"
