"""The plugin as a package: its schema, `pulumi package add`, and a program with the SDK that it wrote."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambient_components.languages import schema_json
from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.support.git_host import HOST, git_host
from tests.support.languages import EXAMPLES, PythonStack, normal, run
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY

PLUGIN = REPOSITORY / "plugin"


@pytest.fixture
def stack(machine: Machine, languages: Toolchain, store: Store, tmp_path: Path) -> Iterator[PythonStack]:
    with PythonStack.opened(machine, languages, store, tmp_path) as stack:
        yield stack


@pytest.mark.parametrize("source", [PLUGIN, PLUGIN / "pulumi-resource-ambient"], ids=["folder", "program"])
def test_the_schema_is_that_of_the_package(stack: PythonStack, source: Path) -> None:
    written = stack.package("get-schema", source).ok().text
    ours = json.loads(schema_json())
    shown = json.loads(written[written.index("{\n") : written.rindex("}") + 1])
    assert shown["resources"].keys() == ours["resources"].keys()
    assert (shown["version"], shown["types"].keys()) == (ours["version"], ours["types"].keys())


def test_an_sdk_is_that_of_package_add(stack: PythonStack) -> None:
    stack.package("gen-sdk", PLUGIN, "--language", "python", "--out", stack.folder / "out").ok()
    names = sorted(path.name for path in (stack.add(PLUGIN) / "pulumi_ambient").iterdir())
    assert "workspaces.py" in names
    assert {path.name for path in (stack.folder / "out/python/pulumi_ambient").iterdir()} == set(names)


def test_the_life_of_a_workspace(stack: PythonStack, of_a_stack_file: dict[str, Any]) -> None:
    stack.add(PLUGIN)
    stack.use()
    output = stack.up().ok().text
    shown = output[output.index("Outputs:") : output.index("Duration:")].strip()
    assert shown in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert normal(stack) == of_a_stack_file
    assert stack.preview("--expect-no-changes").unchanged
    token = stack.machine.keep_secret(stack.state.outputs(reveal=True)["ci"], "the first key")
    assert stack.sessions(token) == 200
    stack.use("lower", "rotate")
    stack.up().ok()
    stack.ended(token, "the key of generation 1")
    stack.use("lower", "rotate", "public")
    stack.preview().refused("publicAccess")
    stack.destroy().ok()


@pytest.mark.slow
def test_the_plugin_of_an_environment_is_a_package(stack: PythonStack) -> None:
    """As the guide says: `package add` with the installed program, which `plugins` of the project names."""
    programs = Path(sys.prefix, "bin")
    settings = stack.folder / "Pulumi.yaml"
    plugins = f"plugins: {{providers: [{{name: ambient, path: {programs}}}]}}\n"
    settings.write_text(settings.read_text(encoding="utf-8") + plugins, encoding="utf-8")
    stack.add(programs / "pulumi-resource-ambient")
    stack.use()
    stack.preview().ok()


@pytest.mark.slow
def test_a_commit_in_git_is_a_package(stack: PythonStack, tmp_path: Path) -> None:
    repository = tmp_path / "git/platform/ambient-components.git"
    run(["git", "clone", "--quiet", "--bare", REPOSITORY, repository], tmp_path).ok()
    commit = run(["git", "rev-parse", "HEAD"], repository).ok().text.strip()
    del stack.environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"]
    with git_host(tmp_path / "git", tmp_path / "certificate.pem") as variables:
        stack.environment |= variables
        sdk = stack.add(f"https://{HOST}/platform/ambient-components.git/plugin@{commit}")
    assert (sdk / "pulumi_ambient/workspaces.py").is_file()
    settings = yaml.safe_load((stack.folder / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert settings["packages"] == {"ambient": f"{HOST}/platform/ambient-components.git/plugin@{commit}"}
    stack.use()
    stack.preview().ok()
