"""The `pulumi` command. This is the only module that starts it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, Self

from ambient_components import activity, problem_json
from ambient_components.engine import texts
from ambient_components.engine.attaching import attach
from ambient_components.errors import AmbientError, Problem, refusal, stop


class Answer(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Engine:
    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.folder = folder
        self.environ: Mapping[str, str] = environ

    def with_backend(self, url: str) -> Self:
        return self.with_environ({"PULUMI_BACKEND_URL": url})

    def with_environ(self, more: Mapping[str, str]) -> Self:
        return type(self)(self.folder, {**self.environ, **more})

    def arguments(self, given: tuple[str, ...]) -> tuple[str, ...]:
        return given

    def environment(self, arguments: tuple[str, ...]) -> dict[str, str]:  # noqa: ARG002  # for subclasses
        return environment(self.environ)

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        if ask:
            # On the terminal, where it asks for a new passphrase. It changes nothing that Ctrl-C could leave behind.
            command, environ = [program(self.environ), *arguments], plain_environment(self.environ)
            code = subprocess.run(command, cwd=self.folder, env=environ, check=False).returncode  # noqa: S603
            if code != 0:
                stop(f"`pulumi {' '.join(arguments)}` failed (exit code {code})")
            return ""
        done = self.attempt(*arguments, stdin=stdin)
        if done.code != 0:
            failed(arguments, done)
        return done.stdout

    def attempt(self, *arguments: str, stdin: str | None = None) -> Answer:
        """Run a command and return its output, successful or not."""
        environ = self.environment(arguments)  # may ask for the passphrase, which a progress line would hide
        given = self.arguments(arguments)  # with the config file of a shard
        with activity.waiting(phase(arguments)), closing(attach(given, self.folder, environ)) as warm:
            done = subprocess.run(  # noqa: S603
                [program(self.environ), *given, *warm.flags, *_QUIETLY],
                cwd=self.folder,
                env=warm.environment(environ),
                # Not the terminal's: an unseen prompt would wait forever.
                input=stdin or "",
                capture_output=True,
                text=True,
                check=False,
            )
        return Answer(done.returncode, done.stdout, done.stderr)


_QUIETLY = ("--non-interactive", "--color=never")


def start(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a command in a session of its own: the caller passes Ctrl-C on to it, and not to its plugins."""
    return subprocess.Popen(  # noqa: S603
        [program(environ), *arguments, *_QUIETLY], cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip


def shown(
    arguments: Sequence[str], folder: Path, environ: Mapping[str, str], show: Callable[[Iterable[str]], None]
) -> int:
    """Run a command to its end, pass on its output line by line, and return its exit code.

    Ctrl-C reaches the command too. It finishes its steps and releases its lock, so this function waits for it. SIGTERM
    is passed on to the command.
    """
    signals: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with subprocess.Popen(  # noqa: S603
        [program(environ), *arguments], cwd=folder, env=plain_environment(environ), stdin=subprocess.DEVNULL,
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
    """Return the environment for a command with parsed output: our problems come as data."""
    return {**plain_environment(given), problem_json.VARIABLE: problem_json.AS_JSON}


def plain_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a command with visible output: problems come as text, without news of versions."""
    variables = {**given, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    variables.pop(problem_json.VARIABLE, None)
    return variables


def program(environ: Mapping[str, str] = os.environ) -> str:
    path = shutil.which("pulumi", path=environ.get("PATH"))
    if path is None:
        stop("there is no `pulumi` on PATH", "install it: https://www.pulumi.com/docs/install/")
    return path


class CommandError(AmbientError):
    """A failed command of the engine."""

    def __init__(self, problems: Iterable[Problem], output: str) -> None:
        super().__init__(problems)
        self.output = output


def failed(arguments: tuple[str, ...], answer: Answer) -> NoReturn:
    output, command = answer.stderr or answer.stdout, f"`pulumi {' '.join(arguments)}`"
    if problems := problem_json.decode(output):
        raise CommandError([refusal(f"{command} failed"), *problems], output)
    if explained := texts.explained(output):
        raise CommandError([explained], output)
    raise CommandError([refusal(f"{command} failed: {texts.reason(output) or f'exit code {answer.code}'}")], output)


_WORDS: Final = {
    ("stack", "export"): "Reading the state",
    ("stack", "import"): "Writing the state",
    ("stack", "output"): "Reading the outputs",
    ("stack", "ls"): "Listing the stacks",
    ("preview",): "Previewing",
    ("up",): "Deploying",
    ("refresh",): "Refreshing the state",
    ("destroy",): "Destroying",
    ("cancel",): "Unlocking",
}


def phase(arguments: Sequence[str]) -> str:
    words = _WORDS.get(tuple(arguments[:2])) or _WORDS.get(tuple(arguments[:1]))
    if words is None:
        return f"Running pulumi {' '.join(arguments[:2])}"
    if "--stack" not in arguments[:-1]:
        return words
    stack = arguments[arguments.index("--stack") + 1]
    return f"{words} of {stack}" if "the " in words else f"{words} {stack}"
