"""The supported versions: their page says which are allowed and tested, and both ends of the ranges work."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sandbox.paths import is_set

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = "\n".join(lock.read_text(encoding="utf-8") for lock in (ROOT / "requirements").glob("*.lock"))

SDKS = ("pulumi", "pulumi-kubernetes")
"""What is tested at both ends of its range."""
TESTS = (
    "tests/unit/provider/protocol",
    "tests/unit/languages/test_schema.py",
    "tests/unit/provider/test_servicer.py",
    "tests/unit/provider/tokens/test_token_create.py",
    "tests/unit/provider/tokens/test_token_read_and_delete.py",
    "tests/unit/provider/tokens/test_token_rotation.py",
    "tests/unit/test_pulumi_sdk.py",
    "tests/program/test_arguments.py",
    "tests/program/test_kubernetes_objects.py",
    "tests/program/test_quiet.py",
    "tests/program/test_workspace.py",
)
"""The names, the plugin's calls over gRPC, what programs register."""
RUN = """
import sys, pulumi, pytest
assert pulumi.__file__.startswith(sys.argv[1])
sys.exit(pytest.main(sys.argv[2:]))
"""


def allowed() -> dict[str, str]:
    """The allowed versions, by package."""
    listed = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    matches = (re.match(r"([\w-]+)(?:\[[\w,]+\])?(.*)", one) for one in listed)
    return {match[1]: match[2] for match in matches if match}


def rows() -> dict[str, tuple[str, list[str]]]:
    """The rows of the table: name, expected to work, tested."""
    page = (ROOT / "docs" / "project" / "compatibility.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    rows = {}
    for title, expected, tested in cells:
        package = re.search(r"`([\w-]+)`", title)
        rows[package[1] if package else title] = (expected.strip("`"), re.findall(r"[\w.]+", tested))
    return rows


@pytest.mark.parametrize("name", [name for name in allowed() if re.search("pulumi|kubernetes", name)])
def test_the_page_says_what_pip_accepts_and_what_is_tested(name: str) -> None:
    expected, tested = rows()[name]
    assert expected == allowed()[name]
    (pinned,) = set(re.findall(rf"^{name}==(\S+)", LOCKS, re.MULTILINE))
    assert tested[-1] == pinned
    if name in SDKS:
        assert f">={tested[0]},".replace(".0,", ",") == expected[: expected.index(",") + 1]


def test_the_page_says_which_python_is_needed() -> None:
    expected, tested = rows()["Python"]
    assert expected == PROJECT["requires-python"]
    assert expected.removeprefix(">=") == tested[0]


@pytest.mark.parametrize(
    ("title", "module"), [("Pulumi CLI", "github.com/pulumi/pulumi/pkg/v3"), ("Kubernetes", "k8s.io/kubernetes")]
)
def test_the_page_says_what_the_sandbox_runs(title: str, module: str) -> None:
    modules = "\n".join(file.read_text(encoding="utf-8") for file in ROOT.glob("sandbox/toolchain/*/go.mod"))
    assert rows()[title][1][-1] in re.findall(rf"^\s*{module} v(\S+)", modules, re.MULTILINE)


def oldest() -> list[str]:
    return [f"{name}=={rows()[name][1][0]}" for name in SDKS]


def newest() -> list[str]:
    return [f"{name}{allowed()[name]}" for name in SDKS]


@pytest.mark.slow
@pytest.mark.skipif(is_set("AMBIENT_OFFLINE"), reason="the SDKs come from the package index")
@pytest.mark.parametrize("sdks", [oldest, newest])
def test_both_ends_of_the_range_work(sdks, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([*pip, "--only-binary=:all:", "--target", tmp_path, *sdks()], check=True)
    run = subprocess.run(
        [sys.executable, "-c", RUN, tmp_path, "-n0", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
