"""The Makefile's installation into .venv, by two runs of make at once."""

import fcntl
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = """#!/bin/sh
[ "$1" = -c ] && exit 0
echo "$*" >> calls
[ ! -e slow ] || sleep 1
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The Makefile, empty lock files, and a Python that only records what it is called with."""
    for name in ("Makefile", "sandbox.mk"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("requirements/dev.lock", "pyproject.toml", ".venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv" / "bin" / "python").write_text(PYTHON, encoding="utf-8")
    (tmp_path / ".venv" / "bin" / "python").chmod(0o755)
    return tmp_path


def start(clone: Path) -> subprocess.Popen[str]:
    environ = {"PATH": "/usr/bin:/bin"}
    return subprocess.Popen(["make", "setup"], cwd=clone, env=environ, stderr=subprocess.PIPE, text=True)


def calls(clone: Path) -> int:
    file = clone / "calls"
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


@pytest.mark.skipif(shutil.which("flock", path="/usr/bin:/bin") is None, reason="there is no lock without flock")
@pytest.mark.skipif(shutil.which("uv", path="/usr/bin:/bin") is not None, reason="uv would install instead of pip")
class TestTwoAtOnce:
    def test_the_second_waits_and_installs_nothing(self, clone: Path) -> None:
        (clone / "slow").touch()
        first = start(clone)
        deadline = time.monotonic() + 30
        while not calls(clone):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        second = start(clone)
        messages = second.communicate(timeout=60)[1]
        assert (first.wait(timeout=60), second.returncode) == (0, 0)
        assert messages == "Another make is installing into .venv: waiting for it\n"
        assert calls(clone) == 2

    def test_one_that_ends_early_leaves_no_lock(self, clone: Path) -> None:
        with (clone / "Makefile").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waiting = start(clone)
            assert waiting.stderr is not None
            assert waiting.stderr.readline().startswith("Another make is installing")
        waiting.communicate(timeout=60)
        assert waiting.returncode == 0
        assert calls(clone) == 2
