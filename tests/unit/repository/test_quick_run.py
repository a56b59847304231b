"""What `--quick` leaves out, that it says so, and that without it nothing is left out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.quick import ALL, QUICK

ROOT = Path(__file__).parents[3]
TESTS = """
import pytest
from hypothesis import given, settings, strategies as st
from tests.support.quick import examples

@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_slow(number): pass

def test_of_both_kinds(request):
    @given(st.integers())
    def with_the_default(number): used[0] += 1
    @examples(200)
    @given(st.integers())
    def with_its_own_number(number): used[1] += 1
    used = [0, 0]
    with_the_default()
    with_its_own_number()
    assert used == [DEFAULT, OWN]
"""


def run(folder: Path, share: int, *words: str) -> str:
    (folder / "conftest.py").write_text('pytest_plugins = ["tests.support.quick"]\n')
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    (folder / "test_it.py").write_text(TESTS.replace("DEFAULT", str(share)).replace("OWN", str(2 * share)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, str(folder)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_quick_run_says_what_it_left_out(tmp_path: Path, workers: str) -> None:
    reported = run(tmp_path, QUICK, "--quick", workers)
    assert f"2 slow tests left out, property tests used {QUICK} % of their examples: make test-all runs all" in reported
    assert "1 passed" in reported


def test_a_full_run_leaves_out_nothing(tmp_path: Path) -> None:
    reported = run(tmp_path, ALL, "-n0")
    assert "3 passed" in reported
    assert "left out" not in reported


def test_make_runs_all_of_it_in_test_all_alone() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^(test[a-z-]*):.*\n\t(.*)$", text, re.MULTILINE))
    assert {name: "--quick" in recipe for name, recipe in recipes.items()} == {
        "test": True,
        "test-unit": True,
        "test-all": False,
    }
