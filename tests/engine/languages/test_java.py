"""The SDK of Java, with the program of the example, compiled. There is no language host of Java here to run it."""

import shutil
from pathlib import Path

import pytest

from sandbox.toolchain import Toolchain
from tests.support.languages import EXAMPLES, run, write_sdk

pytestmark = pytest.mark.slow


@pytest.fixture
def example(languages: Toolchain, tmp_path: Path) -> Path:
    if missing := [name for name in ("javac", "mvn") if shutil.which(name) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")
    write_sdk(languages, tmp_path, "java")
    return shutil.copytree(EXAMPLES / "java", tmp_path / "example")


def test_the_example_compiles(example: Path) -> None:
    run(["mvn", "-B", "-q", "compile", f"-Dsdk={example.parent / 'java'}"], example).ok()
    assert (example / "target/classes/workspaces/App.class").is_file()
    assert (example / "target/classes/com/pulumi/ambient/Workspaces.class").is_file()
