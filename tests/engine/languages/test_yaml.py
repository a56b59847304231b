"""Workspaces in Pulumi YAML, deployed by its own host through `Construct`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.support.languages import YamlStack, normal
from tests.support.machine import Machine


@pytest.fixture
def stack(machine: Machine, languages: Toolchain, store: Store, tmp_path: Path) -> Iterator[YamlStack]:
    with YamlStack.opened(machine, languages, store, tmp_path) as stack:
        yield stack


def test_the_life_of_a_workspace(stack: YamlStack, of_a_stack_file: dict[str, Any]) -> None:
    stack.use()
    stack.up().ok()
    assert normal(stack) == of_a_stack_file
    assert stack.preview("--expect-no-changes").unchanged
    token = stack.machine.keep_secret(stack.state.outputs(reveal=True)["ci"], "the first key")
    assert stack.sessions(token) == 200
    stack.use("lower")
    lowered = stack.up().ok().text
    assert "group:payments-devs" in lowered
    stack.use("lower", "rotate")
    stack.up().ok()
    stack.ended(token, "the key of generation 1")
    token = stack.machine.keep_secret(stack.state.outputs(reveal=True)["ci"], "the second key")
    assert stack.sessions(token) == 200
    stack.use("lower", "rotate", "public")
    stack.preview().refused("publicAccess")
    stack.use("lower", "rotate", "more")
    stack.up().ok()
    stack.use("lower", "rotate")
    stack.preview().refused("massRemoval")
    stack.destroy().ok()
    stack.ended(token, "the key of a destroyed stack")
