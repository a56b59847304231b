"""The `pulumi` program, as the commands use it: asked for answers; for a secret only by who wants to see a key."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from ambient_components.errors import AmbientError, fail
from ambient_components.shards.hold import HOLD_VARIABLE

_CONFIGURED: Final = frozenset({"up", "preview", "refresh", "destroy", "config"})
"""Commands that read a stack's config, and take the name of its file."""

_CONFIG_FILE: Final = "--config-file"


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


class PulumiEngine:
    """The program on PATH.

    Args:
        folder: the project's.
        environ: the whole environment for it.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self.environ: Mapping[str, str] = environ

    def with_backend(self, url: str) -> "PulumiEngine":
        """The same program with its state elsewhere, whatever it is logged in to."""
        return PulumiEngine(self._folder, {**self.environ, "PULUMI_BACKEND_URL": url})

    def with_environ(self, more: Mapping[str, str]) -> "PulumiEngine":
        """The same program with more in its environment."""
        return PulumiEngine(self._folder, {**self.environ, **more})

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        """Runs one command of it."""
        if ask:
            code = self._attached([self._program(), *self._configured(arguments)])
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
            [self._program(), *self._configured(arguments), "--non-interactive", "--color=never"],
            cwd=self._folder,
            env=self._environ(),
            # Never the terminal's: a question that nobody sees would wait for ever.
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def _configured(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """The arguments, with the config of the fleet where they name one of its shards, which has none of its own."""
        if arguments[0] not in _CONFIGURED or "--stack" not in arguments[:-1] or _CONFIG_FILE in arguments:
            return arguments
        from ambient_components.cli.project import Project  # noqa: PLC0415
        from ambient_components.shards import split_shard  # noqa: PLC0415

        stack = arguments[arguments.index("--stack") + 1]
        if split_shard(stack) is None:
            return arguments
        project = Project.find(self._folder)
        if project.shard_of(stack) is None:
            return arguments
        return (*arguments, _CONFIG_FILE, str(project.config_file(stack)))

    def _attached(self, command: list[str]) -> int:
        """Runs it at the terminal, and returns its exit code.

        Ctrl-C reaches it as well, and is its to answer: it ends the step under way, writes it down and gives its lock
        back, in its own time. Killed in the middle it would leave what nobody has on record.

        Raises:
            KeyboardInterrupt: there was one, and the program has ended.
        """
        interrupted = False

        def wait_on(*_: object) -> None:
            nonlocal interrupted
            interrupted = True

        with subprocess.Popen(command, cwd=self._folder, env=self._environ()) as process:  # noqa: S603
            # Only now: a program inherits what is ignored.
            before = signal.signal(signal.SIGINT, wait_on)
            try:
                code = process.wait()
            finally:
                signal.signal(signal.SIGINT, before)
        if interrupted:
            raise KeyboardInterrupt
        return code

    def _environ(self) -> dict[str, str]:
        environ = {**self.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        # A run over a fleet alone holds workspaces, by flags beside it: without them this would hide every rail.
        environ.pop(HOLD_VARIABLE, None)
        return environ

    def _program(self) -> str:
        program = shutil.which("pulumi", path=self.environ.get("PATH"))
        if program is None:
            fail(
                None,
                "",
                "there is no `pulumi` on PATH",
                'install it (https://www.pulumi.com/docs/install/), or use the sandbox\'s: eval "$(make -s env)"',
            )
        return program


def failed(arguments: tuple[str, ...], answer: Answer) -> NoReturn:
    """Say of a command why it failed, in its own words.

    Raises:
        AmbientError: Always.
    """
    said = _reason(answer.stderr or answer.stdout)
    fail(None, "", f"`pulumi {' '.join(arguments)}` failed: {said or f'exit code {answer.code}'}")


def _reason(output: str) -> str:
    """What it said, without its prefix and its warnings, on one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("warning:")]
    return re.sub(r"^error: ", "", "; ".join(lines))


def current_backend(engine: Engine) -> str | None:
    """Where the state lies now: of PULUMI_BACKEND_URL, Pulumi.yaml or the login, in Pulumi's own order; None: nowhere.

    Raises:
        AmbientError: there is a login, and it does not work.
    """
    try:
        return str(json.loads(engine.run("whoami", "--json"))["url"])
    except AmbientError as error:
        if "logging in" in str(error) or "PULUMI_ACCESS_TOKEN" in str(error):
            return None
        raise


def stacks(engine: Engine) -> set[str]:
    """Names of the project's stacks in the backend, each as it is there and without its organisation."""
    names = {str(item["name"]) for item in json.loads(engine.run("stack", "ls", "--json"))}
    return names | {name.rsplit("/", 1)[-1] for name in names}


def has_stack(engine: Engine, stack: str) -> bool:
    """Whether the backend has this stack, of this project."""
    return stack in stacks(engine)


def export(engine: Engine, stack: str) -> dict[str, Any]:
    """A stack's state, secrets encrypted."""
    exported: dict[str, Any] = json.loads(engine.run("stack", "export", "--stack", stack))
    return exported


def output(engine: Engine, stack: str, name: str) -> str | None:
    """A secret output, decrypted; None where the stack has none of that name.

    Raises:
        AmbientError: the state can't be read, or not be decrypted.
    """
    values = json.loads(engine.run("stack", "output", "--json", "--show-secrets", "--stack", stack) or "{}")
    value = values.get(name)
    return None if value is None else str(value)
