"""Signs of life where there is no terminal: of the sandbox's steps, and of make while pip installs."""

import io
import re
import subprocess
import threading
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import progress
from sandbox.paths import REPOSITORY


class Lines(io.StringIO):
    """A log that tells when a line with some words was written."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words, self.written = words, threading.Event()

    def write(self, text: str) -> int:
        if self.words in text:
            self.written.set()
        return super().write(text)


@pytest.mark.parametrize("detail", ["", "12 MB"])
def test_a_step_that_says_nothing_is_reported(monkeypatch: pytest.MonkeyPatch, detail: str) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.01)
    log = Lines("still at it")
    with progress.Progress(Console(file=log)).step("Kubernetes", "a hint") as tick:
        if detail:
            tick(detail)
        # The worker hangs, as a download without an answer.
        assert log.written.wait(10)
    first, *beats, last = log.getvalue().splitlines()
    assert first == "Kubernetes (a hint) ..."
    assert {re.sub(r"\d+s", "Ns", beat) for beat in beats} <= {
        "Kubernetes: still at it after Ns (a hint)",
        f"Kubernetes: still at it after Ns, {detail}",
    }
    assert last.startswith("Kubernetes: done in ")


def test_make_beats_until_its_recipe_ends(tmp_path: Path) -> None:
    (beat,) = re.findall(r"^define beat\n.*?^endef\n", (REPOSITORY / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    recipe = "all:\n\t@{ $(beat); read -r _ < gate; echo done; } >&2\n"
    (tmp_path / "Makefile").write_text(beat.replace("% 8", "% 1") + recipe)
    subprocess.run(["mkfifo", "gate"], cwd=tmp_path, check=True)
    with subprocess.Popen(["make"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as made:
        assert made.stderr is not None
        assert made.stderr.readline() == "  still at it after 1 s\n"
        (tmp_path / "gate").write_text("\n")
        assert made.stderr.read().endswith("done\n")
    assert made.returncode == 0
