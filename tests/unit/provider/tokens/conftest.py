"""A workspace with the account of a key, and the state after the first run."""

import pytest

from tests.support.fake_plugin import running
from tests.support.tokens import NAMESPACE, WANTED


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay")
        all_of_it.api.add(f"{NAMESPACE}/serviceaccounts", "ambient-key-ci-1", uid="uid-of-the-account")
        yield all_of_it


@pytest.fixture
def made(world):
    """The state after the first run."""
    _, state = world.plugin.create(WANTED)
    world.api.log.clear()
    world.engine.lines.clear()
    return state
