"""Where the platform's programs are looked for, and what happens to the conformance tests without them."""

import lzma
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import backend
from sandbox.backend import available, programs_folder, required
from sandbox.errors import SandboxError

ROOT = Path(__file__).parents[3]
NAMES = ("ambient-backend", "ambient-operator")

CONFTEST = """
from pathlib import Path
from tests.support import evidence_page
from tests.support.conformance import platform_programs, pytest_collection_modifyitems, pytest_terminal_summary

evidence_page.PAGE = Path("page.md")

def pytest_addoption(parser):
    parser.addoption("--record-platform", action="store_true")

def pytest_configure(config):
    config.addinivalue_line("markers", "platform")
"""
BEFORE = "<!-- platform: `make conformance` writes from here -->\n\nnever\n\n<!-- end of the platform's run -->\n"
TESTS = """
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_conformance(platform_programs, number): pass

def test_of_ours(): pass

@pytest.mark.skip(reason="for another reason")
def test_another(): pass
"""
RECORDED = """
import pytest
from tests.support.recordings import RECORDED

@pytest.mark.parametrize("number", [1, 2])
def test_recorded(request, number): request.node.user_properties.append(RECORDED)

def test_of_ours(): pass
"""
workers = pytest.mark.parametrize("workers", ["-n0", pytest.param("-n2", marks=pytest.mark.slow)])


def plain(folder: Path, name: str, text: str = "#!/bin/sh\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return folder / name


def packed(folder: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.xz").write_bytes(lzma.compress(text.encode()))


def run(folder: Path, workers: str, written: str = TESTS, *words: str, **environment: str) -> tuple[int, str]:
    tests = folder / "tests"
    tests.mkdir()
    (folder / "page.md").write_text(BEFORE)
    (tests / "conftest.py").write_text(CONFTEST)
    (tests / "test_it.py").write_text(written)
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "AMBIENT_PLATFORM_DIR")}
    environment = {"AMBIENT_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", workers, *words, str(tests)],
        cwd=folder, env={**inherited, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@workers
@pytest.mark.parametrize("ci", [{}, {"CI": "true"}], ids=["by hand", "in CI"])
def test_without_the_programs_the_tests_are_skipped_with_one_line(
    tmp_path: Path, workers: str, ci: dict[str, str]
) -> None:
    (tmp_path / "shared" / "platform").mkdir(parents=True)  # a folder that earlier versions looked for
    code, output = run(tmp_path, workers, **ci)
    assert code == 0
    assert "1 passed, 4 skipped" in output
    folder = tmp_path / "cache" / "platform"
    line = (
        "3 platform conformance tests skipped: ambient-backend and ambient-operator not found in "
        f"{folder} (see CONTRIBUTING.md)"
    )
    assert output.splitlines().count(line) == 1
    assert output.splitlines().count("Last run with the programs: never") == 1


@workers
def test_a_run_that_used_recordings_says_so_with_one_line(tmp_path: Path, workers: str) -> None:
    code, output = run(tmp_path, workers, RECORDED)
    assert code == 0
    line = (
        "2 platform conformance tests used recordings: ambient-backend and ambient-operator not found in "
        f"{tmp_path / 'cache' / 'platform'} (see CONTRIBUTING.md)"
    )
    assert output.splitlines().count(line) == 1
    assert output.splitlines().count("Last run with the programs: never") == 1


@workers
def test_a_run_with_the_programs_can_be_recorded_with_its_failures(tmp_path: Path, workers: str) -> None:
    for name in NAMES:
        plain(tmp_path / "cache" / "platform", name)
    tests = TESTS.replace("number): pass", "number): assert number < 3") + "\ndef test_of_ours_too(): assert False\n"
    code, _ = run(tmp_path, workers, tests, "-m", "platform", "--record-platform")
    assert code == 1
    written = (tmp_path / "page.md").read_text()
    assert re.search(
        r"^Commit `[0-9a-f]+`.*, \d{4}-\d\d-\d\d: 2 passed, 1 failed, 0 error, 0 skipped\.$", written, re.MULTILINE
    )


@workers
def test_the_tests_fail_if_the_variable_is_set_and_programs_are_missing(tmp_path: Path, workers: str) -> None:
    plain(tmp_path / "some", "ambient-backend")
    code, output = run(tmp_path, workers, AMBIENT_PLATFORM_DIR=str(tmp_path / "some"))
    assert code == 1
    assert "1 passed, 1 skipped, 3 errors" in output
    assert f"AMBIENT_PLATFORM_DIR is set, but ambient-operator not found in {tmp_path / 'some'}" in output
    assert "conformance tests skipped" not in output


@pytest.mark.parametrize("put", [plain, packed])
def test_with_the_programs_in_the_cache_folder_the_tests_run(tmp_path: Path, put) -> None:  # type: ignore[no-untyped-def]
    for name in NAMES:
        put(tmp_path / "cache" / "platform", name)
    code, output = run(tmp_path, "-n0")
    assert code == 0
    assert "4 passed, 1 skipped" in output
    assert "conformance" not in output


def test_the_variable_names_the_folder_before_the_cache(tmp_path: Path) -> None:
    cache = {"AMBIENT_CACHE_DIR": str(tmp_path)}
    assert programs_folder(cache) == tmp_path / "platform"
    assert programs_folder({**cache, "AMBIENT_PLATFORM_DIR": "/x"}) == Path("/x")
    assert programs_folder({**cache, "AMBIENT_PLATFORM_DIR": ""}) == tmp_path / "platform"


@pytest.mark.parametrize(
    ("environ", "is_required"),
    [
        ({}, False),
        ({"CI": "true"}, False),
        ({"AMBIENT_PLATFORM_DIR": ""}, False),
        ({"AMBIENT_PLATFORM_DIR": "/x"}, True),
    ],
)
def test_only_the_variable_makes_them_required(environ: dict[str, str], is_required: bool) -> None:
    assert required(environ) is is_required


def test_a_file_that_cannot_be_executed_is_missing(tmp_path: Path) -> None:
    for name in NAMES:
        plain(tmp_path, name)
    environ = {"AMBIENT_PLATFORM_DIR": str(tmp_path)}
    assert available(environ) is None
    (tmp_path / "ambient-operator").chmod(0o644)
    assert available(environ) == f"ambient-operator not found in {tmp_path}"


def test_a_plain_program_is_used_in_place_and_an_archive_is_unpacked_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMBIENT_PLATFORM_DIR", str(tmp_path / "programs"))
    monkeypatch.setenv("AMBIENT_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(SandboxError, match="ambient-backend is no longer in"):
        backend._executable("ambient-backend")
    packed(tmp_path / "programs", "ambient-backend", "#!/bin/sh\necho one\n")
    first = backend._executable("ambient-backend")
    assert first.is_relative_to(tmp_path / "cache" / "platform")
    assert subprocess.run([first], capture_output=True, text=True, check=True).stdout == "one\n"
    packed(tmp_path / "programs", "ambient-backend", "#!/bin/sh\necho two\n")
    assert backend._executable("ambient-backend") != first
    in_place = plain(tmp_path / "programs", "ambient-backend")
    assert backend._executable("ambient-backend") == in_place
