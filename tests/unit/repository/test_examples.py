"""The examples, and the commands that they and the pages for new users give: files validate, verbs and flags exist."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ambient_components.cli.app import run as ambient
from ambient_components.cli.templates import texts
from ambient_components.stackfile.schema import schema_text
from tests.support.commands import commands, complaint
from tests.support.json_schema import faults

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path.parent.parent for path in ROOT.glob("examples/*/stacks/dev.yaml"))
"""Projects whose workspaces are YAML."""
STACKS = [path for folder in EXAMPLES for path in sorted(folder.glob("stacks/*.yaml"))]
FOLDERS = sorted(ROOT.glob("examples/*/README.md"))
PARTS = [path for folder in EXAMPLES for path in [*folder.glob("*.yaml"), *folder.glob("teams/*.yaml")]]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs/start/getting-started.md",
    ROOT / "docs/start/kind.md",
    ROOT / "docs/start/tour.md",
    ROOT / "docs/tasks/pipeline.md",
    ROOT / "docs/tasks/leaked-key.md",
    *FOLDERS,
]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("folder", EXAMPLES, ids=relative)
def test_an_example_validates_without_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert ambient(["validate", "--strict"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err[:4]) == ("", "OK: ")


@pytest.mark.parametrize("path", [*STACKS, *PARTS], ids=relative)
def test_the_schema_agrees(path: Path) -> None:
    if path.name == "Pulumi.yaml":
        return
    schema = json.loads(schema_text())
    assert faults(yaml.safe_load(path.read_text(encoding="utf-8")), schema, schema) == []
    first = path.read_text(encoding="utf-8").splitlines()[0]
    where = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / where).resolve() == next(
        folder / "stacks/stack.schema.json" for folder in EXAMPLES if path.is_relative_to(folder)
    )


@pytest.mark.parametrize("folder", EXAMPLES, ids=relative)
def test_the_program_and_the_project_are_those_that_init_writes(folder: Path) -> None:
    written = {str(path): text for path, text in texts("project", {"PROJECT": "workspaces"})}
    for name in ("__main__.py", "Pulumi.yaml"):
        assert (folder / name).read_text(encoding="utf-8") == written[name]
    assert (ROOT / "__main__.py").read_text(encoding="utf-8") == written["__main__.py"]
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["stackConfigDir"] == "stacks"
    # The package's script for the engine lies where the virtual environment has its programs.
    assert project["plugins"]["providers"] == [
        {"name": "ambient", "path": f"{project['runtime']['options']['virtualenv']}/bin"}
    ]


# Commands.


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [problem for block in blocks for words in commands(block) if (problem := complaint(words))] == []


def test_the_index_names_each_example() -> None:
    text = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| \[([\w-]+)\]\(\1/README\.md\) ", text, re.MULTILINE)
    assert sorted(linked) == [page.parent.name for page in FOLDERS]


def test_the_example_with_unit_tests_passes_them_without_an_engine(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "examples/unit-tests", tmp_path / "unit-tests")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": "/nowhere"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout
