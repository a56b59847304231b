"""Starting `pulumi`: what it prints while it runs, and how it is ended."""

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from ambient_components.engine.command import shown
from ambient_components.errors import AmbientError


def pulumi(folder: Path, script: str) -> dict[str, str]:
    """The environment with a program of this name on its PATH."""
    path = folder / "pulumi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def test_both_streams_are_shown_line_by_line_and_the_exit_code_is_kept(tmp_path: Path) -> None:
    environ = pulumi(
        tmp_path, 'echo "$@"; pwd; echo broken >&2; cat; echo "$PULUMI_SKIP_UPDATE_CHECK$AMBIENT_PROBLEMS"; exit 7'
    )
    lines: list[str] = []
    assert shown(["up", "--yes"], tmp_path, environ, lines.extend) == 7
    assert lines == ["up --yes\n", f"{tmp_path}\n", "broken\n", "true\n"]


# Written without a buffer: the signal may come before a `print` has returned, and a handler can't print within it.
ENDS = """
import os, signal, sys, time

def end(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(1, b"ended\\n")
    sys.exit()

signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
os.write(1, b"begun\\n")
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_program_which_ends_its_steps(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "ends.py").write_text(ENDS)
    before = signal.getsignal(number)
    lines: list[str] = []

    def show(printed: Iterable[str]) -> None:
        for line in printed:
            lines.append(line)
            if line == "begun\n":
                os.kill(os.getpid(), number)
                if number == signal.SIGINT:  # which a terminal sends to both
                    os.kill(int((tmp_path / "pid").read_text()), number)

    script = f"echo $$ > pid\nexec {sys.executable} ends.py"
    assert shown(["up"], tmp_path, pulumi(tmp_path, script), show) == 128 + number
    assert lines == ["begun\n", "ended\n"]
    assert signal.getsignal(number) is before


def test_without_the_program_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(AmbientError, match="there is no `pulumi` on PATH"):
        shown(["up"], tmp_path, {"PATH": str(tmp_path)}, print)
