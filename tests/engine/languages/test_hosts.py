"""Programs that their language's own host runs, with the SDK of `pulumi package add`.

Java's host is in a Go module, from which the sandbox builds it. Those of Node.js and Go are only in the released
Pulumi CLI and in its repository: their tests run where they are on PATH.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.support.languages import GoHostStack, HostStack, JavaHostStack, NodeHostStack, normal
from tests.support.machine import Machine

pytestmark = pytest.mark.slow


@pytest.fixture(params=[NodeHostStack, GoHostStack, JavaHostStack], ids=["typescript", "go", "java"])
def stack(
    request: pytest.FixtureRequest, machine: Machine, languages: Toolchain, store: Store, tmp_path: Path
) -> Iterator[HostStack]:
    kind: type[HostStack] = request.param
    if missing := [name for name in kind.programs if shutil.which(name) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")
    with kind.opened(machine, languages, store, tmp_path) as stack:
        yield stack


def test_the_life_of_a_workspace(stack: HostStack, of_a_stack_file: dict[str, Any]) -> None:
    stack.use()
    stack.up().ok()
    assert normal(stack) == of_a_stack_file
    assert stack.preview().unchanged
    token = stack.machine.keep_secret(stack.state.outputs(reveal=True)["ci"], "the first key")
    assert stack.sessions(token) == 200
    stack.use("lower", "rotate")
    stack.up().ok()
    stack.ended(token, "the key of generation 1")
    stack.use("lower", "rotate", "public")
    stack.preview().refused("publicAccess")
    stack.use("wrong")
    stack.preview().refused(f"workspaces.{stack.w}.keys.ci.lifetime", "'30x' is not a duration")
    stack.use("misspelt")
    assert re.search(r"(?i)\brol\b", stack.preview().text)
    stack.destroy().ok()
