"""Pulumi's SDK as it is, without `pulumi_sdk.PATCHES`, and the reproductions of its issues for upstream."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ambient_components.pulumi_sdk import PATCHES_VARIABLE
from tests.support.stacks import REPOSITORY, Stack

FILE = """\
workspaces:
  THIS:
    protect: false
    owners: [user:ada@example.com]
    grants: [{user: ben@example.com}]
    keys: {ci: {role: view}}
"""


def reproductions() -> list[str]:
    """The programs of the page, in its order."""
    page = (REPOSITORY / "docs/internals/upstream-issues.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_a_stack_lives_without_any_patch(stack: Stack) -> None:
    stack.environment[PATCHES_VARIABLE] = "off"
    stack.write(FILE)
    assert "create" in stack.preview().ok().text
    stack.up().ok()
    assert stack.preview().ok().unchanged
    # The SDK's own: nothing was patched.
    assert any(resource.get("sourcePosition") or resource.get("stackTrace") for resource in stack.export())
    first = stack.token("ci")
    assert stack.sessions(first) == 200
    stack.write(FILE.replace("role: view", "role: view, generation: 2"))
    stack.up().ok()
    assert stack.sessions(stack.token("ci")) == 200
    stack.destroy().ok()
    assert stack.export() == []


@pytest.mark.slow
@pytest.mark.parametrize("one_wait", ["", "1"])
def test_the_quadratic_wait_has_a_program_to_show_it(stack: Stack, one_wait: str) -> None:
    program, _ = reproductions()
    (stack.folder / "__main__.py").write_text(program)
    stack.environment |= {"COUNT": "20", "ONE_WAIT": one_wait}
    assert "21 to create" in stack.preview().ok().text


def test_the_work_for_each_resource_has_a_program_to_show_it(tmp_path: Path) -> None:
    _, program = reproductions()
    shown = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    tasks, types = shown.stdout.splitlines()
    assert tasks == "tasks of a property and of a URN: 1 4"
    assert types.startswith("microseconds for the types of a resource: ")
