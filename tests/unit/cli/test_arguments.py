"""The stack, the workspaces and the keys on a command line: defaults and positions."""

from pathlib import Path

import pytest
import typer

from ambient_components.cli.prompts import one_stack, stack_and_key, stack_and_keys, stack_and_workspaces
from ambient_components.errors import AmbientError
from ambient_components.stacks.names import declared_keys, declared_stacks
from ambient_components.stacks.project import Project
from tests.support.projects import write_project

FILES = {
    "stacks/dev.yaml": "include: [teams/*.yaml, {path: ../../other.yaml}]\nworkspaces: {payments: {keys: {ci: {}}}}\n",
    "stacks/Pulumi.dev.yaml": "config: {}\n",
    "stacks/common.yaml": "workspaces: {}\n",
    "stacks/teams/lab.yaml": "workspaces: {lab: {keys: {sync: {}, nightly: {}}}, dev: {}}\n",
    "stacks/teams/broken.yaml": "workspaces: [\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add_prod(project: Path) -> None:
    (project / "stacks/prod.yaml").write_text("workspaces: {}\n")
    (project / "stacks/Pulumi.prod.yaml").write_text("config: {}\n")


def test_names_come_from_readable_files(project: Path) -> None:
    found = Project.find()
    assert declared_stacks(found) == ["dev"]
    assert declared_keys(found, "dev") == {"payments": ["ci"], "lab": ["sync", "nightly"], "dev": []}
    (project / "stacks/Pulumi.dev.yaml").unlink()
    assert declared_stacks(found) == ["common", "dev"]


def test_the_only_stack_is_the_default(project: Path) -> None:
    assert one_stack("", "") == "dev"
    add_prod(project)
    with pytest.raises(typer.BadParameter, match=r"^which stack\? Name one: dev, prod$"):
        one_stack("", "")


def test_without_a_project_there_is_no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AmbientError, match=r"there is no Pulumi\.yaml"):
        one_stack("", "")


@pytest.mark.parametrize(
    ("words", "option", "expected"),
    [
        ([], "", ("dev", [])),
        (["dev"], "", ("dev", [])),
        (["my-org/dev", "lab"], "", ("my-org/dev", ["lab"])),
        (["lab"], "", ("dev", ["lab"])),
        (["lab", "payments"], "", ("dev", ["lab", "payments"])),
        (["dev", "dev"], "", ("dev", ["dev"])),
        (["nope"], "", ("nope", [])),
        (["lab"], "dev", ("dev", ["lab"])),
        (["dev"], "dev", ("dev", [])),
    ],
)
def test_workspaces(project: Path, words: list[str], option: str, expected: tuple[str, list[str]]) -> None:
    first, *others = words or [""]
    assert stack_and_workspaces(first, others, option) == expected


@pytest.mark.parametrize(
    ("words", "option", "expected"),
    [
        (["dev", "lab/sync"], "", ("dev", ["lab/sync"])),
        (["lab/sync"], "", ("dev", ["lab/sync"])),
        (["lab/sync", "payments/ci"], "", ("dev", ["lab/sync", "payments/ci"])),
        (["lib/sync"], "", ("dev", ["lib/sync"])),
        (["my-org/dev", "lab/sync"], "", ("my-org/dev", ["lab/sync"])),
        (["my-org/dev-03"], "", ("my-org/dev-03", [])),
        (["lab/sync"], "dev", ("dev", ["lab/sync"])),
        (["nope", "lab/sync"], "", ("nope", ["lab/sync"])),
    ],
)
def test_keys(project: Path, words: list[str], option: str, expected: tuple[str, list[str]]) -> None:
    first, *others = words
    assert stack_and_keys(first, others, option) == expected


def test_a_key_alone_needs_the_only_stack(project: Path) -> None:
    assert stack_and_key("lab/sync", "", "") == ("dev", "lab/sync")
    assert stack_and_key("my-org/gone", "lab/sync", "") == ("my-org/gone", "lab/sync")
    add_prod(project)
    with pytest.raises(typer.BadParameter, match="Name one: dev, prod"):
        stack_and_key("lab/sync", "", "")


def test_a_key_with_the_name_of_a_stack_is_ambiguous(project: Path) -> None:
    """Otherwise `keys rotate payments/dev lab/sync` would take the first key for a stack, and not rotate it."""
    (project / "stacks/teams/lab.yaml").write_text("workspaces: {lab: {keys: {dev: {}}}}\n")
    with pytest.raises(typer.BadParameter, match="'lab/dev' is a key and may be a stack: name the stack with --stack"):
        stack_and_keys("lab/dev", ["payments/ci"], "")
    assert stack_and_keys("lab/dev", ["payments/ci"], "dev") == ("dev", ["lab/dev", "payments/ci"])
    assert stack_and_keys("dev", ["lab/dev"], "") == ("dev", ["lab/dev"])
