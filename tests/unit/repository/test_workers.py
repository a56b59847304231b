"""How the workers share the tests: the order, what stays together, and that nothing is lost on the way."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.workers import EXPIRED, LONGEST_FIRST, MINTED, WHILE_IT_LIVES, arrange, share

ROOT = Path(__file__).parents[3]
ENGINE = ROOT / "tests" / "engine"

CONFTEST = """
import pytest
from tests.conftest import pytest_collection_modifyitems, pytest_xdist_make_scheduler

@pytest.fixture(scope="session")
def scanned(request):
    yield
    assert not request.config.stash.get("leak", False), "the scan found something"
"""
TESTS = """
def test_a(scanned): pass
def test_b(scanned, request): request.config.stash["leak"] = {leaks}
"""


def item(path: Path, name: str = "test_x") -> SimpleNamespace:
    return SimpleNamespace(path=path, name=name, nodeid=f"{path.relative_to(ROOT)}::{name}")


def arranged(*names: str) -> list[str]:
    items = [item(ROOT / "tests" / path, name) for path, name in (one.split("::") for one in names)]
    arrange(items)
    return [one.nodeid.removeprefix("tests/") for one in items]


def test_the_token_is_minted_first_and_judged_last() -> None:
    given = [
        f"engine/test_keys_expiry.py::{EXPIRED}",
        "unit/test_a.py::test_x",
        "engine/test_new.py::test_x",
        "engine/test_keys_expiry.py::test_x",
        f"engine/test_keys_expiry.py::{MINTED}",
        f"engine/{WHILE_IT_LIVES[1]}::test_x",
    ]
    assert arranged(*given) == [given[number] for number in (4, 3, 5, 1, 2, 0)]


def test_the_long_files_come_first_and_a_new_one_before_them() -> None:
    given = [f"engine/{name}::test_{number}" for name in reversed(LONGEST_FIRST) for number in (2, 1)]
    assert arranged(*given, "engine/test_new.py::test_x") == [
        "engine/test_new.py::test_x",
        *(f"engine/{name}::test_{number}" for name in LONGEST_FIRST for number in (2, 1)),
    ]


def test_every_file_is_one_worker_s_and_those_of_the_token_are_the_same_one_s() -> None:
    assert share("tests/unit/test_a.py::TestIt::test_x[a::b]") == "tests/unit/test_a.py"
    shares = {share(f"tests/engine/{name}::test_x") for name in WHILE_IT_LIVES}
    assert shares == {share(f"tests/engine/test_keys_expiry.py::{EXPIRED}")}
    assert share("tests/engine/test_store.py::test_x") not in shares


def test_the_lists_name_files_that_there_are_each_once() -> None:
    listed = [*WHILE_IT_LIVES, *LONGEST_FIRST]
    assert [name for name in listed if not (ENGINE / name).is_file()] == []
    assert len(listed) == len(set(listed))
    text = (ENGINE / "test_keys_expiry.py").read_text(encoding="utf-8")
    assert [name for name in (MINTED, EXPIRED) if not re.search(rf"^def {name}\(", text, re.MULTILINE)] == []


@pytest.mark.parametrize("leaks", [True, False])
def test_what_a_worker_finds_at_its_end_fails_the_run(tmp_path: Path, leaks: bool) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(TESTS.format(leaks=leaks and name == "test_two.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n2", "--dist=loadfile", str(tmp_path)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == int(leaks), done.stdout
    assert ("the scan found something" in done.stdout) is leaks
    assert f"4 passed{', 1 error' if leaks else ''}" in done.stdout


def test_golden_files_are_rewritten_by_one_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n1", "tests/golden", "--update-golden", "--collect-only"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "say -n0 with it" in done.stderr
