"""The progress line: on a terminal, which is real here, and without one."""

import os
import pty
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ambient_components import activity
from ambient_components.engine.command import phase

REPOSITORY = Path(__file__).parents[2]

SLOW = """#!/bin/sh
sleep 1.2
echo '{"version": 3, "deployment": {}}'
"""


def on_a_terminal(folder: Path, *words: str, **environ: str) -> tuple[int, bytes, bytes]:
    """The exit code, standard output, and what the terminal got on standard error."""
    leader, follower = pty.openpty()
    program = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\nfrom ambient_components.cli.app import run\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{program}sys.exit(run({list(words)!r}))"], cwd=folder, stdout=subprocess.PIPE,
        stderr=follower, stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", **environ},
    )  # fmt: skip
    os.close(follower)
    got = b""

    def read() -> None:
        nonlocal got
        try:
            while part := os.read(leader, 1000):
                got += part
        except OSError:
            pass  # EIO: the other side is closed

    reader = threading.Thread(target=read)
    reader.start()
    out, _ = process.communicate(timeout=60)
    reader.join()
    os.close(leader)
    return process.returncode, out, got


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks/dev.yaml").write_text("workspaces: {}\n")
    slow = tmp_path / "bin" / "pulumi"
    slow.parent.mkdir()
    slow.write_text(SLOW)
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    return tmp_path


def test_a_terminal_shows_the_phase_and_the_time_and_then_nothing(project: Path) -> None:
    code, out, err = on_a_terminal(project, "show", "dev", "--format", "json")
    assert code == 0, err
    frames = re.split(rb"\r\x1b\[K", err)
    assert b"Reading the state of dev ... 0s" in frames
    assert b"Reading the state of dev ... 1s" in frames
    # The line is removed, and nothing else is on the terminal.
    assert frames[0] == frames[-1] == b""
    assert b"Reading" not in out


def test_a_dumb_terminal_has_no_line(project: Path) -> None:
    assert on_a_terminal(project, "show", "dev", TERM="dumb")[2] == b""


class TestWithoutATerminal:
    def test_a_long_wait_gets_one_plain_line(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(activity, "_LONG", 0.0)
        activity.start(plain=True)
        with activity.waiting("Reading the state of dev"):
            time.sleep(0.8)
        answer = capsys.readouterr()
        assert (answer.out, answer.err) == ("", "Reading the state of dev ...\n")

    def test_a_short_one_gets_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        activity.start(plain=True)
        with activity.waiting("Reading the state of dev"):
            time.sleep(0.5)
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("how", ["json", "silent"])
    def test_none_where_none_is_wanted(
        self, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(activity, "_LONG", 0.0)
        activity.start(plain=how != "json")
        if how == "silent":
            with activity.silent(), activity.waiting("Reading the state of dev"):
                time.sleep(0.6)
        else:
            with activity.waiting("Reading the state of dev"):
                time.sleep(0.6)
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("stack export --stack org/dev", "Reading the state of org/dev"),
        ("preview --json --stack dev", "Previewing dev"),
        ("stack ls --json", "Listing the stacks"),
        ("up --yes --stack dev", "Deploying dev"),
        ("config set --stack dev x hunter2", "Running pulumi config set"),
    ],
)
def test_commands_in_words(command: str, text: str) -> None:
    assert phase(command.split()) == text
