"""A workspace with the account of a key, and the state after the first run."""

import pytest

from tests.support.tokens import NAMESPACE, WANTED


@pytest.fixture
def world(world):
    world.api.add("/api/v1/namespaces", "pay")
    world.api.add(f"{NAMESPACE}/serviceaccounts", "ambient-key-ci-1", uid="uid-of-the-account")
    return world


@pytest.fixture
def made(world):
    """The state after the first run."""
    _, state = world.plugin.create(WANTED)
    world.api.log.clear()
    world.engine.lines.clear()
    return state
