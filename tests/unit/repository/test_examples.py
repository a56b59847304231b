"""The examples, and the commands that they and the pages for new users give: files validate, verbs and flags exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambient_components.cli.app import run as ambient
from ambient_components.cli.templates import texts
from ambient_components.stackfile import load_stack
from ambient_components.stackfile.schema import schema_text
from tests.support.commands import commands, complaint
from tests.support.json_schema import faults
from tests.support.pipelines import GITHUB

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/Pulumi.yaml"))
STACKS = [path for folder in EXAMPLES for path in sorted(folder.glob("stacks/*.yaml"))]
PARTS = [path for folder in EXAMPLES for path in [*folder.glob("*.yaml"), *folder.glob("teams/*.yaml")]]
WORKFLOWS = [GITHUB]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs/start/getting-started.md",
    ROOT / "docs/guides/workspace.md",
    *ROOT.glob("examples/*/*.md"),
]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_examples() -> None:
    assert [relative(folder) for folder in EXAMPLES] == ["examples/payments"]
    assert [path.stem for path in STACKS] == ["dev", "prod", "stage"]


@pytest.mark.parametrize("folder", EXAMPLES, ids=relative)
def test_an_example_validates_without_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert ambient(["validate", "--strict"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "OK: 6 workspaces in 5 files\n")


@pytest.mark.parametrize("path", [*STACKS, *PARTS], ids=relative)
def test_the_schema_agrees(path: Path) -> None:
    if path.name == "Pulumi.yaml":
        return
    schema = json.loads(schema_text())
    assert list(faults(yaml.safe_load(path.read_text(encoding="utf-8")), schema, schema)) == []
    first = path.read_text(encoding="utf-8").splitlines()[0]
    where = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / where).resolve() == next(
        folder / "stacks/stack.schema.json" for folder in EXAMPLES if path.is_relative_to(folder)
    )


@pytest.mark.parametrize("folder", EXAMPLES, ids=relative)
def test_the_stages_differ_where_the_example_says_so(folder: Path) -> None:
    """The table of the example's README."""
    stages = {
        path.stem: load_stack(str(path)).file.workspaces["payments"] for path in STACKS if path.is_relative_to(folder)
    }
    roles = {
        stage: next(grant.role.value for grant in entry.grants if grant.subject.name == "payments-devs")
        for stage, entry in stages.items()
    }
    assert roles == {"dev": "admin", "stage": "edit", "prod": "view"}
    sources = {stage: entry.secrets.runner["ANTHROPIC_API_KEY"] for stage, entry in stages.items()}
    assert sources["dev"].config
    assert sources["stage"].env
    assert sources["prod"].secret
    assert {stage: entry.keys["ci"].lifetime // 86400 for stage, entry in stages.items()} == {
        "dev": 30,
        "stage": 90,
        "prod": 90,
    }
    assert [stage for stage, entry in stages.items() if entry.protect] == ["prod"]
    kept = [stage for stage, entry in stages.items() if entry.secrets.on_drift.integrations.value == "keep"]
    assert kept == ["dev"]
    assert {stage: entry.limits.quota["pods"] for stage, entry in stages.items()} == {
        "dev": "20",
        "stage": "50",
        "prod": "200",
    }


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


@pytest.mark.parametrize("folder", EXAMPLES, ids=relative)
def test_an_example_holds_no_credential_and_no_file_of_a_machine(folder: Path) -> None:
    names = {path.name for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert not [name for name in names if re.match(r"Pulumi\..+\.yaml|.*\.(pem|crt|key)$", name)]
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert not re.search(
                r"eyJ[\w-]{20,}|sk-ant-[\w-]{8,}|AKIA[A-Z0-9]{16}|BEGIN [A-Z ]*(KEY|CERTIFICATE)", text
            )


# Commands.


def test_commands_are_found_and_judged() -> None:
    text = (
        "export A=b\nambient show dev --ca-certificate > x.crt   # why\n"
        "pulumi stack output a/b --show-secrets |\n  sed s/a/b/"
    )
    found = list(commands(text))
    assert found == [
        ["ambient", "show", "dev", "--ca-certificate"],
        ["pulumi", "stack", "output", "a/b", "--show-secrets"],
    ]
    assert [complaint(words) for words in found] == ["", ""]
    assert complaint(["ambient", "adoption"])
    assert complaint(["ambient", "show", "--colour"])
    assert complaint(["pulumi", "destroy"])
    assert complaint(["pulumi", "up", "--force"])


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [problem for block in blocks for words in commands(block) if (problem := complaint(words))] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("examples/*/*.md")), ids=relative)
def test_the_files_that_an_examples_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:stacks|teams|\.github)/[\w./-]+|[\w-]+\.(?:yaml|py|txt)|CODEOWNERS)`", page.read_text())
    made = {"stacks/stack.schema.json"}
    assert [name for name in named if not list(page.parent.rglob(name)) and name not in made] == []


# The pipeline.


def steps(workflow: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].items():
        yield from ((name, step) for step in job["steps"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=relative)
def test_the_commands_of_a_pipeline_exist(workflow: Path) -> None:
    found = [words for _, step in steps(workflow) for words in commands(step.get("run", ""))]
    assert {tuple(words[:2]) for words in found} >= {("ambient", "validate"), ("ambient", "plan"), ("pulumi", "up")}
    assert [problem for words in found if (problem := complaint(words))] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=relative)
def test_a_pipeline_holds_back_what_it_should(workflow: Path) -> None:
    content = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    jobs = content["jobs"]
    assert content["env"]["PULUMI_CONTINUE_ON_ERROR"] == "true"
    assert content["permissions"] == {}
    triggers = content[True]  # YAML 1.1 reads `on` so
    assert "pull_request_target" not in triggers
    assert set(triggers) >= {"pull_request", "push", "schedule"}
    # What runs for forks has no token, no environment and no secret.
    assert jobs["validate"]["permissions"] == {"contents": "read"}
    assert "environment" not in jobs["validate"]
    previews = ["preview-dev", "preview-stage", "preview-prod"]
    assert "secrets." not in json.dumps([jobs[name] for name in ("validate", *previews)])
    for name in (*previews, "deploy"):
        assert jobs[name]["permissions"] == {"contents": "read", "id-token": "write"}
        assert jobs[name]["needs"] == "validate"
    assert jobs["deploy"]["strategy"]["matrix"]["stage"] == ["dev", "stage", "prod"]
    assert "matrix.stage" in jobs["deploy"]["environment"]
    assert "matrix.stage" in jobs["deploy"]["concurrency"]["group"]
    assert jobs["deploy"]["concurrency"]["cancel-in-progress"] is False
    assert jobs["deploy"]["strategy"]["max-parallel"] == 1
    assert "refs/heads/main" in jobs["deploy"]["if"]
    # Nothing of a pull request is put into a script, where it would be run.
    assert not [step for _, step in steps(workflow) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=relative)
def test_a_pipeline_has_every_variable_that_a_stack_file_reads(workflow: Path) -> None:
    desired = {
        source.env
        for path in STACKS
        for entry in load_stack(str(path)).file.workspaces.values()
        for source in [*entry.secrets.runner.values(), *entry.secrets.integrations.values()]
        if source.env
    }
    given = {
        name
        for job, step in steps(workflow)
        for name, value in step.get("env", {}).items()
        if job == "deploy" and "secrets." in value
    }
    assert given == desired
