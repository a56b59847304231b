"""The examples as their READMEs say: deployed with the output that they show, unchanged afterwards, and destroyed."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.store import Store
from tests.support import buckets
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY, Stack

EXAMPLES = REPOSITORY / "examples"
NAMESPACES = ("payments", "research", "team-a")
SECRETS = {"python-minimal": "anthropic", "all-fields": "payments/anthropic"}


@pytest.fixture(autouse=True)
def _gone_before_and_after(machine: Machine) -> Iterator[None]:
    machine.without(*NAMESPACES)
    yield
    machine.without(*NAMESPACES)


def use(stack: Stack, example: Path) -> None:
    shutil.copy(example / "__main__.py", stack.folder)
    for file in example.glob("stacks/*.yaml"):
        stack.write(file.read_text(encoding="utf-8"))


def shown(example: Path) -> str:
    """The block of its README with the output of a deployment."""
    text = (example / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1].strip()


@pytest.mark.parametrize(
    "name", ["yaml-minimal", "python-minimal", "existing-namespace", "pipeline-grant", "aws-bucket", "all-fields"]
)
def test_an_example_runs(name: str, stack: Stack, request: pytest.FixtureRequest) -> None:
    example = EXAMPLES / name
    use(stack, example)
    if name in SECRETS:
        stack.secret(SECRETS[name])
    if name in ("all-fields", "aws-bucket"):
        store: Store = request.getfixturevalue("store")
        buckets.with_store(stack, store)
    if name == "existing-namespace":
        stack.machine.create("/api/v1/namespaces", {"metadata": {"name": "team-a"}})
    printed = re.search(r"^(Outputs|Resources):.*?(?=^Duration:)", stack.up().ok().text, re.MULTILINE | re.DOTALL)
    assert printed
    assert printed[0].strip() == shown(example)
    assert stack.preview("--expect-no-changes").unchanged
    stack.destroy().ok()
    assert stack.export() == []


def test_the_automation_api(stack: Stack) -> None:
    scripts = Path(sys.executable).parent
    environment = stack.environment | {"PATH": f"{scripts}:{stack.environment['PATH']}"}

    def run(verb: str) -> str:
        ended = subprocess.run(
            [sys.executable, str(EXAMPLES / "automation-api/main.py"), verb],
            cwd=stack.folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        stack.machine.outputs.append(ended.stdout + ended.stderr)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    assert run("up") == shown(EXAMPLES / "automation-api")
    assert stack.machine.get("/api/v1/namespaces/payments")
    run("destroy")
    gone = stack.machine.get("/api/v1/namespaces/payments")
    assert gone is None or "deletionTimestamp" in json.dumps(gone)
