"""Fixtures of programs in other languages."""

from typing import Any

import pytest
from rich.console import Console

from sandbox.store import Store
from sandbox.toolchain import Toolchain, find_or_build
from tests.support import buckets
from tests.support.languages import STACK_FILE, normal
from tests.support.machine import Machine
from tests.support.stacks import Stack


@pytest.fixture(scope="session")
def languages() -> Toolchain:
    """The toolchain with the YAML host and the writer of SDKs."""
    return find_or_build(Console(stderr=True), languages=True)


@pytest.fixture(scope="session")
def of_a_stack_file(machine: Machine, store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The objects of the same declaration as a stack file."""
    stack = Stack(machine, "languages", tmp_path_factory.mktemp("languages"))
    buckets.with_store(stack, store)
    stack.secret("anthropic")
    stack.write(STACK_FILE)
    stack.up().ok()
    objects = normal(stack)
    stack.destroy().ok()
    return objects
