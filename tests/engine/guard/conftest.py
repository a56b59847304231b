"""The guard is installed, and the tests of the folders beside this one meet it, in guarded workspaces."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.insider.test_printing import attacked
from tests.engine.test_escalation_platform import session, w
from tests.support.guarded import GuardedStack, GuardedWorld, Watch, installed, watched
from tests.support.insider import WITH_INSIDER, Insider
from tests.support.machine import Machine

__all__ = ["attacked", "session", "w"]


@pytest.fixture(scope="module")
def guard(machine: Machine) -> Iterator[None]:
    """The policies, for the tests of a module."""
    with installed(machine):
        yield


@pytest.fixture
def world(guard: None, machine: Machine) -> Iterator[GuardedWorld]:
    world = GuardedWorld(machine)
    yield world
    world.remove()


@pytest.fixture
def watch(guard: None, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return watched(monkeypatch, machine)


@pytest.fixture
def stack(guard: None, machine: Machine, tmp_path: Path) -> Iterator[GuardedStack]:
    """A guarded stack of the test's own."""
    stack = GuardedStack(machine, f"guarded-{secrets.token_hex(4)}", tmp_path)
    yield stack
    stack.remove()


@pytest.fixture(scope="module")
def shared(guard: None) -> Iterator[list[GuardedStack]]:
    """A stack that tests share, as it was deployed: what the guard refuses changes nothing. None, if one has been."""
    stacks: list[GuardedStack] = []
    yield stacks
    for stack in stacks:
        stack.remove()


@pytest.fixture
def insider(
    shared: list[GuardedStack], machine: Machine, watch: Watch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Insider]:
    """Bob in a guarded stack, with role edit as in the folder of his attacks."""
    if not shared:
        stack = GuardedStack(machine, f"guarded-{secrets.token_hex(4)}", tmp_path_factory.mktemp("guarded"))
        stack.write(WITH_INSIDER)
        stack.up().ok()
        stack.touched = False
        shared.append(stack)
    watch.trusted = False
    yield Insider(shared[-1])
    if shared[-1].touched or watch.trusted:
        shared.pop().remove()
