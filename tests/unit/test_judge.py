"""What becomes of the tests that the platform judges where its programs are not at hand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import backend
from sandbox.backend import available, required

ROOT = Path(__file__).parents[2]

CONFTEST = "from tests.support.judge import judge, pytest_terminal_summary\n"
TESTS = """
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_judged(judge, number): pass

def test_of_ours(): pass

@pytest.mark.skip(reason="for another reason")
def test_another(): pass
"""
needs_linux = pytest.mark.skipif(not backend._built_for_this_machine(), reason="elsewhere there never is a judge")


workers = pytest.mark.parametrize("workers", ["-n0", "-n2"])


def run(folder: Path, workers: str, **environment: str) -> tuple[int, str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS)
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "AMBIENT_PLATFORM_DIR")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", workers, str(folder)],
        cwd=folder, env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@workers
def test_without_the_programs_they_are_skipped_and_the_run_says_so(tmp_path: Path, workers: str) -> None:
    code, said = run(tmp_path, workers, AMBIENT_PLATFORM_DIR=str(tmp_path / "none"))
    assert code == 0
    assert "1 passed, 4 skipped" in said
    assert (
        said.count("the platform's backend was not at hand: 3 tests of the judge skipped; set AMBIENT_PLATFORM_DIR")
        == 1
    )


@needs_linux
@workers
def test_in_ci_they_fail_where_the_programs_ought_to_be(tmp_path: Path, workers: str) -> None:
    code, said = run(tmp_path, workers, AMBIENT_PLATFORM_DIR=str(tmp_path / "none"), CI="true")
    assert code == 1
    assert "1 passed, 1 skipped, 3 errors" in said
    assert "the platform's backend was not at hand: no ambient-backend.xz and no ambient-operator.xz in " in said


def test_with_the_programs_nothing_is_said(tmp_path: Path) -> None:
    if available():
        pytest.skip("there are none")
    code, said = run(tmp_path, "-n0", AMBIENT_PLATFORM_DIR=str(backend.programs_folder()), CI="true")
    assert code == 0
    assert "4 passed, 1 skipped" in said
    assert "not at hand" not in said


@needs_linux
@pytest.mark.parametrize(
    ("environ", "shared", "is_required"),
    [
        ({}, True, False),
        ({"CI": "true"}, True, True),
        ({"CI": "1"}, True, True),
        ({"CI": "false"}, True, False),
        ({"CI": "true"}, False, False),  # a clone elsewhere: it has no copy
        ({"CI": "true", "AMBIENT_PLATFORM_DIR": "/x"}, False, True),
        ({"AMBIENT_PLATFORM_DIR": "/x"}, False, False),
    ],
)
def test_they_ought_to_be_there_in_ci_beside_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], shared: bool, is_required: bool
) -> None:
    monkeypatch.setattr(backend, "REPOSITORY", tmp_path / "repository")
    if shared:
        (tmp_path / "shared").mkdir()
    assert required(environ) is is_required
