"""Runs with forked Pythons: the same results as ordinary starts, and nothing left behind."""

from pathlib import Path

import pytest

from ambient_components.warm.protocol import SOCKET_VARIABLE
from tests.support.stacks import Result, Stack

FILE = "workspaces: {THIS: {protect: false, owners: ['user:ada@example.com'], grants: [{user: ben@example.com}]}}"


def left(stack: Stack) -> list[str]:
    """Language hosts, programs and plugins of this project that still run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if "ambient_components." in command and (process / "cwd").readlink() == stack.folder:
                found.append(command)
        except OSError:
            continue
    return found


def nothing_is_left(stack: Stack) -> None:
    stack.machine.until(lambda: not left(stack), "forked processes end with the command", seconds=10)


def page(shown: Result) -> list[str]:
    """A plan without its first line, which has the time, and without lines of progress, which slow runs have."""
    return [line for line in shown.text.splitlines()[1:] if not line.endswith("...")]


def add(stack: Stack, more: str) -> None:
    """Add to the project's own program."""
    path = stack.folder / "__main__.py"
    path.write_text(path.read_text() + more)


def test_a_run_with_and_without_warm_processes_comes_to_the_same(stack: Stack) -> None:
    stack.write(FILE)
    add(stack, "\nprint(open('/proc/self/cmdline').read().split(chr(0)))\n")
    deployed = stack.ambient("up", stack.name, "--yes", "--verbose").ok()
    assert "'ambient_components.warm.server'" in deployed.text
    warm = stack.ambient("plan", stack.name)
    stack.environment[SOCKET_VARIABLE] = "off"
    cold = stack.ambient("plan", stack.name)
    assert warm.code == cold.code == 0
    assert page(warm) == page(cold)
    nothing_is_left(stack)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("\nimport os\nos.kill(os.getpid(), 9)\n", "was killed"),
        ("\nraise RuntimeError('a bug')\n", "RuntimeError: a bug"),
        ("\nimport os\nos._exit(7)\n", "exit code: 7"),
    ],
)
def test_a_program_that_fails_fails_the_run_and_the_next_one_works(stack: Stack, end: str, said: str) -> None:
    stack.write(FILE)
    before = (stack.folder / "__main__.py").read_text()
    add(stack, end)
    failed = stack.ambient("up", stack.name, "--yes")
    assert failed.code == 1
    assert said in failed.text
    (stack.folder / "__main__.py").write_text(before)
    stack.ambient("up", stack.name, "--yes").ok()
    nothing_is_left(stack)
