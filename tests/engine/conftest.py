"""Fixtures of the engine tests: the real CLI, the real plugins, a real API server, and the deployer's rights alone."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from ambient_components.rules.guard import GuardMode
from sandbox.backend import Backend
from sandbox.store import Store
from sandbox.toolchain import Toolchain, find_or_build
from tests.support.attacks import World
from tests.support.conformance import platform_programs
from tests.support.guarded import installed
from tests.support.machine import Machine, started
from tests.support.recordings import ObservedPlatform, observe, pytest_pyfunc_call
from tests.support.stacks import Stack

__all__ = ["platform_programs", "pytest_pyfunc_call"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("engine")


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return find_or_build(Console(stderr=True))


@pytest.fixture(scope="session")
def machine(
    toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Machine]:
    """A cluster and an engine of their own: `make test` and a running sandbox do not meet."""
    with started(tmp_path_factory.mktemp("sandbox"), toolchain) as machine:
        if request.config.getoption("--guard-floor"):
            with installed(machine, GuardMode.DENY):
                yield machine
        else:
            yield machine


@pytest.fixture(scope="session")
def store(machine: Machine, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An object store of the session's own, with the IAM API; tests may stop, kill and start it, and leave it running.

    Beside the cluster's folder, not in it: the secrets of its users lie in its data, as they do in every store.
    """
    with Store(tmp_path_factory.mktemp("store"), toolchain) as store:
        machine.keep_secret(store.secret_key, "the root's secret access key of the store")
        yield store
    logs = "".join(service.log.read_text(errors="replace") for service in store.services)
    assert [what for secret, what in machine.known_secrets.items() if secret in logs] == []


@pytest.fixture
def stack(machine: Machine, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """A stack and a project folder of the test's own; its namespaces go when it ends."""
    # The test's name, and a few digits: a test with parameters is several.
    name = f"{request.node.name.removeprefix('test_').split('[')[0].replace('_', '-')[:32]}-{secrets.token_hex(2)}"
    stack = Stack(machine, name, tmp_path)
    yield stack
    stack.remove()


@pytest.fixture
def world(machine: Machine) -> Iterator[World]:
    world = World(machine)
    yield world
    world.remove()


@pytest.fixture(scope="module")
def platform(platform_programs: None, machine: Machine) -> Iterator[Backend]:
    """The platform's backend and its operator, for the modules that ask for it; `Backend.call` asks the backend.

    A module, not the session: the operator takes up every workspace of the cluster, so with one for the session it
    would depend on the order of tests whether others meet its objects. And the cluster's directory has one record of
    a running backend: the start in test_openshift.py would end the session's. It costs half a second a module.
    """
    with Backend(machine.cluster, operator=True) as running:
        yield running


@pytest.fixture
def observed(request: pytest.FixtureRequest, stack: Stack) -> ObservedPlatform:
    """The platform for tests that only read: the fixture `platform`, or without the programs a recording of it."""
    return observe(request, stack, "platform")


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMBIENT_CLOCK_OFFSET", raising=False)


def pytest_report_header() -> str:
    return f"engine: pulumi on PATH: {shutil.which('pulumi') or 'none'}, assets: {os.environ.get('KUBEBUILDER_ASSETS')}"
