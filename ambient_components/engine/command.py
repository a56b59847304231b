"""The `pulumi` program: the only module that starts it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol, Self

from ambient_components import problem_json
from ambient_components.engine import texts
from ambient_components.errors import AmbientError, fail, refusal


class Answer(NamedTuple):
    """What a command that may fail came to."""

    code: int
    stdout: str
    stderr: str


class Engine(Protocol):
    """What the verbs need of it; tests put a fake in its place."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment that it runs in."""

    def with_backend(self, url: str) -> "Engine":
        """The same, with its state elsewhere."""

    def with_environ(self, more: Mapping[str, str]) -> "Engine":
        """The same, with more in its environment."""

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        """Runs a command and returns what it printed; with `ask` it talks to the terminal itself and returns nothing.

        Raises:
            AmbientError: it failed, in its own words.
        """

    def attempt(self, *arguments: str) -> Answer:
        """Runs a command that says something also where it fails, such as a preview that is refused."""


class Pulumi:
    """The program on PATH, asked for answers; for a secret only by who wants to see a key.

    Args:
        folder: the project's.
        environ: the whole environment for it.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.folder = folder
        self.environ: Mapping[str, str] = environ

    def with_backend(self, url: str) -> Self:
        """The same program with its state elsewhere, whatever it is logged in to."""
        return self.with_environ({"PULUMI_BACKEND_URL": url})

    def with_environ(self, more: Mapping[str, str]) -> Self:
        """The same program with more in its environment."""
        return type(self)(self.folder, {**self.environ, **more})

    def arguments(self, given: tuple[str, ...]) -> tuple[str, ...]:
        """The arguments of a command as the program gets them."""
        return given

    def environment(self) -> dict[str, str]:
        """The whole environment of the program."""
        return environment(self.environ)

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        """Runs one command of it."""
        if ask:
            code = self._attached([program(self.environ), *self.arguments(arguments)])
            if code != 0:
                fail(None, "", f"`pulumi {' '.join(arguments)}` failed (exit code {code})")
            return ""
        done = self._done(arguments, stdin)
        if done.code != 0:
            failed(arguments, done)
        return done.stdout

    def attempt(self, *arguments: str) -> Answer:
        """Runs one command of it, and returns what it printed however it ended."""
        return self._done(arguments, None)

    def _done(self, arguments: tuple[str, ...], stdin: str | None) -> Answer:
        done = subprocess.run(  # noqa: S603
            [program(self.environ), *self.arguments(arguments), *_QUIETLY],
            cwd=self.folder,
            env=self.environment(),
            # Never the terminal's: an unseen question would wait for an answer forever.
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def _attached(self, command: list[str]) -> int:
        """Runs it at the terminal, and returns its exit code.

        Ctrl-C reaches it as well, and is its to answer: it ends the step under way, writes it down and gives its lock
        back, in its own time. Killed in the middle, it would leave objects without a record.

        Raises:
            KeyboardInterrupt: there was one, and the program has ended.
        """
        interrupted = False

        def wait_on(*_: object) -> None:
            nonlocal interrupted
            interrupted = True

        environ = self.environment()
        # A person reads what it prints.
        environ.pop(problem_json.VARIABLE, None)
        with subprocess.Popen(command, cwd=self.folder, env=environ) as process:  # noqa: S603
            # Only now: a program inherits what is ignored.
            before = signal.signal(signal.SIGINT, wait_on)
            try:
                code = process.wait()
            finally:
                signal.signal(signal.SIGINT, before)
        if interrupted:
            raise KeyboardInterrupt
        return code


_QUIETLY = ("--non-interactive", "--color=never")


def start(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Starts a command of the program, and returns at once: for what goes on beside it.

    It has a session of its own: Ctrl-C of the terminal comes to us alone, to be handed on to it and not to its plugins,
    which it ends itself once they are done.

    Args:
        arguments: of the command.
        folder: the project's.
        environ: the whole environment for it.

    Raises:
        AmbientError: there is no such program.
    """
    return subprocess.Popen(  # noqa: S603
        [program(environ), *arguments, *_QUIETLY], cwd=folder, env=environment(environ), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip


def shown(
    arguments: Sequence[str], folder: Path, environ: Mapping[str, str], show: Callable[[Iterable[str]], None]
) -> int:
    """Run a command of the program to its end, with all that it prints handed on line by line; return its exit code.

    Ctrl-C reaches it as well, as it is in the same terminal, and makes it end its steps in good order: it is waited
    for, since what it would leave behind is a lock and half of a state. A SIGTERM is handed on to it.

    Args:
        arguments: of the command.
        folder: the project's.
        environ: the whole environment for it.
        show: takes the lines.

    Raises:
        AmbientError: there is no such program.
    """
    signals: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with subprocess.Popen(  # noqa: S603
        [program(environ), *arguments], cwd=folder, env=environment(environ), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
    ) as child:  # fmt: skip

        def note(number: int, _: object) -> None:
            signals.append(number)
            if number == signal.SIGTERM:
                child.terminate()

        try:
            for number in handlers:
                signal.signal(number, note)
            show(child.stdout or ())
            code = child.wait()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return 128 + signals[0] if signals else code


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the program: without its check for a newer version, and with our problems as data."""
    return {**given, "PULUMI_SKIP_UPDATE_CHECK": "true", problem_json.VARIABLE: problem_json.AS_JSON}


def program(environ: Mapping[str, str] = os.environ) -> str:
    """Where the program is.

    Raises:
        AmbientError: it is not on PATH.
    """
    found = shutil.which("pulumi", path=environ.get("PATH"))
    if found is None:
        fail(
            None,
            "",
            "there is no `pulumi` on PATH",
            'install it (https://www.pulumi.com/docs/install/), or use the sandbox\'s: eval "$(make -s env)"',
        )
    return found


def failed(arguments: tuple[str, ...], answer: Answer) -> NoReturn:
    """Say of a command why it failed, in its own words.

    Raises:
        AmbientError: Always.
    """
    said, command = answer.stderr or answer.stdout, f"`pulumi {' '.join(arguments)}`"
    if found := problem_json.decode(said):
        raise AmbientError([refusal(f"{command} failed"), *found])
    fail(None, "", f"{command} failed: {texts.reason(said) or f'exit code {answer.code}'}")
