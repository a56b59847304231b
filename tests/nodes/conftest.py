"""Fixtures of the tests on nodes: an engine and a cluster as the engine tests have them, and three nodes beside it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.nodes.images import images
from sandbox.nodes.nodes import Nodes, folder_of
from sandbox.nodes.programs import build_programs, missing
from sandbox.progress import Progress
from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.engine.conftest import _no_clock, stack, store, toolchain
from tests.support.conformance import platform_programs
from tests.support.machine import Machine, started
from tests.support.pods import SESSION_IMAGE, Pods

__all__ = ["_no_clock", "platform_programs", "stack", "store", "toolchain"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("nodes")


@pytest.fixture(scope="session")
def machine(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A cluster that has privileged pods, as those with nodes do, unless something refuses them."""
    directory = tmp_path_factory.mktemp("sandbox")
    if reason := missing(directory):
        end = pytest.fail if os.environ.get("AMBIENT_NODES") == "required" else pytest.skip
        end(f"tests on nodes skipped: {reason}")
    with started(directory, toolchain, "--allow-privileged=true") as machine:
        yield machine


@pytest.fixture(scope="session")
def nodes(machine: Machine, store: Store, toolchain: Toolchain) -> Iterator[Nodes]:
    """Three nodes beside the cluster, from which the store is reached."""
    console = Console(stderr=True)
    programs, folder = build_programs(console), folder_of(machine.directory)
    session = {SESSION_IMAGE: Path(__file__).with_name("session")}
    made = images(programs, toolchain, folder, Progress(console), session)
    try:
        with Nodes(machine.cluster, programs, made, store.ports) as running:
            yield running
    finally:
        # Gigabytes of images, which pytest would keep with those of two more runs.
        shutil.rmtree(folder)


@pytest.fixture
def pods(machine: Machine, nodes: Nodes) -> Pods:
    """The pods of a test, which may be anywhere in the cluster."""
    return Pods(machine, nodes)
